"""Budgets that are given anew after some days (contract dq0 5.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from quinta.core.datasets.model import BudgetCharge, PrivacyBudget


def refilled(budget: PrivacyBudget, now: datetime) -> PrivacyBudget:
    """The budget as it is at ``now``: full again if its interval has passed. The next one begins where the last one
    ended, whenever that is noticed."""
    if budget.interval_days is None:
        return budget
    interval = timedelta(days=budget.interval_days)
    passed = (now - budget.refilled_at) // interval
    if passed < 1:
        return budget
    return replace(budget, current=budget.initial, refilled_at=budget.refilled_at + passed * interval)


def belongs_to_period(charge: BudgetCharge, budget: PrivacyBudget) -> bool:
    """Whether the charge was taken of what is left now. One from before the budget was last given anew, or set by its
    owner, gives nothing back: that would be more than was given."""
    return charge.created_at >= budget.refilled_at
