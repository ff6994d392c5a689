"""How late the event loop is, and the clock of what counts as recent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Container
from typing import Final

from quinta.engine.observation.histogram import Histogram
from quinta.engine.observation.tally import Tally
from quinta.kit.clock import Clock

_BEAT_SECONDS: Final = 0.25
_BEATS_PER_MARK: Final = 40
_MARKS: Final = 6


class Pulse:
    """Four times a second looks how much later than asked for the loop comes back: as long, everything waited.

    Every ten seconds it marks the moment in ``tally``; ``alive`` says which versions still are.
    """

    def __init__(self, tally: Tally, alive: Callable[[], Container[str]], clock: Clock) -> None:
        self.lag = Histogram()
        self._tally = tally
        self._alive = alive
        self._now = clock.monotonic
        self._worst: deque[float] = deque([0.0], maxlen=_MARKS)

    @property
    def worst_lag(self) -> float:
        """The longest delay of the last minute, in seconds."""
        return max(self._worst)

    async def run(self) -> None:
        """Beats until cancelled."""
        while True:
            for _ in range(_BEATS_PER_MARK):
                asked = self._now()
                await asyncio.sleep(_BEAT_SECONDS)
                late = max(0.0, self._now() - asked - _BEAT_SECONDS)
                self.lag.observe(late)
                self._worst[-1] = max(self._worst[-1], late)
            self._worst.append(0.0)
            self._tally.mark(self._alive())
