"""Bounds on guessing: how many wrong passwords an address may send, in memory of this server.

Counted are failures only, over five minutes: by address and account together, so that a stranger cannot lock an owner
out of an account, and by address alone, against one password tried on many accounts. A restart forgets them.
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
class _Failures:
    since: float
    count: int = 0


class SignInAttempts:
    """Failures by key, the oldest window first; at most ``_MOST_KEPT`` keys (about 4 MB)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[_Key, _Failures] = OrderedDict()

    def check(self, address: str, email: str) -> None:
        """TooManyRequests while this address has used up its failures, for the account or in all."""
        now = self._clock.monotonic()
        self._forget(now)
        for key, most in (((address, email), MOST_FOR_ACCOUNT), ((address, ""), MOST_FOR_ADDRESS)):
            failures = self._failures.get(key)
            if failures is not None and failures.count >= most:
                left = int(failures.since + WINDOW_SECONDS - now) + 1
                text = f"too many attempts with a wrong password: try again in {left} seconds"
                raise TooManyRequests(text, refusal=True)

    def failed(self, address: str, email: str) -> None:
        """Counts a wrong password."""
        for key in ((address, email), (address, "")):
            if key not in self._failures:
                self._failures[key] = _Failures(self._clock.monotonic())
            self._failures[key].count += 1
        while len(self._failures) > _MOST_KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, email: str) -> None:
        """Whoever knows the password begins anew with that account."""
        self._failures.pop((address, email), None)

    def _forget(self, now: float) -> None:
        while self._failures:
            key, failures = next(iter(self._failures.items()))
            if now - failures.since < WINDOW_SECONDS:
                return
            del self._failures[key]
