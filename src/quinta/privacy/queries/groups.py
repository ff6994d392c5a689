"""Which groups a statement puts out: all that there can be, or those that reach a number of individuals."""

from __future__ import annotations

from typing import Final

from quinta.privacy.queries.tree import Plan

MOST_ENUMERATED: Final = 10_000
"""Groups that are put out whether they have rows or not; of more, only those that are there are told, by tau."""


def is_enumerable(plan: Plan) -> bool:
    """Whether all groups are known beforehand (decision: at most MOST_ENUMERATED of them); () without keys is one."""
    count = 1
    for key in plan.keys:
        if key.values is None:
            return False
        count *= len(key.values)
    return count <= MOST_ENUMERATED


def asks_individuals(plan: Plan) -> bool:
    """Whether request or metadata ask for a number of individuals in each group."""
    return plan.tau > 0 or any(limit.column is None for limit in plan.limits)


def is_selecting(plan: Plan) -> bool:
    """Whether a count with noise decides which groups are put out."""
    return asks_individuals(plan) or not is_enumerable(plan)
