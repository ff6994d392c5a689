"""Writes when keys were last used while the server runs (decision 0028)."""

from __future__ import annotations

import asyncio

import structlog

from quinta.core.access.key_uses import KeyUses
from quinta.core.errors import Unavailable

INTERVAL_SECONDS = 60.0

logger = structlog.get_logger(__name__)


async def write_key_uses(uses: KeyUses) -> None:
    """Writes what gathers until cancelled; what is left then is for the caller to flush."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            await uses.flush()
        except Unavailable as error:
            logger.warning("key_uses.store_unavailable", error=error.message)
        except Exception:
            logger.exception("key_uses.not_written")
