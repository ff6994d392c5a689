"""Aggregates from noisy numbers, and how far from the exact ones they may be: post-processing, which costs nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.accuracy import (
    MISS,
    half_width,
    half_width_of_sum,
    half_width_of_two,
    ratio_ends,
    square_ends,
)
from quinta.privacy.queries.tree import Aggregate, AggregateKind, Grid, Interval, Measure, Value

SAMPLE = frozenset({AggregateKind.VARIANCE, AggregateKind.DEVIATION})
ROOTS = frozenset({AggregateKind.DEVIATION, AggregateKind.DEVIATION_OF_ALL})

_Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Noisy:
    """Numbers with noise, one of each group, as ``unit`` times what their measure counts in its steps. The noise is the
    sum of ``draws`` numbers of ``scale``; of a joint more than one."""

    numbers: Sequence[int]
    measure: Measure
    scale: float
    unit: int = 1
    draws: int = 1

    def width(self, miss: float) -> float:
        """Half that of the interval that the exact numbers lie in, each but for a chance of ``miss``."""
        if self.draws == 1:
            return half_width(self.scale, miss) / self.unit
        return half_width_of_sum(self.scale, self.draws, miss) / self.unit

    def steps(self) -> Sequence[float]:
        return self.numbers if self.unit == 1 else [number / self.unit for number in self.numbers]

    def ends(self, miss: float) -> list[_Ends]:
        """These intervals."""
        width = self.width(miss)
        return [(number - width, number + width) for number in self.steps()]


@dataclass(frozen=True, slots=True)
class Estimates:
    """Of each group. ``widths``: half those of the intervals of 95 %, None where there is none."""

    values: Sequence[Value]
    widths: Sequence[float | None]


def estimates(aggregate: Aggregate, noisy: Sequence[Noisy], *, clamps_counts: bool) -> Estimates:
    """``noisy`` are those of ``wants_of`` the aggregate, in that order."""
    match aggregate.kind:
        case AggregateKind.COUNT_ROWS | AggregateKind.COUNT | AggregateKind.COUNT_UNITS:
            unit = noisy[0].unit
            counts = [_nearest(number, unit) for number in noisy[0].numbers]
            shown = [max(0, count) for count in counts] if clamps_counts else counts
            return _as_wide(shown, float(math.ceil(noisy[0].width(MISS))))
        case AggregateKind.SUM:
            return _sums(aggregate, noisy)
        case AggregateKind.AVERAGE:
            return _averages(noisy)
    return _variances(aggregate, noisy)


def _nearest(number: int, unit: int) -> int:
    return number if unit == 1 else (2 * number + unit) // (2 * unit)


def _as_wide(values: Sequence[Value], width: float) -> Estimates:
    return Estimates(values, [width] * len(values))


def _sums(aggregate: Aggregate, noisy: Sequence[Noisy]) -> Estimates:
    grid = _grid(noisy[0])
    centre, grain = grid.centre, grid.grain
    is_whole = aggregate.operand is not None and aggregate.operand.type is ColumnType.INT
    if is_whole:
        centre, grain = int(centre), int(grain)  # exact for whole numbers, whose grids have whole centres and grains
    if len(noisy) == 1:
        return _as_wide([steps * grain for steps in noisy[0].numbers], grid.grain * half_width(noisy[0].scale))
    differences, values = noisy
    unit = math.lcm(differences.unit, values.unit)
    grain, centre = grain * (unit // differences.unit), centre * (unit // values.unit)
    sums = [steps * grain + count * centre for steps, count in zip(differences.numbers, values.numbers, strict=True)]
    shown = [_nearest(int(number), unit) for number in sums] if is_whole else [number / unit for number in sums]
    if _is_joint(differences, values):
        # Of the first number of the joint the sum has as much as of both, of the second their difference.
        scales = [values.scale * (centre + sign * grain) / unit for sign in (1, -1)]
        return _as_wide(shown, half_width_of_two(*scales) + _rounding(scales, values, is_whole=is_whole))
    # Each of the two misses its interval with half the chance: together no more than MISS (union bound).
    width = grid.grain * differences.width(MISS / 2) + abs(grid.centre) * values.width(MISS / 2)
    return _as_wide(shown, width)


def _is_joint(differences: Noisy, values: Noisy) -> bool:
    return differences.draws > 1 and values.draws > 1


def _rounding(scales: Sequence[float], values: Noisy, *, is_whole: bool) -> float:
    """How much further than Laplace numbers discrete ones may lie, and a whole number from what it is rounded from."""
    return sum(map(abs, scales)) / values.scale + (0.5 if is_whole else 0.0)


def _averages(noisy: Sequence[Noisy]) -> Estimates:
    differences, values = noisy
    grid, bounds = _grid(differences), _bounds(differences)
    centre, grain, lower, upper = grid.centre, grid.grain, bounds.lower, bounds.upper

    def average(quotient: float) -> float:
        return min(max(centre + grain * quotient, lower), upper)

    found = [average(steps / max(1, count)) for steps, count in zip(differences.steps(), values.steps(), strict=True)]
    tops, bottoms = differences.ends(MISS / 2), values.ends(MISS / 2)
    if _is_joint(differences, values):
        # The average grows with the first number of the joint and falls with the second. Where one is a width larger
        # and the other as much less, their sum is the same.
        width = half_width(differences.scale, MISS / 2)
        tops = [(steps - width, steps + width) for steps in differences.steps()]
        bottoms = [(count, count) for count in values.steps()]
    ends = map(ratio_ends, tops, map(_at_least_one, bottoms))
    widths = [_width(value, average(low), average(high)) for value, (low, high) in zip(found, ends, strict=True)]
    return Estimates(found, widths)


def _variances(aggregate: Aggregate, noisy: Sequence[Noisy]) -> Estimates:
    """E[(x - centre)^2] - (E[x] - centre)^2, within what the bounds allow."""
    differences, values, squares = noisy
    offset, least = squares.measure.offset, 2 if aggregate.kind in SAMPLE else 1
    variance = _variance(aggregate, differences, squares)

    def interval(count: _Ends, sums: _Ends, roots: _Ends) -> _Ends:
        count = max(float(least), count[0]), max(float(least), count[1])
        square_low, square_high = ratio_ends(roots, count)
        mean_low, mean_high = square_ends(ratio_ends(sums, count))
        return variance(square_low, mean_high, count[1]), variance(square_high, mean_low, count[0])

    found = []
    for steps, number, total in zip(differences.steps(), values.steps(), squares.steps(), strict=True):
        count = max(least, number)
        # With the noisy count in place of the one that is held above 0: of a group without rows nothing remains.
        square = (total + offset * number) / count - offset
        found.append(variance(square, (steps / count) ** 2, count))
    ends = map(interval, values.ends(MISS / 3), differences.ends(MISS / 3), squares.ends(MISS / 3))
    return Estimates(found, [_width(value, *both) for value, both in zip(found, ends, strict=True)])


def _variance(aggregate: Aggregate, differences: Noisy, squares: Noisy) -> Callable[[float, float, float], float]:
    """The variance, or its root, by the means of the squares and of the differences, squared, and the count."""
    grain, root, bounds = _grid(differences).grain, _grid(squares).grain, _bounds(differences)
    offset, is_sample, is_root = squares.measure.offset, aggregate.kind in SAMPLE, aggregate.kind in ROOTS
    # Popoviciu: the variance of all is a quarter of the width's square at most.
    most = (bounds.upper - bounds.lower) ** 2 / 4

    def variance(square: float, mean_square: float, count: float) -> float:
        found = min(max(root**2 * (square + offset) - grain**2 * mean_square, 0.0), most)
        found *= count / (count - 1) if is_sample else 1.0
        return math.sqrt(found) if is_root else found

    return variance


def _at_least_one(ends: _Ends) -> _Ends:
    return max(1.0, ends[0]), max(1.0, ends[1])


def _width(value: float, low: float, high: float) -> float:
    return max(abs(low - value), abs(high - value))


def _grid(noisy: Noisy) -> Grid:
    if noisy.measure.grid is None:
        raise ValueError("a sum has a grid")
    return noisy.measure.grid


def _bounds(noisy: Noisy) -> Interval:
    if noisy.measure.operand is None or noisy.measure.operand.bounds is None:
        raise ValueError("a sum has an operand with bounds")
    return noisy.measure.operand.bounds
