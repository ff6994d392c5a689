"""Which exact numbers an aggregate is made of, on which grid, and how much of each one unit can change.

A sum that is asked for alone is one of the numbers themselves: one unit changes it by m x max(|lower|, |upper|).
AVG and VAR are made of differences from the middle of the bounds, where it changes only half their width, and of the
number of values, which brings the middle back; SUM of the same operand, or beside a count, takes these two as well.
Both are told together, for one share of epsilon: see ``Joint``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from quinta.core.datasets.metadata import ColumnType
from quinta.core.datasets.model import NANO
from quinta.privacy.queries.automatic import clamped_to
from quinta.privacy.queries.groups import is_selecting
from quinta.privacy.queries.noise import MOST_SCALE
from quinta.privacy.queries.tree import (
    COUNTS,
    Aggregate,
    AggregateKind,
    AutomaticBounds,
    Bins,
    Case,
    Expression,
    Function,
    Grid,
    Interval,
    Literal,
    Measure,
    MeasureKind,
    Plan,
    Source,
)

MOST_STEPS: Final = 2**30 - 1
"""Of one row from the middle: 2^33 rows of it stay within 64 bits."""
MOST_ROOT: Final = 2**15
"""The same of numbers that are squared."""
BINS: Final = 1024
"""Of a quantile of all rows: a choice between so many takes 3 ms."""
BINS_OF_GROUP: Final = 256
"""Of a quantile of each group: 0.6 ms a group."""

CENTRED: Final = frozenset(
    {
        AggregateKind.AVERAGE,
        AggregateKind.VARIANCE,
        AggregateKind.VARIANCE_OF_ALL,
        AggregateKind.DEVIATION,
        AggregateKind.DEVIATION_OF_ALL,
    }
)
BOUNDED: Final = CENTRED | {AggregateKind.SUM, AggregateKind.QUANTILE}


@dataclass(frozen=True, slots=True)
class Want:
    """A measure but for its grid, which depends on the bounds, found first if ``automatic``, and on epsilon."""

    kind: MeasureKind
    operand: Expression | None = None
    automatic: AutomaticBounds | None = None
    is_centred: bool = False
    bins: int = 0


ROWS: Final = Want(MeasureKind.ROWS)


@dataclass(frozen=True, slots=True)
class Joint:
    """A sum of differences, the number of its values and, with ``rows``, that of all rows, told together.

    Noise is added to three other numbers, of which these are made. A row whose value is d steps from the middle, at
    most ``most``, counts ``most`` + d for the first and ``most`` - d for the second, both not below 0; one without a
    value counts 2 ``most`` for the third. So each row adds 2 ``most`` to all of them together, whatever its value, and
    that times m is their joint sensitivity (L1, all groups). The sum is half of first less second, the number of values
    first and second together, that of rows all three, by 2 ``most``.
    """

    sum: Want
    values: Want
    rows: bool

    @property
    def wants(self) -> tuple[Want, ...]:
        return (self.sum, self.values, ROWS) if self.rows else (self.sum, self.values)

    def split(self, most: int, sums: Sequence[int], values: Sequence[int], *rows: Sequence[int]) -> list[list[int]]:
        """The numbers that get noise, of each group, from those of ``wants``."""
        first = [most * number + sum_ for sum_, number in zip(sums, values, strict=True)]
        second = [most * number - sum_ for sum_, number in zip(sums, values, strict=True)]
        third = [[2 * most * (row - number) for row, number in zip(one, values, strict=True)] for one in rows]
        return [first, second, *third]

    def draws(self, want: Want) -> int:
        """Of how many of its noisy numbers a want is made."""
        return 3 if self.rows and want == ROWS else 2


def individuals(source: Source) -> Want:
    """The number of units. Where a unit has one row at most it is the number of rows, which other columns share."""
    return ROWS if source.most_rows == 1 else Want(MeasureKind.UNITS)


def number_of_values(operand: Expression) -> Want:
    return ROWS if never_null(operand) else Want(MeasureKind.VALUES, operand)


def sum_of(aggregate: Aggregate, *, is_centred: bool) -> Want:
    return Want(MeasureKind.SUM, aggregate.operand, aggregate.automatic, is_centred)


def squares_of(aggregate: Aggregate) -> Want:
    return Want(MeasureKind.SQUARES, aggregate.operand, aggregate.automatic, is_centred=True)


def histogram_of(aggregate: Aggregate, plan: Plan) -> Want:
    return Want(
        MeasureKind.HISTOGRAM, aggregate.operand, aggregate.automatic, bins=BINS_OF_GROUP if plan.keys else BINS
    )


def wants_of(aggregate: Aggregate, plan: Plan) -> tuple[Want, ...]:
    """What gets noise for the aggregate; of a quantile nothing, as it chooses from a histogram."""
    match aggregate.kind:
        case AggregateKind.COUNT_ROWS:
            return (ROWS,)
        case AggregateKind.COUNT_UNITS:
            return (individuals(plan.source),)
        case AggregateKind.QUANTILE:
            return ()
    operand = operand_of(aggregate)
    if aggregate.kind is AggregateKind.COUNT:
        return (number_of_values(operand),)
    if aggregate.kind is AggregateKind.SUM and not shares_centre(aggregate, plan):
        return (sum_of(aggregate, is_centred=False),)
    parts = (sum_of(aggregate, is_centred=True), number_of_values(operand))
    needs_squares = aggregate.kind in CENTRED and aggregate.kind is not AggregateKind.AVERAGE
    return (*parts, squares_of(aggregate)) if needs_squares else parts


def shares_centre(aggregate: Aggregate, plan: Plan) -> bool:
    """Whether differences from the middle are measured anyway, or the number of values, or that of rows and this is the
    first sum: a joint that brings no number that is needed is worse than a sum alone where bounds have two signs."""
    first = next(other for other in plan.aggregates if other.kind in CENTRED or other.kind is AggregateKind.SUM)
    is_first = (first.operand, first.automatic) == (aggregate.operand, aggregate.automatic)
    return (is_first and _counts_rows(plan)) or any(
        (other.kind in CENTRED and (other.operand, other.automatic) == (aggregate.operand, aggregate.automatic))
        or (other.kind is AggregateKind.COUNT and other.operand == aggregate.operand)
        for other in plan.aggregates
    )


def _counts_rows(plan: Plan) -> bool:
    """Whether the number of rows is asked for, or needed to select groups by, which that of values does as well."""
    kinds = {aggregate.kind for aggregate in plan.aggregates}
    if AggregateKind.COUNT_ROWS in kinds or plan.source.most_rows > 1:
        return AggregateKind.COUNT_ROWS in kinds
    return AggregateKind.COUNT_UNITS in kinds or (is_selecting(plan) and kinds.isdisjoint(COUNTS | CENTRED))


def joints_of(plan: Plan) -> tuple[Joint, ...]:
    """What is told together. Of several sums the first one brings the number of rows, where that is asked for."""
    wanted = dict.fromkeys(want for aggregate in plan.aggregates for want in wants_of(aggregate, plan))
    sums = dict.fromkeys(want for want in wanted if want.kind is MeasureKind.SUM and want.is_centred)
    joints: list[Joint] = []
    for number, want in enumerate(sums):
        assert want.operand is not None
        values = number_of_values(want.operand)
        if not any(values in joint.wants for joint in joints):
            joints.append(Joint(want, values, rows=number == 0 and ROWS in wanted and values != ROWS))
    return tuple(joints)


def operand_of(aggregate: Aggregate) -> Expression:
    if aggregate.operand is None:
        raise ValueError(f"{aggregate.kind} needs an operand")
    return aggregate.operand


def never_null(expression: Expression) -> bool:
    """Whether the expression has a value in any row there may be, as far as its form tells; a column may be NULL."""
    match expression:
        case Literal(value):
            return value is not None
        case Function("coalesce", operands):
            return any(never_null(operand) for operand in operands)
        case Case(branches, otherwise):
            return never_null(otherwise) and all(never_null(value) for _, value in branches)
    return False


def measure_of(want: Want, found: Interval | None, source: Source, epsilon: int) -> Measure:
    """The measure for a share of ``epsilon``; ``found`` are its operand's bounds where they had to be searched."""
    if want.kind in (MeasureKind.ROWS, MeasureKind.UNITS, MeasureKind.VALUES, MeasureKind.DISTINCT):
        return Measure(want.kind, want.operand)
    operand = want.operand
    if operand is None or operand.bounds is None:
        raise ValueError(f"{want.kind} needs an operand with bounds")
    if found is not None:
        operand = clamped_to(operand, found)
    bounds = found or operand.bounds
    assert bounds is not None
    is_whole = operand.type is ColumnType.INT
    if want.kind is MeasureKind.HISTOGRAM:
        return Measure(want.kind, operand, bins=_bins(bounds, want.bins, is_whole=is_whole))
    budget = max(1, math.floor(MOST_SCALE * 0.99 * epsilon / NANO / source.most_rows))
    if want.kind is MeasureKind.SUM:
        grid = _grid(bounds, min(MOST_STEPS, budget), is_centred=want.is_centred, is_whole=is_whole)
        return Measure(want.kind, operand, grid, most=grid.most)
    grid = _grid(bounds, max(1, min(MOST_ROOT, math.isqrt(budget))), is_centred=True, is_whole=is_whole)
    # Squares lie between 0 and most^2: from the middle of that they differ by half of it only.
    offset = grid.most**2 // 2
    return Measure(want.kind, operand, grid, offset=offset, most=max(offset, grid.most**2 - offset))


def sensitivity_of(measure: Measure, plan: Plan) -> int:
    """How much one unit changes the measure at most, in sum over all groups: its rows are at most m, each in one
    group; units are counted once in a group, in at most m groups."""
    if measure.kind is MeasureKind.UNITS:
        return plan.source.most_rows if plan.keys else 1
    return measure.most * plan.source.most_rows


def joint_sensitivity(differences: Measure, plan: Plan) -> int:
    """The same of the numbers that ``Joint.split`` makes, together."""
    return 2 * sensitivity_of(differences, plan)


def _grid(bounds: Interval, most_steps: int, *, is_centred: bool, is_whole: bool) -> Grid:
    """Whole numbers as they are, where they fit; others in steps of a power of two, as small as fits."""
    centre = bounds.lower / 2 + bounds.upper / 2 if is_centred else 0.0
    if is_whole:
        centre = float(math.floor(centre))
    reach = max(bounds.upper - centre, centre - bounds.lower)
    if reach <= 0:
        return Grid(centre, 1.0, 1)
    exponent = max(-1000, math.frexp(reach / most_steps)[1] - 1)
    while math.ceil(math.ldexp(reach, -exponent)) > most_steps:
        exponent += 1
    grain = max(1.0, math.ldexp(1.0, exponent)) if is_whole else math.ldexp(1.0, exponent)
    return Grid(centre, grain, max(1, math.ceil(reach / grain)))


def _bins(bounds: Interval, most: int, *, is_whole: bool) -> Bins:
    """Of whole numbers that are few enough one bin each, with the number in its middle."""
    if is_whole:
        lower, upper = math.ceil(bounds.lower), math.floor(bounds.upper)
        return Bins(Interval(lower - 0.5, upper + 0.5), min(most, max(1, upper - lower + 1)))
    return Bins(bounds, most)
