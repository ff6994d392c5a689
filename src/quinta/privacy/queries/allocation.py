"""How a statement's epsilon is shared between its noisy numbers. Data play no part in it.

The rule: each number that is needed is measured once, whichever columns it serves, and gets epsilon in proportion to
its weight below (basic composition: the shares sum up to the total at most, in integers of 1e-9).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from quinta.core.datasets.metadata import ColumnType
from quinta.core.datasets.model import NANO
from quinta.core.errors import InvalidInput
from quinta.privacy.queries.automatic import edges_of
from quinta.privacy.queries.groups import asks_individuals, is_enumerable, is_selecting
from quinta.privacy.queries.noise import MOST_SCALE, laplace_scale
from quinta.privacy.queries.tau import MOST_DELTA, derived_tau, largest_tau
from quinta.privacy.queries.tree import (
    AggregateKind,
    AutomaticBounds,
    Expression,
    Limit,
    MeasureKind,
    Plan,
)
from quinta.privacy.queries.wants import (
    BOUNDED,
    ROWS,
    Joint,
    Want,
    individuals,
    joints_of,
    measure_of,
    operand_of,
    sensitivity_of,
    wants_of,
)

# Weights. SmartNoise's way (equal shares for sum, count and a hidden count of keys; sums from 0) against these, by a
# simulation of 4,000 draws of four columns of the adult census (age, hours, years of education, capital gain) at the
# same total of 1, as the ratio of median relative errors: COUNT 0.50, SUM 0.33 (of unknown keys 0.46). What is told
# jointly had shares of its own then, and had AVG 0.33, VARIANCE 0.25, SUM beside COUNT 0.50, that COUNT 1.0; all three
# together: AVG 0.45, SUM 0.86, COUNT 1.35. Told jointly, 8,000 draws, to those errors and not to SmartNoise's: AVG 0.53
# to 1.11, VARIANCE 0.62 to 1.0, SUM beside COUNT 0.67, that COUNT 0.50; all three: AVG 0.41 to 0.82, SUM 0.39, COUNT
# 0.33.
COUNT_WEIGHT: Final = 4
SUM_WEIGHT: Final = 8
CHOICE_WEIGHT: Final = 8
JOINT_WEIGHT: Final = SUM_WEIGHT + COUNT_WEIGHT
HIDDEN_WEIGHT: Final = 3
SEARCH_WEIGHT: Final = 4


@dataclass(frozen=True, slots=True)
class Part:
    """What is measured once and told with noise."""

    need: Want | Joint
    epsilon: int

    @property
    def wants(self) -> tuple[Want, ...]:
        return self.need.wants if isinstance(self.need, Joint) else (self.need,)

    @property
    def grid_epsilon(self) -> int:
        """What the grid of the part is made for: of a joint half, as its sensitivity is twice that of its sum."""
        return self.epsilon // 2 if isinstance(self.need, Joint) else self.epsilon


@dataclass(frozen=True, slots=True)
class Search:
    """Bounds of an operand that are found first, from a noisy histogram over ``edges``."""

    operand: Expression
    automatic: AutomaticBounds
    edges: tuple[float, ...]
    epsilon: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A quantile: the number of its aggregate, and what each choice costs."""

    aggregate: int
    epsilon: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """``epsilon``, in 1e-9, is charged in all, and ``delta``: both 0 where no number of the answer comes from rows.
    Groups whose noisy ``selection`` is below ``tau`` are left out, and those with one of ``limits`` below its number.
    ``enumerates``: all groups that there can be are put out, else those that have rows and reach tau."""

    epsilon: int
    delta: float
    searches: tuple[Search, ...]
    parts: tuple[Part, ...]
    choices: tuple[Choice, ...]
    selection: Want | None
    tau: float | None
    limits: tuple[tuple[Want, int], ...]
    enumerates: bool

    def part(self, want: Want) -> Part:
        return next(part for part in self.parts if want in part.wants)


def allocate(plan: Plan, epsilon: int) -> Allocation:
    """Shares ``epsilon`` (1e-9) between what ``plan`` needs. InvalidInput (``epsilon``): too little for all of it."""
    enumerates = is_enumerable(plan)
    selection = _selection(plan)
    limits = tuple((_limited(limit), limit.least) for limit in plan.limits if limit.column is not None)
    weights = _weights(plan, selection, limits)
    if plan.is_empty or not weights:
        return Allocation(0, 0.0, (), (), (), None, None, (), enumerates)
    total = sum(weights.values())
    shares = {need: epsilon * weight // total for need, weight in weights.items()}
    if min(shares.values()) * MOST_SCALE < 2 * NANO * plan.source.most_rows:
        raise InvalidInput("epsilon is too small for the noisy numbers of this statement", field="epsilon")
    parts = tuple(Part(need, share) for need, share in shares.items() if isinstance(need, Want | Joint))
    allocation = Allocation(
        epsilon,
        0.0 if enumerates else min(plan.delta, MOST_DELTA),
        tuple(_search(need, share) for need, share in shares.items() if isinstance(need, _Searched)),
        parts,
        tuple(Choice(need, share) for need, share in shares.items() if isinstance(need, int)),
        selection,
        None,
        limits,
        enumerates,
    )
    return _with_tau(plan, allocation)


@dataclass(frozen=True, slots=True)
class _Searched:
    operand: Expression
    automatic: AutomaticBounds


_Need = Want | Joint | _Searched | int
"""A number with noise, bounds to search, or the number of the aggregate that is a quantile."""


def _weights(plan: Plan, selection: Want | None, limits: tuple[tuple[Want, int], ...]) -> dict[_Need, int]:
    weights: dict[_Need, int] = dict.fromkeys(joints_of(plan), JOINT_WEIGHT)
    told = {want for joint in joints_of(plan) for want in joint.wants}
    for number, aggregate in enumerate(plan.aggregates):
        if aggregate.automatic is not None and aggregate.kind in BOUNDED:
            weights[_Searched(operand_of(aggregate), aggregate.automatic)] = SEARCH_WEIGHT
        if aggregate.kind is AggregateKind.QUANTILE:
            weights[number] = CHOICE_WEIGHT
        for want in wants_of(aggregate, plan):
            if want in told:
                continue
            weights[want] = SUM_WEIGHT if want.kind in (MeasureKind.SUM, MeasureKind.SQUARES) else COUNT_WEIGHT
    hidden = [want for want, _ in limits] + ([] if selection is None else [selection])
    for want in hidden:
        if want not in told:
            weights.setdefault(want, HIDDEN_WEIGHT)
    return weights


def _selection(plan: Plan) -> Want | None:
    """The count that tau is about. For delta any count does of which a unit has at most m in all: one that is measured
    anyway costs nothing. Where a number of individuals is asked for it must not be more than that: their number, or
    with one row each that of their rows or values."""
    if not is_selecting(plan):
        return None
    if asks_individuals(plan) and plan.source.most_rows > 1:
        return individuals(plan.source)
    counts = [want for want in _measured(plan) if want.kind in _COUNTS]
    if ROWS in counts:
        return ROWS
    return counts[0] if counts else individuals(plan.source)


_COUNTS: Final = (MeasureKind.ROWS, MeasureKind.UNITS, MeasureKind.VALUES)


def _measured(plan: Plan) -> Iterator[Want]:
    for aggregate in plan.aggregates:
        yield from wants_of(aggregate, plan)


def _limited(limit: Limit) -> Want:
    return Want(MeasureKind.DISTINCT, limit.column)


def _search(searched: _Searched, epsilon: int) -> Search:
    edges = edges_of(searched.automatic.within, is_whole=searched.operand.type is not ColumnType.FLOAT)
    return Search(searched.operand, searched.automatic, edges, epsilon)


def scale_of(want: Want, allocation: Allocation, plan: Plan) -> tuple[float, int]:
    """The scale of the noise on a count, in its own steps, or on any number whose bounds are not searched, and how many
    such numbers it is the sum of."""
    part = allocation.part(want)
    if isinstance(part.need, Joint):
        # Of the numbers that get noise, by 2 most: the scale of a count alone but for rounding, less than 2^-38 of it.
        most = 1 if want.kind is not MeasureKind.SUM else measure_of(want, None, plan.source, part.grid_epsilon).most
        return most * laplace_scale(plan.source.most_rows, part.epsilon) * (1 + 2**-38), part.need.draws(want)
    measure = measure_of(want, None, plan.source, part.epsilon)
    return laplace_scale(sensitivity_of(measure, plan), part.epsilon), 1


def _with_tau(plan: Plan, allocation: Allocation) -> Allocation:
    if allocation.selection is None:
        return allocation
    derived = None
    if not allocation.enumerates:
        scale, draws = scale_of(allocation.selection, allocation, plan)
        units = allocation.selection.kind is MeasureKind.UNITS
        derived = derived_tau(scale, allocation.delta, plan.source.most_rows, counts_units=units, draws=draws)
    by_unit = tuple(limit.least for limit in plan.limits if limit.column is None)
    return replace(allocation, tau=largest_tau(derived, plan.tau, by_unit))
