"""Numbers told jointly: bounds of their noise hold and are near, and their errors are smaller than of shares apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from quinta.core.datasets.metadata import ColumnType
from quinta.core.datasets.model import NANO
from quinta.privacy.queries.accuracy import half_width_of_sum, half_width_of_two, tail_of_sum
from quinta.privacy.queries.allocation import allocate
from quinta.privacy.queries.costing import cost_of
from quinta.privacy.queries.measured import Measured
from quinta.privacy.queries.release import release
from quinta.privacy.queries.tau import derived_tau
from quinta.privacy.queries.tree import Aggregate, AggregateKind, Column, Interval, Key, Measure, MeasureKind, Source
from quinta.privacy.queries.wants import joints_of
from tests.privacy.queries.plans import AGE, JOB, SCORE, BatchedNoise, aggregate, plan

COUNT = aggregate(AggregateKind.COUNT_ROWS)
VALUES = aggregate(AggregateKind.COUNT, AGE)
SUM = aggregate(AggregateKind.SUM, AGE)
AVERAGE = aggregate(AggregateKind.AVERAGE, AGE)
NARROW = Column(0, "age", ColumnType.INT, Interval(0, 1), clamped=True)
"""Its grid has one step to each side of the middle, the fewest there are: noise is in halves of a row."""


def exact_tails(scale: float, draws: int) -> tuple[np.ndarray, int]:
    """P(X >= least) for the sum of so many discrete Laplace numbers, for each least from -reach on, and the reach."""
    reach = math.ceil(40 * scale)
    one = np.exp(-np.abs(np.arange(-reach, reach + 1)) / scale)
    chances = one / one.sum()
    for _ in range(draws - 1):
        chances = np.convolve(chances, one / one.sum())
    return chances[::-1].cumsum()[::-1], reach * draws


@pytest.mark.parametrize("draws", [2, 3])
@pytest.mark.parametrize("scale", [0.7, 2.0, 30.0])
def test_tails_and_widths_are_bounds_and_near(scale: float, draws: int) -> None:
    tails, reach = exact_tails(scale, draws)
    for least in range(0, round(25 * scale), max(1, round(scale / 4))):
        assert tails[reach + least] <= tail_of_sum(scale, least, draws) <= tails[reach + least - 2 * draws] * 1.01 + 0.5
    width = half_width_of_sum(scale, draws)
    assert 2 * tails[reach + math.floor(width) + 1] <= 0.05
    assert 2 * tails[reach + math.floor(width) - 2 * draws] > 0.05


def test_widths_of_two_scales_are_those_of_one_or_of_two_alike() -> None:
    assert half_width_of_two(10, 0) == pytest.approx(10 * math.log(20))
    assert half_width_of_two(0, -10) == half_width_of_two(10, 0) < half_width_of_two(10, 7)
    assert half_width_of_two(10, 10) == pytest.approx(half_width_of_sum(10e6, 2) / 1e6, rel=0.002)


@pytest.mark.parametrize("draws", [2, 3])
@pytest.mark.parametrize("most_rows", [1, 3])
@pytest.mark.parametrize("delta", [1e-6, 0.02])
def test_tau_keeps_delta_on_the_widest_grid(delta: float, most_rows: int, draws: int) -> None:
    """The chances of the groups of one unit, for each number of them, where noise is in halves of a row."""
    scale = 1.5 * most_rows
    tails, reach = exact_tails(2 * scale, draws)

    def chance(tau: int) -> float:
        def told(rows: int) -> float:
            return float(tails[reach + 2 * (tau - rows)])

        return max(told(most_rows - groups + 1) + (groups - 1) * told(1) for groups in range(1, most_rows + 1))

    tau = derived_tau(scale, delta, most_rows, counts_units=False, draws=draws)
    assert chance(tau) <= delta
    assert chance(tau - 3) > delta


class Same:
    """The same numbers in each group: 70 rows with a value, 10 without, ages of 30."""

    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        values = keys[0].values
        assert values is not None
        return Measured({(value,): tuple(map(self._number, measures)) for value in values})

    def _number(self, measure: Measure) -> int:
        if measure.kind is MeasureKind.SUM:
            assert measure.grid is not None
            return round(70 * (30 - measure.grid.centre) / measure.grid.grain)
        return 80 if measure.kind is MeasureKind.ROWS else 70


TRUTHS = {AggregateKind.COUNT_ROWS: 80, AggregateKind.COUNT: 70, AggregateKind.SUM: 2100, AggregateKind.AVERAGE: 30}


@pytest.mark.parametrize("bounds", [Interval(0, 100), Interval(-100, 100), Interval(20, 100)])
@pytest.mark.parametrize("epsilon", [NANO, NANO // 20])
def test_intervals_have_their_chance(bounds: Interval, epsilon: int) -> None:
    """4,000 groups: 95 % within five standard deviations, and not more where whole numbers are small steps; averages
    have a bound of two numbers, and lie between the bounds."""
    age = replace(AGE, bounds=bounds)
    asked = [replace(one, operand=one.operand and age) for one in (COUNT, VALUES, SUM, AVERAGE)]
    found = plan(*asked, keys=[Key(JOB, tuple(f"job {number}" for number in range(4_000)))])
    table = release(found, allocate(found, epsilon), Same(), BatchedNoise())
    for number, one in enumerate(asked):
        misses = [
            abs(float(row[number]) - TRUTHS[one.kind]) > (widths[number] or 0)  # type: ignore[arg-type]
            for row, widths in zip(table.aggregates, table.widths, strict=True)
        ]
        assert sum(misses) / 4_000 < 0.05 + 5 * (0.05 * 0.95 / 4_000) ** 0.5
        if epsilon < NANO and one.kind is not AggregateKind.AVERAGE:
            assert sum(misses) / 4_000 > 0.05 - 5 * (0.05 * 0.95 / 4_000) ** 0.5


@pytest.mark.parametrize(
    ("asked", "scales"),
    [
        ([COUNT, SUM], [3**0.5, 100]),
        ([COUNT, SUM, AVERAGE], [3**0.5, 100, None]),
        ([VALUES, SUM], [2**0.5, 100]),
        ([SUM], [100]),
        ([aggregate(AggregateKind.SUM, NARROW), COUNT], [2**0.5, 3**0.5]),
        ([SUM, COUNT, aggregate(AggregateKind.SUM, SCORE)], [500 / 3, 5 / 3**0.5, 18.75]),
    ],
)
def test_a_sum_beside_a_count_has_the_whole_epsilon(asked: list[Aggregate], scales: list[float | None]) -> None:
    """Spreads as of one number; a second sum has a share of its own."""
    found = plan(*asked)
    cost = cost_of(found, allocate(found, NANO))
    assert [column.scale for column in cost.columns] == [scale and pytest.approx(scale) for scale in scales]
    assert len(joints_of(found)) == (len(asked) > 1)


UNITS = aggregate(AggregateKind.COUNT_UNITS)
MEDIAN = aggregate(AggregateKind.QUANTILE, SCORE)


@pytest.mark.parametrize(
    ("asked", "keys", "tau", "most_rows", "scale"),
    [
        ([SUM], [], 0.0, 1, 100),
        ([SUM], [], 5.0, 1, 100),
        ([SUM], [Key(JOB, None)], 0.0, 1, 100),
        ([UNITS, SUM], [], 0.0, 1, 100),
        ([SUM, MEDIAN], [], 5.0, 1, 100 * 20 / 12),
        ([SUM], [], 5.0, 2, 200 * 11 / 8),
        ([SUM, MEDIAN], [], 0.0, 1, 200),
    ],
)
def test_a_sum_brings_the_count_that_selects_groups(
    asked: list[Aggregate], keys: list[Key], tau: float, most_rows: int, scale: float
) -> None:
    """It would have 3 of 11 of epsilon. Individuals with several rows are counted by themselves."""
    found = plan(*asked, keys=keys, tau=tau, most_rows=most_rows)
    allocation = allocate(found, NANO)
    told = dict(zip((one.kind for one in asked), cost_of(found, allocation).columns, strict=True))
    assert told[AggregateKind.SUM].scale == pytest.approx(scale)
    is_selected = allocation.selection is not None
    assert is_selected == bool(keys or tau)
    if joints_of(found) and is_selected:
        assert allocation.selection in joints_of(found)[0].wants
    assert bool(joints_of(found)) == (most_rows == 1 and (is_selected or UNITS in asked))
