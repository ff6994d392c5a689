"""A question's cost and its answer: analysis, allocation, rows, noise, shape (contract dq0 5, 9.36)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from quinta.core.datasets.model import NANO
from quinta.core.queries.model import AskedDataset, QueryAnswer, QueryCost, Question
from quinta.privacy.queries.allocation import Allocation, allocate
from quinta.privacy.queries.analysis import analyse
from quinta.privacy.queries.costing import cost_of
from quinta.privacy.queries.measured import Measured, Rows
from quinta.privacy.queries.noise import Noise, OpenDPNoise
from quinta.privacy.queries.release import NoisyTable, release
from quinta.privacy.queries.shaping import shaped
from quinta.privacy.queries.tree import Key, Measure, Plan, Source


class Sources(Protocol):
    def open(self, datasets: Sequence[AskedDataset]) -> AbstractContextManager[Rows]: ...


def cost(question: Question) -> QueryCost:
    """What a question costs; nothing is read. Raises as ``analyse`` and ``plan_cost``."""
    return plan_cost(analyse(question), question.epsilon)


def answer(question: Question, sources: Sources) -> QueryAnswer:
    """The answer to a question, with OpenDP's noise: there is no other. Raises as ``analyse`` and ``plan_answer``."""
    return plan_answer(analyse(question), question.epsilon, question.datasets, sources, OpenDPNoise())


def plan_cost(plan: Plan, epsilon: int) -> QueryCost:
    """What the plan costs; ``epsilon`` in 1e-9. InvalidInput (``epsilon``): too little for its noisy numbers."""
    return cost_of(plan, allocate(plan, epsilon))


def plan_answer(
    plan: Plan, epsilon: int, datasets: Sequence[AskedDataset], sources: Sources, noise: Noise
) -> QueryAnswer:
    """The answer to an analysed statement. What costs nothing opens no source.

    InvalidInput as ``plan_cost``; StateConflict: a source cannot be read.
    """
    allocation = allocate(plan, epsilon)
    table = _constant(plan) if plan.is_empty else _told(plan, allocation, datasets, sources, noise)
    results, accuracy = shaped(plan, table)
    cost = cost_of(plan, allocation)
    return QueryAnswer(results, accuracy, cost, _message(cost, table))


def _told(
    plan: Plan, allocation: Allocation, datasets: Sequence[AskedDataset], sources: Sources, noise: Noise
) -> NoisyTable:
    if allocation.epsilon == 0:  # keys alone, all of them known
        return release(plan, allocation, _NoRows(), noise)
    with sources.open(datasets) as rows:
        return release(plan, allocation, rows, noise)


class _NoRows:
    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        return Measured({})


def _constant(plan: Plan) -> NoisyTable:
    if plan.constants is None:
        return NoisyTable((), (), ())
    return NoisyTable(((None,) * len(plan.keys),), (plan.constants,), ((None,) * len(plan.constants),))


def _message(cost: QueryCost, table: NoisyTable) -> str:
    if cost.epsilon == 0:
        return " ".join(("Charged nothing.", *cost.notes))
    charged = f"Charged epsilon {_decimal(cost.epsilon)} and delta {cost.delta:g}."
    noise = "; ".join(
        f"{column.name}: {column.mechanism}" + ("" if column.scale is None else f", scale {column.scale:.6g}")
        for column in cost.columns
    )
    widths = "Half widths of the intervals of 95 % are in accuracy.csv."
    left_out = "Groups may have been left out (suppressed)." if table.may_leave_out else "No group was left out."
    sentences = (charged, f"Noise: {noise}.", left_out, widths, *cost.notes)
    return " ".join(sentence for sentence in sentences if sentence)


def _decimal(nano: int) -> str:
    whole, rest = divmod(nano, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
