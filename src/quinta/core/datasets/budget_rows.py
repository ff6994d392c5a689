"""The rows of budgets, changed under their locks (contract dq0 5.4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from quinta.core.datasets.model import BudgetCharge, ChargeState, PrivacyBudget
from quinta.core.datasets.periods import refilled
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING


async def lock_budgets(work: UnitOfWork, dataset_ids: Collection[str], now: datetime) -> dict[str, PrivacyBudget]:
    """The budgets of the datasets as they are at ``now``, by dataset; nobody else changes them until this transaction
    ends. In the order of their ids, so that two who want several never wait for each other."""
    budgets = work.of(PrivacyBudget, EVERYTHING)
    ids = await budgets.lock_all(dataset_id=list(dataset_ids))
    return {budget.dataset_id: refilled(budget, now) for budget in await budgets.find(id=ids, order=("id",))}


async def write_budget(work: UnitOfWork, budget: PrivacyBudget, now: datetime) -> PrivacyBudget:
    """Writes what ``lock_budgets`` answered, changed."""
    changed = replace(budget, updated_at=now)
    await work.of(PrivacyBudget, EVERYTHING).change(
        budget.id,
        initial=changed.initial,
        current=changed.current,
        interval_days=changed.interval_days,
        refilled_at=changed.refilled_at,
        updated_at=changed.updated_at,
    )
    return changed


async def change_declared(
    work: UnitOfWork, dataset_id: str, difference: int, interval_days: int | None, now: datetime
) -> None:
    """Takes a change of what the metadata declare into the budget: ``difference`` in 1e-9 epsilon."""
    budget = (await lock_budgets(work, [dataset_id], now))[dataset_id]
    if difference or interval_days != budget.interval_days:
        initial = max(0, budget.initial + difference)
        current = min(initial, max(0, budget.current + difference))
        changed = replace(budget, initial=initial, current=current, interval_days=interval_days)
        await write_budget(work, changed, now)


async def begin_period(work: UnitOfWork, budget: PrivacyBudget, now: datetime) -> datetime:
    """The start of a period that no charge which is reserved now belongs to, whatever the clocks of other servers
    say: what is returned of those gives nothing back (``belongs_to_period``)."""
    reserved = await work.of(BudgetCharge, EVERYTHING).find(
        dataset_id=budget.dataset_id, state=ChargeState.RESERVED, order=("-created_at",), limit=1
    )
    return max([now, *(charge.created_at + timedelta(microseconds=1) for charge in reserved)])
