"""What a dataset's budget has gone for, by the plain sum and by a tighter bound (contract dq0 5.4)."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.datasets.model import BudgetCharge, ChargeState, PrivacyBudget
from quinta.core.datasets.periods import refilled
from quinta.core.datasets.sight import DatasetReference, dataset_referred, sight_of
from quinta.core.errors import StateConflict
from quinta.core.ports import Between, Differs, QueryEngine, Store
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock

MORE_DELTA: Final = 1e-6
"""What the tighter bound takes of delta beyond what was charged of it: without any there is no tighter one."""
_KEPT: Final = 256

_State = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Spending:
    """Of all that was charged since the budget was last given anew or set: ``spent`` is the sum and ``tightly`` what it
    really comes to at ``delta``, both in 1e-9 epsilon. What is reserved is spent here."""

    dataset_id: str
    spent: int
    tightly: int
    delta: float


class Spendings:
    """Keeps the bounds of the datasets asked for last, which take up to 0.3 s each, until their ledgers change."""

    def __init__(self, store: Store, engine: QueryEngine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock
        self._known: OrderedDict[str, tuple[_State, int]] = OrderedDict()

    async def of(self, actor: Actor, dataset: DatasetReference) -> Spending | None:
        """None for who may use the dataset and does not manage it; errors as of ``dataset_referred``."""
        async with self._store.read() as work:
            found = await dataset_referred(work, actor, dataset, PermissionLevel.USE)
            if (await sight_of(work, actor)).level(found.id, found.owner_id) < PermissionLevel.MANAGE:
                return None
            stored = await work.of(PrivacyBudget, EVERYTHING).get(dataset_id=found.id)
            if stored is None:
                return None
            since = Between(start=refilled(stored, self._clock.now()).refilled_at)
            charged = work.of(BudgetCharge, EVERYTHING)
            charges = await charged.find(dataset_id=found.id, state=Differs(ChargeState.RETURNED), created_at=since)
        state = tuple(sorted((item.amount, item.delta) for item in charges))
        delta = min(1.0, math.fsum(delta for _, delta in state) + MORE_DELTA)
        tightly = await self._tightly(found.id, state, delta)
        return Spending(found.id, sum(amount for amount, _ in state), tightly, delta)

    async def _tightly(self, dataset_id: str, state: _State, delta: float) -> int:
        known = self._known.get(dataset_id)
        if known is None or known[0] != state:
            known = state, await self._bound(state, delta)
            self._known[dataset_id] = known
        self._known.move_to_end(dataset_id)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known[1]

    async def _bound(self, state: _State, delta: float) -> int:
        try:
            return await self._engine.together(state, delta)
        except StateConflict:  # a server without the libraries for it: the sum is a bound too
            return sum(amount for amount, _ in state)
