"""Watches the machine's clock for jumps. Loops wait in monotonic time, which has none; what is stored is wall time.

Forward, leases run out and due times pass early: loops see to these by themselves. Back, moments that were stored while
the clock was ahead lie far in the future, and what waits for them would sleep until then: these are mended here, after
each jump, at the start, since the clock may have jumped while no server ran, and every ten minutes, since it may have
jumped there and back between two looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from quinta.core.errors import Unavailable
from quinta.kit.clock import Clock

logger = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_MEND_SECONDS = 600.0
JUMP_SECONDS = 30.0
"""Less is what adjusting a clock may do, and what every loop bears."""


class ClockWatch:
    """``menders`` by name: each makes moments that lie too far ahead right again and answers how many."""

    def __init__(self, clock: Clock, menders: Mapping[str, Callable[[], Awaitable[int]]]) -> None:
        self._clock = clock
        self._menders = menders
        self._offset = self._ahead()
        self._due = clock.monotonic()

    def _ahead(self) -> float:
        """By how much wall time is ahead of monotonic time, in seconds: it changes only when the clock jumps."""
        return self._clock.now().timestamp() - self._clock.monotonic()

    async def run(self) -> None:
        """Watches until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """One look at the clock, and what follows from it."""
        jumped = self._ahead() - self._offset
        self._offset += jumped
        if abs(jumped) >= JUMP_SECONDS:
            logger.warning("clock.jumped", seconds=round(jumped))
        now = self._clock.monotonic()
        if jumped <= -JUMP_SECONDS or now >= self._due:
            self._due = now + _MEND_SECONDS if await self._mend() else now

    async def _mend(self) -> bool:
        """False when it has to be tried again."""
        mended = True
        for name, mend in self._menders.items():
            try:
                if count := await mend():
                    logger.warning("clock.mended", what=name, count=count)
            except Unavailable as error:
                logger.warning("clock.store_unavailable", what=name, error=error.message)
                mended = False
            except Exception:
                logger.exception("clock.not_mended", what=name)
        return mended
