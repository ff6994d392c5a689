"""What using a dataset may cost: reserved before anything is read, then spent or given back (contract dq0 5.4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.datasets.budget_rows import begin_period, lock_budgets, write_budget
from quinta.core.datasets.epsilon import budget_of, epsilon_of
from quinta.core.datasets.model import BudgetCharge, ChargeState, Dataset, PrivacyBudget
from quinta.core.datasets.periods import belongs_to_period, refilled
from quinta.core.datasets.sight import DatasetReference, dataset_referred, sight_of, visible_ids
from quinta.core.errors import LimitReached, NotFound
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging, check_page
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class BudgetView:
    """A budget as it is now, with its dataset's number and name."""

    budget: PrivacyBudget
    dataset_number: int
    dataset_name: str


class Budgets:
    """The ledger, for who starts and ends jobs, and the use cases of owners.

    Amounts are in 1e-9 epsilon (``core.datasets.epsilon``). Each change locks the budgets it is about: whatever comes
    at the same moment, no more is reserved than is there.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def reserve(
        self,
        work: UnitOfWork,
        dataset_ids: Collection[str],
        job_id: str,
        user_id: str | None,
        amount: int,
        delta: float = 0.0,
    ) -> None:
        """Takes ``amount`` of the budget of each of the datasets, for a job that has taken nothing of them yet.

        LimitReached, and nothing is taken, where one has less left: it names neither that one nor what is left, which
        are for owners to know. NotFound for a dataset that is not there any more.
        """
        if amount < 0 or delta < 0:
            raise ValueError(f"a charge takes something: {amount}, {delta}")
        now, wanted = self._clock.now(), set(dataset_ids)
        there = await work.of(Dataset, EVERYTHING).lock_all(sharing=True, id=list(wanted), deleted_at=None)
        budgets = await lock_budgets(work, there, now)
        if budgets.keys() != wanted:
            raise NotFound("a dataset of the job is not there any more")
        if any(budget.current < amount for budget in budgets.values()):
            raise LimitReached(
                "what is left of the privacy budget does not allow this: use less epsilon, or ask the data owner",
                field="epsilon",
                refusal=True,
            )
        for budget in budgets.values():
            start = max(now, budget.refilled_at)  # a clock that is behind puts nothing into the period before
            charge = BudgetCharge(
                new_id(), budget.dataset_id, job_id, user_id, amount, delta, ChargeState.RESERVED, start, start
            )
            await work.of(BudgetCharge, EVERYTHING).add(charge)
            await write_budget(work, replace(budget, current=budget.current - amount), now)
            _emit(work, EventName.CHARGE_RESERVED, budget.dataset_id, user_id)

    async def covers(
        self, work: UnitOfWork, job_id: str, dataset_ids: Collection[str], amount: int, delta: float
    ) -> bool:
        """Whether the job has reserved at least so much of each of the datasets."""
        charges = await work.of(BudgetCharge, EVERYTHING).find(job_id=job_id, state=ChargeState.RESERVED)
        enough = {charge.dataset_id for charge in charges if charge.amount >= amount and charge.delta >= delta}
        return not amount or enough.issuperset(dataset_ids)

    async def settle(self, work: UnitOfWork, job_id: str) -> int:
        """What the job has reserved is spent; in how many datasets. Again is no error: nothing is left to settle."""
        charges = await self._reserved(work, job_id)
        for charge in charges:
            await self._end(work, charge, ChargeState.SETTLED, EventName.CHARGE_SETTLED)
        return len(charges)

    async def give_back(self, work: UnitOfWork, job_id: str) -> int:
        """What the job has reserved is there again, where nothing can have been learnt: it failed before it read
        anything. In how many datasets; what was settled stays spent."""
        now, charges = self._clock.now(), await self._reserved(work, job_id)
        budgets = await lock_budgets(work, [charge.dataset_id for charge in charges], now)
        for charge in charges:
            budget = budgets[charge.dataset_id]
            if belongs_to_period(charge, budget):
                current = min(budget.initial, budget.current + charge.amount)
                await write_budget(work, replace(budget, current=current), now)
            await self._end(work, charge, ChargeState.RETURNED, EventName.CHARGE_RETURNED)
        return len(charges)

    async def set_current(self, actor: Actor, dataset: DatasetReference, current: float) -> BudgetView:
        """Sets what is left, in epsilon, of a dataset that the actor manages; what jobs have reserved is not part of
        it, and is not added when they give it back. More than there ever was makes the initial budget larger too.

        InvalidInput (``current``): no number from 0 to 1e9.
        """
        amount = budget_of(current)
        async with self._store.begin() as work:
            found = await dataset_referred(work, actor, dataset, PermissionLevel.MANAGE)
            now = self._clock.now()
            budget = (await lock_budgets(work, [found.id], now))[found.id]
            start = await begin_period(work, budget, now)
            changed = replace(budget, current=amount, initial=max(budget.initial, amount), refilled_at=start)
            changed = await write_budget(work, changed, now)
            _emit(work, EventName.BUDGET_CHANGED, found.id, actor.user_id)
            return BudgetView(changed, found.number, found.name)

    async def find(self, actor: Actor, paging: Paging, dataset: DatasetReference | None = None) -> Page[BudgetView]:
        """The budgets of the datasets that the actor may use, or of one of them; oldest first."""
        check_page(paging)
        async with self._store.read() as work:
            if dataset is not None:
                ids = [(await dataset_referred(work, actor, dataset, PermissionLevel.USE)).id]
            else:
                sight = await sight_of(work, actor)
                ids = await visible_ids(work, sight, PermissionLevel.USE, ("number",))
            shown = ids[paging.offset : paging.offset + paging.limit]
            datasets = {item.id: item for item in await work.of(Dataset, EVERYTHING).find(id=shown)}
            found = await work.of(PrivacyBudget, EVERYTHING).find(dataset_id=shown)
        now = self._clock.now()
        budgets = {budget.dataset_id: refilled(budget, now) for budget in found}
        views = [BudgetView(budgets[item], datasets[item].number, datasets[item].name) for item in shown]
        return Page(tuple(views), len(ids))

    async def left(self, actor: Actor, dataset_ids: Collection[str]) -> dict[str, float]:
        """What is left now, in epsilon, of those of the datasets that the actor manages, by name."""
        async with self._store.read() as work:
            sight = await sight_of(work, actor)
            datasets = await work.of(Dataset, EVERYTHING).find(id=list(dataset_ids), order=("name",))
            managed = [item for item in datasets if sight.level(item.id, item.owner_id) >= PermissionLevel.MANAGE]
            found = await work.of(PrivacyBudget, EVERYTHING).find(dataset_id=[item.id for item in managed])
        budgets = {budget.dataset_id: refilled(budget, self._clock.now()) for budget in found}
        return {item.name: epsilon_of(budgets[item.id].current) for item in managed}

    async def _reserved(self, work: UnitOfWork, job_id: str) -> list[BudgetCharge]:
        """The job's reserved charges, locked: of two that end them at once one finds none."""
        charges = work.of(BudgetCharge, EVERYTHING)
        ids = await charges.lock_all(job_id=job_id, state=ChargeState.RESERVED)
        return await charges.find(id=ids, state=ChargeState.RESERVED, order=("id",))

    async def _end(self, work: UnitOfWork, charge: BudgetCharge, state: ChargeState, name: EventName) -> None:
        await work.of(BudgetCharge, EVERYTHING).change(charge.id, state=state, updated_at=self._clock.now())
        _emit(work, name, charge.dataset_id, charge.user_id)


def _emit(work: UnitOfWork, name: EventName, dataset_id: str, actor_id: str | None) -> None:
    work.emit(Event(name, dataset_id, (f"dataset:{dataset_id}",), actor_id))
