"""Writes what gathers in memory while the server runs: refusals for the audit trail (decision 0024), and when keys were
last used (decision 0028)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from quinta.core.errors import Unavailable

REFUSALS_SECONDS: Final = 0.5
KEY_USES_SECONDS: Final = 60.0

logger = structlog.get_logger(__name__)


async def keep_flushing(name: str, flush: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Writes what gathers, every so many seconds, until cancelled; what is left then is for the caller to flush.
    ``name`` is what the server's log calls it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await flush()
        except Unavailable as error:
            logger.warning(f"{name}.store_unavailable", error=error.message)
        except Exception:
            logger.exception(f"{name}.not_written")
