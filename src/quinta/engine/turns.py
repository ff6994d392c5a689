"""Whose item is taken next, where several wait and room is short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any, Generic, TypeVar

from quinta.engine.leases import Claim

Holder = TypeVar("Holder", bound="str | None")


class Turns(Generic[Holder]):
    """One item after the other, for the holder (a person, a project) who has fewest under way, and of several the one
    whose last turn is longest ago: who has a thousand waiting holds nobody up.

    ``leaves_room``: nobody holds more than half of what the others leave, so that one whose items take hours leaves
    room for those who come later.
    """

    def __init__(self, *, leaves_room: bool) -> None:
        self._leaves_room = leaves_room
        self._numbers = count(1)
        self._last: Counter[Holder] = Counter()

    async def take(
        self,
        claim: Claim[Any],
        waiting: Iterable[Holder],
        under_way: Iterable[Holder],
        take_one: Callable[[Holder], Awaitable[int]],
    ) -> None:
        """Takes while there is room. ``under_way`` has a holder once for each item; ``take_one`` takes one of the
        holder's and answers how many it took, 0 where none is left."""
        left, held = set(waiting), Counter(under_way)
        while left and claim.room > 0:
            holder = min(left, key=lambda each: (held[each], self._last[each]))
            most = (held[holder] + claim.room + 1) // 2 if self._leaves_room else held[holder] + claim.room
            if held[holder] < most and await take_one(holder):
                held[holder] += 1
                self._last[holder] = next(self._numbers)
            else:
                left.discard(holder)
