"""What a query costs and how its columns are made noisy, in words and numbers, before anything is read."""

from __future__ import annotations

import math
from collections.abc import Iterator

from quinta.core.datasets.model import NANO
from quinta.core.queries.model import NoisyColumn, QueryCost
from quinta.privacy.queries.allocation import Allocation, Part, scale_of
from quinta.privacy.queries.quantiles import choice_of
from quinta.privacy.queries.tree import COUNTS, Aggregate, AggregateKind, MeasureKind, Plan
from quinta.privacy.queries.wants import Joint, Want, histogram_of, measure_of, wants_of


def cost_of(plan: Plan, allocation: Allocation) -> QueryCost:
    """Everything in it comes from statement, metadata and epsilon.

    The scale of a SUM tells max(|lower|, |upper|) of its operand, which are for owners otherwise (contract dq0 6.2). It
    is told nevertheless: an answer whose noise is not known cannot be used, the spread of repeated answers tells the
    same, and bounds are declared, not read from rows: no individual is in them. docs/privacy.md says so to owners.
    """
    columns = tuple(_column(plan, allocation, number) for number in range(len(plan.aggregates)))
    if allocation.epsilon == 0:
        return QueryCost(0, 0.0, (), (), None, (*plan.notes, "The answer is the same whatever the data: it is free."))
    notes = (*plan.notes, *_notes(plan, allocation))
    return QueryCost(allocation.epsilon, allocation.delta, plan.datasets, columns, allocation.tau, notes)


def _column(plan: Plan, allocation: Allocation, number: int) -> NoisyColumn:
    aggregate = plan.aggregates[number]
    if allocation.epsilon == 0:
        return NoisyColumn(aggregate.label, "none", 0, None)
    parts = {allocation.part(want) for want in wants_of(aggregate, plan)}
    epsilon = sum(part.epsilon for part in parts)
    epsilon += sum(choice.epsilon for choice in allocation.choices if choice.aggregate == number)
    return NoisyColumn(
        aggregate.label, _mechanism(aggregate, plan, allocation), epsilon, _scale(aggregate, plan, allocation)
    )


def _mechanism(aggregate: Aggregate, plan: Plan, allocation: Allocation) -> str:
    if aggregate.kind is AggregateKind.QUANTILE:
        return "exponential mechanism"
    parts = dict.fromkeys(allocation.part(want) for want in wants_of(aggregate, plan))
    several = sum(_numbers(aggregate, part, plan) for part in parts)
    return "discrete Laplace" if several == 1 else f"discrete Laplace, computed from {several} noisy numbers"


def _scale(aggregate: Aggregate, plan: Plan, allocation: Allocation) -> float | None:
    """In the column's unit. Of a sum that is put together again from differences, the scale of one number with the
    same spread."""
    if aggregate.automatic is not None and aggregate.kind not in COUNTS:
        return None
    wants = wants_of(aggregate, plan)
    if aggregate.kind in COUNTS:
        return _spread(wants[0], plan, allocation)
    if aggregate.kind is not AggregateKind.SUM:
        return None
    part = allocation.part(wants[0])
    grid = measure_of(wants[0], None, plan.source, part.grid_epsilon).grid
    assert grid is not None
    scale = grid.grain * _spread(wants[0], plan, allocation)
    return scale if len(wants) == 1 else math.hypot(scale, grid.centre * _spread(wants[1], plan, allocation))


def _spread(want: Want, plan: Plan, allocation: Allocation) -> float:
    """The scale of one number with the same spread."""
    scale, draws = scale_of(want, allocation, plan)
    return scale if draws == 1 else scale * math.sqrt(draws)


def _numbers(aggregate: Aggregate, part: Part, plan: Plan) -> int:
    """Of how many noisy numbers of the part the aggregate is made."""
    if not isinstance(part.need, Joint):
        return 1
    return max(part.need.draws(want) for want in wants_of(aggregate, plan) if want in part.wants)


def _notes(plan: Plan, allocation: Allocation) -> list[str]:
    notes = []
    if allocation.tau is not None:
        what = _counted(plan, allocation)
        notes.append(
            f"Groups with fewer than tau = {_number(allocation.tau)} {what}, counted with noise, are left out"
            " (suppressed)."
        )
    for limit in plan.limits:
        if limit.column is not None:
            name = limit.column.name if limit.is_told else "another column"
            notes.append(
                f"Groups with fewer than {limit.least} different values of {name}, counted with noise, are left out."
            )
    if not allocation.enumerates:
        notes.append(
            f"The groups come from the data: one that only one individual is in is told with probability"
            f" {allocation.delta:g} at most."
        )
    for choice in allocation.choices:
        aggregate = plan.aggregates[choice.aggregate]
        rows = choice_of(plan, choice, _bins(aggregate, plan, choice.epsilon)).rank_width
        notes.append(
            f"With 95 % the value of {aggregate.label} lies within {rows} rows of the place that was asked for."
        )
    for search in allocation.searches:
        notes.append(
            f"{_number(search.epsilon / NANO)} of epsilon finds the bounds of an operand: values beyond them count as"
            " the nearest bound, which accuracy does not know of."
        )
    return [*notes, *_shared(plan, allocation)]


def _shared(plan: Plan, allocation: Allocation) -> Iterator[str]:
    """Epsilons of columns add up to more than the query's where one number serves several."""
    for part in allocation.parts:
        needs = (aggregate.label for aggregate in plan.aggregates if {*wants_of(aggregate, plan)} & {*part.wants})
        labels = list(dict.fromkeys(needs))
        if len(labels) > 1:
            yield (
                f"{', '.join(labels[:-1])} and {labels[-1]} are made of the same noisy numbers: their epsilon of"
                f" {_number(part.epsilon / NANO)} is taken once."
            )


def _counted(plan: Plan, allocation: Allocation) -> str:
    if allocation.selection is None or allocation.selection.kind is MeasureKind.UNITS:
        return "individuals"
    counted = "rows" if plan.source.most_rows > 1 else "individuals"
    return f"{counted} with a value" if allocation.selection.kind is MeasureKind.VALUES else counted


def _bins(aggregate: Aggregate, plan: Plan, epsilon: int) -> int:
    want = histogram_of(aggregate, plan)
    bins = None if aggregate.automatic else measure_of(want, None, plan.source, epsilon).bins
    return want.bins if bins is None else bins.count


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
