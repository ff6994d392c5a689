"""The queues of the database, asked for at most once in a few seconds however many want to see them."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from quinta.core.errors import Unavailable
from quinta.core.observation.queues import Queue
from quinta.core.ports import Store
from quinta.kit.clock import Clock

FRESH_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 2.0

logger = structlog.get_logger(__name__)


class QueueReader:
    """Reads the queues of ``store``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._queues: list[Queue] | None = None
        self._read_at = float("-inf")

    async def read(self) -> list[Queue] | None:
        """The queues, at most FRESH_SECONDS old; None when the database does not answer within two seconds."""
        async with self._turn:
            if self._clock.monotonic() - self._read_at >= FRESH_SECONDS:
                self._queues = await self._ask()
                self._read_at = self._clock.monotonic()
            return self._queues

    async def _ask(self) -> list[Queue] | None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._store.read() as work:
                return await work.queues(self._clock.now())
        except (Unavailable, TimeoutError) as error:
            logger.warning("queues.not_read", error=str(error) or "the database did not answer in time")
        except Exception:  # the page of measurements is wanted most when the database is broken
            logger.exception("queues.not_read")
        return None
