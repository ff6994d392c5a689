"""Writes refusals into the audit trail while the server runs (decision 0024)."""

from __future__ import annotations

import asyncio

import structlog

from quinta.core.errors import Unavailable
from quinta.core.observation.refusals import Refusals

INTERVAL_SECONDS = 0.5

logger = structlog.get_logger(__name__)


async def write_refusals(refusals: Refusals) -> None:
    """Writes what gathers until cancelled; what is left then is for the caller to flush."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            await refusals.flush()
        except Unavailable as error:
            logger.warning("refusals.store_unavailable", error=error.message)
        except Exception:
            logger.exception("refusals.not_written")
