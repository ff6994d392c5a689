"""How often a key may call within a minute, and an address with keys that nobody has (contract versiontwo 4)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from quinta.core.ports import Store
from quinta.kit.clock import Clock

WINDOW_SECONDS = 60.0
_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a window after a call. ``allowed``: the call was within it."""

    limit: int
    remaining: int
    reset_at: datetime
    allowed: bool


class RateLimits:
    """Counts calls by subject: ``key:ID``, or ``address:IP`` for calls with a bad key.

    A window is opened by the first call after the last one ended, and lasts 60 seconds whatever comes meanwhile. Each
    call is counted in a transaction of its own, so that several servers on one database let exactly ``limit`` pass. 0
    is no limit.
    """

    def __init__(self, store: Store, clock: Clock, limit: int, window_seconds: float = WINDOW_SECONDS) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit
        self._window = timedelta(seconds=window_seconds)
        self._used_up: OrderedDict[str, Budget] = OrderedDict()

    async def count(self, subject: str) -> Budget | None:
        """Counts a call; None when there is no limit."""
        if self._limit == 0:
            return None
        now = self._clock.now()
        known = self._used_up.get(subject)
        # Nothing is counted in a window that is used up, so that a flood of refused calls does not reach the database.
        if known is not None and now < known.reset_at <= now + self._window:
            return known
        async with self._store.begin() as work:
            window = await work.count_call(subject, now, self._window.total_seconds())
        budget = Budget(
            limit=self._limit,
            remaining=max(self._limit - window.used, 0),
            reset_at=window.opened_at + self._window,
            allowed=window.used <= self._limit,
        )
        if not budget.allowed:
            self._keep(subject, budget)
        return budget

    def _keep(self, subject: str, budget: Budget) -> None:
        self._used_up[subject] = budget
        self._used_up.move_to_end(subject)
        while len(self._used_up) > _MOST_KEPT:
            self._used_up.popitem(last=False)
