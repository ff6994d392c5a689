"""How many instances the load of one version asks for, from what was measured. No clock of its own."""

from __future__ import annotations

import math
from typing import Final

_WEIGHT: Final = 0.2  # of the newest measurement in the moving means
_WINDOW_SECONDS: Final = 1.0


class Demand:
    """Measures runs, starts and the number of requests at once, and says how many instances they need.

    The rule. A start is worth its while only if the queue outlasts it:

    - Nothing measured yet (the code is new): one starting instance for each request that waits.
    - Else as many instances as work the queue off in the time that one start takes: 20 requests of 10 ms are done by
      one instance before a second would be there, 20 of 10 s need 20.
    - Or as many as requests were there at once, at least, during the last second or the time of a start, whichever is
      longer: load that stays, however short its runs, gets instances; a burst does not.

    Never more are starting than requests wait. An instance whose present run has taken longer than a start is not
    counted upon.
    """

    __slots__ = ("_lowest", "_window_ends", "run_seconds", "start_seconds", "sustained")

    def __init__(self) -> None:
        self.run_seconds: float | None = None  # moving mean
        self.start_seconds: float | None = None  # moving mean
        self.sustained = 0  # requests at once, at least, in the last whole window
        self._lowest: int | None = None
        self._window_ends = 0.0

    def ran(self, seconds: float) -> None:
        """A request has been answered, ``seconds`` after the instance got it."""
        mean = self.run_seconds
        self.run_seconds = seconds if mean is None else mean + _WEIGHT * (seconds - mean)

    def started(self, seconds: float) -> None:
        """An instance has become ready, ``seconds`` after its launch."""
        mean = self.start_seconds
        self.start_seconds = seconds if mean is None else mean + _WEIGHT * (seconds - mean)

    def forget_runs(self) -> None:
        """The code is another one from now on."""
        self.run_seconds = None

    def sample(self, at_once: int, now: float) -> None:
        """So many requests run or wait; to be called a few times a second."""
        if self._lowest is None or now >= self._window_ends:
            self.sustained = 0 if self._lowest is None else self._lowest
            self._lowest = at_once
            self._window_ends = now + max(_WINDOW_SECONDS, self.start_seconds or 0.0)
        else:
            self._lowest = min(self._lowest, at_once)

    def stuck(self, seconds: float) -> bool:
        """Whether a run that has taken ``seconds`` so far is one to start another instance beside."""
        return self.start_seconds is not None and seconds > self.start_seconds

    def more(self, waiting: int, serving: int, starting: int) -> int:
        """How many instances to start now for ``waiting`` requests, beside ``serving`` ones that can be counted upon
        and ``starting`` ones. 0 or less: none."""
        if self.run_seconds is None or self.start_seconds is None:
            return waiting - starting
        wanted = max(math.ceil(waiting * self.run_seconds / max(self.start_seconds, 0.001)), self.sustained, 1)
        return min(wanted - serving - starting, waiting - starting)
