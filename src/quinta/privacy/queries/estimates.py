"""Aggregates from noisy numbers, and how far from the exact ones they may be: post-processing, which costs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.accuracy import MISS, half_width, ratio_ends, square_ends
from quinta.privacy.queries.tree import Aggregate, AggregateKind, Grid, Interval, Measure, Value

SAMPLE = frozenset({AggregateKind.VARIANCE, AggregateKind.DEVIATION})
ROOTS = frozenset({AggregateKind.DEVIATION, AggregateKind.DEVIATION_OF_ALL})


@dataclass(frozen=True, slots=True)
class Noisy:
    """A number with noise of ``scale``, in the steps of its measure."""

    number: int
    measure: Measure
    scale: float

    def ends(self, miss: float) -> tuple[float, float]:
        """Between which the exact number lies but for a chance of ``miss``."""
        width = half_width(self.scale, miss)
        return float(self.number - width), float(self.number + width)


@dataclass(frozen=True, slots=True)
class Estimate:
    """``width``: half that of the interval of 95 %, None where there is none."""

    value: Value
    width: float | None


def estimate(aggregate: Aggregate, numbers: Sequence[Noisy], *, clamps_counts: bool) -> Estimate:
    """``numbers`` are those of ``wants_of`` the aggregate, in that order."""
    match aggregate.kind:
        case AggregateKind.COUNT_ROWS | AggregateKind.COUNT | AggregateKind.COUNT_UNITS:
            count = numbers[0].number
            return Estimate(max(0, count) if clamps_counts else count, float(half_width(numbers[0].scale)))
        case AggregateKind.SUM:
            return _sum(aggregate, numbers)
        case AggregateKind.AVERAGE:
            return _average(numbers)
    return _variance(aggregate, numbers)


def _sum(aggregate: Aggregate, numbers: Sequence[Noisy]) -> Estimate:
    grid = _grid(numbers[0])
    if len(numbers) == 1:
        return Estimate(_in_unit(aggregate, numbers[0].number, grid, 0), grid.grain * half_width(numbers[0].scale))
    differences, values = numbers
    # Each of the two misses its interval with half the chance: together no more than MISS (union bound).
    width = grid.grain * half_width(differences.scale, MISS / 2)
    width += abs(grid.centre) * half_width(values.scale, MISS / 2)
    return Estimate(_in_unit(aggregate, differences.number, grid, values.number), width)


def _in_unit(aggregate: Aggregate, steps: int, grid: Grid, values: int) -> int | float:
    """Exact for whole numbers, whose grids have whole centres and grains."""
    if aggregate.operand is not None and aggregate.operand.type is ColumnType.INT:
        return steps * int(grid.grain) + values * int(grid.centre)
    return steps * grid.grain + values * grid.centre


def _average(numbers: Sequence[Noisy]) -> Estimate:
    differences, values = numbers
    grid, bounds = _grid(differences), _bounds(differences)

    def average(quotient: float) -> float:
        return min(max(grid.centre + grid.grain * quotient, bounds.lower), bounds.upper)

    value = average(differences.number / max(1, values.number))
    ends = ratio_ends(differences.ends(MISS / 2), _at_least_one(values.ends(MISS / 2)))
    return Estimate(value, _width(value, (average(ends[0]), average(ends[1]))))


def _variance(aggregate: Aggregate, numbers: Sequence[Noisy]) -> Estimate:
    """E[(x - centre)^2] - (E[x] - centre)^2, within what the bounds allow."""
    differences, values, squares = numbers
    grid, bounds = _grid(differences), _bounds(differences)
    root, offset = _grid(squares), squares.measure.offset
    least = 2 if aggregate.kind in SAMPLE else 1
    # Popoviciu: the variance of all is a quarter of the width's square at most.
    most = (bounds.upper - bounds.lower) ** 2 / 4

    def variance(square: float, mean_square: float, count: float) -> float:
        found = min(max(root.grain**2 * (square + offset) - grid.grain**2 * mean_square, 0.0), most)
        found *= count / (count - 1) if aggregate.kind in SAMPLE else 1.0
        return math.sqrt(found) if aggregate.kind in ROOTS else found

    count = max(least, values.number)
    # With the noisy count in place of the one that is held above 0: of a group without rows nothing remains.
    square = (squares.number + offset * values.number) / count - offset
    value = variance(square, (differences.number / count) ** 2, count)
    counts = tuple(max(float(least), end) for end in values.ends(MISS / 3))
    square_low, square_high = ratio_ends(squares.ends(MISS / 3), (counts[0], counts[1]))
    mean_low, mean_high = square_ends(ratio_ends(differences.ends(MISS / 3), (counts[0], counts[1])))
    ends = (variance(square_low, mean_high, counts[1]), variance(square_high, mean_low, counts[0]))
    return Estimate(value, _width(value, ends))


def _at_least_one(ends: tuple[float, float]) -> tuple[float, float]:
    return max(1.0, ends[0]), max(1.0, ends[1])


def _width(value: float, ends: tuple[float, float]) -> float:
    return max(abs(end - value) for end in ends)


def _grid(noisy: Noisy) -> Grid:
    if noisy.measure.grid is None:
        raise ValueError("a sum has a grid")
    return noisy.measure.grid


def _bounds(noisy: Noisy) -> Interval:
    if noisy.measure.operand is None or noisy.measure.operand.bounds is None:
        raise ValueError("a sum has an operand with bounds")
    return noisy.measure.operand.bounds
