"""Bounds on guessing and on asking for nothing: how often an address may, in memory of this server.

Of passwords, failures alone are counted, over five minutes: by address and account together, so that a stranger cannot
lock an owner out of an account, and by address alone, against one password tried on many accounts. A restart forgets
them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from quinta.core.errors import TooManyRequests
from quinta.kit.clock import Clock

WINDOW_SECONDS = 300.0
MOST_FOR_ACCOUNT = 10
MOST_FOR_ADDRESS = 300
"""People behind one proxy share an address: wrong passwords of one of them must not shut out all the others at once."""
_MOST_KEPT = 20_000

_Key = tuple[str, str]


@dataclass(slots=True)
class _Count:
    since: float
    times: int = 0


class RecentCounts:
    """Counts by key, each over ``seconds`` from its first; at most ``_MOST_KEPT`` keys (about 4 MB)."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._counts: OrderedDict[_Key, _Count] = OrderedDict()  # the oldest window first

    def seconds_left(self, key: _Key, most: int) -> int | None:
        """How long the key has to wait since it has been counted ``most`` times; None: it need not."""
        now = self._clock.monotonic()
        self._forget(now)
        count = self._counts.get(key)
        return None if count is None or count.times < most else int(count.since + self._seconds - now) + 1

    def add(self, key: _Key) -> None:
        if key not in self._counts:
            self._counts[key] = _Count(self._clock.monotonic())
        self._counts[key].times += 1
        while len(self._counts) > _MOST_KEPT:
            self._counts.popitem(last=False)

    def reset(self, key: _Key) -> None:
        self._counts.pop(key, None)

    def _forget(self, now: float) -> None:
        while self._counts:
            key, count = next(iter(self._counts.items()))
            if now - count.since < self._seconds:
                return
            del self._counts[key]


class SignInAttempts:
    """Wrong passwords."""

    def __init__(self, clock: Clock) -> None:
        self._failures = RecentCounts(clock, WINDOW_SECONDS)

    def check(self, address: str, email: str) -> None:
        """TooManyRequests while this address has used up its failures, for the account or in all."""
        for key, most in (((address, email), MOST_FOR_ACCOUNT), ((address, ""), MOST_FOR_ADDRESS)):
            left = self._failures.seconds_left(key, most)
            if left is not None:
                text = f"too many attempts with a wrong password: try again in {left} seconds"
                raise TooManyRequests(text, refusal=True, wait_seconds=left)

    def failed(self, address: str, email: str) -> None:
        """Counts a wrong password."""
        for key in ((address, email), (address, "")):
            self._failures.add(key)

    def succeeded(self, address: str, email: str) -> None:
        """Whoever knows the password begins anew with that account."""
        self._failures.reset((address, email))
