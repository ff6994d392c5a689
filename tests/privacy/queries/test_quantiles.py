"""Quantiles and bounds that are searched: what is chosen without noise, and how close it comes with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from quinta.core.datasets.metadata import ColumnType
from quinta.core.datasets.model import NANO
from quinta.privacy.queries.allocation import allocate
from quinta.privacy.queries.automatic import edges_of, found_bounds
from quinta.privacy.queries.noise import OpenDPNoise
from quinta.privacy.queries.quantiles import choice_of, value_in
from quinta.privacy.queries.release import release
from quinta.privacy.queries.tree import AggregateKind, Bins, Interval
from tests.privacy.queries.plans import AGE, MemoryRows, Row, aggregate, plan

ROWS: list[Row] = [{"id": number, "age": number % 61 + 20, "job": "a", "sex": "f"} for number in range(3050)]
PLACES = (0.0, 0.25, 0.5, 0.9, 1.0)
ASKED = plan(*(aggregate(AggregateKind.QUANTILE, AGE, place) for place in PLACES))


def test_choices_lie_within_the_ranks_that_are_told() -> None:
    """100 answers of five columns: 5 % of 500 are 25, and permute-and-flip stays well within."""
    allocation, rows = allocate(ASKED, NANO), MemoryRows(ROWS)
    missed = 0
    for _ in range(100):
        (values,) = release(ASKED, allocation, rows, OpenDPNoise()).aggregates
        for choice, place, value in zip(allocation.choices, PLACES, values, strict=True):
            assert isinstance(value, int)
            least, most = 50 * (value - 20), 50 * (value - 19)  # ranks of the 50 rows of each age
            width = choice_of(ASKED, choice, 101).rank_width
            missed += not (least - width <= place * 3050 <= most + width)
    assert missed <= 25


def test_of_no_rows_any_number_within_the_bounds_is_answered() -> None:
    allocation = allocate(ASKED, NANO)
    drawn = {release(ASKED, allocation, MemoryRows([]), OpenDPNoise()).aggregates[0][2] for _ in range(60)}
    assert len(drawn) > 20
    assert all(isinstance(value, int) and 0 <= value <= 100 for value in drawn)


def test_scores_are_ranks_away_from_the_place() -> None:
    median = choice_of(
        plan(aggregate(AggregateKind.QUANTILE, AGE, 0.5)), replace(allocate(ASKED, NANO).choices[2], aggregate=0), 4
    )
    assert median.scores(Counter({0: 1, 1: 5, 3: 4})) == [-8, 0, 0 - 2, -2]
    assert median.scores({}) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("number", "bins", "type_", "value"),
    [
        (3, Bins(Interval(-0.5, 9.5), 10), ColumnType.INT, 3),
        (0, Bins(Interval(-0.5, 1000.5), 10), ColumnType.INT, 50),
        (9, Bins(Interval(0, 1), 10), ColumnType.FLOAT, 0.95),
        (0, Bins(Interval(0, 86_400), 2), ColumnType.DATETIME, datetime(1970, 1, 1, 6, tzinfo=UTC)),
    ],
)
def test_a_bin_stands_for_its_middle(number: int, bins: Bins, type_: ColumnType, value: object) -> None:
    assert (
        value_in(number, bins, type_) == pytest.approx(value)
        if isinstance(value, float)
        else value_in(number, bins, type_) == value
    )


def test_edges_come_from_the_limits_and_get_finer_to_0() -> None:
    assert edges_of(Interval(0, 8), is_whole=True) == (0, 1, 2, 4, 8)
    assert edges_of(Interval(-4, 8), is_whole=True) == (-4, -2, -1, 0, 1, 2, 4, 8)
    assert edges_of(Interval(5, 7), is_whole=False) == (5, 7)
    assert len(edges_of(Interval(-1.0, 1.0), is_whole=False)) == 67


def test_bounds_are_those_of_bins_that_noise_does_not_reach() -> None:
    edges = (0.0, 1.0, 2.0, 4.0, 8.0)
    assert found_bounds((1, 90, 80, 2), edges, 1.0, 0.95) == Interval(1, 4)
    assert found_bounds((1, 2, 3, 0), edges, 1.0, 0.95) == Interval(0, 8)
    assert found_bounds((5, 0, 0, 0), edges, 1.0, 0.95) == Interval(0, 1)
    assert found_bounds((5, 0, 0, 0), edges, 1.0, 0.999) == Interval(0, 8)
