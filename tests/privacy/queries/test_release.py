"""Without noise the answers are the exact ones; which groups there are, and what becomes of those without rows."""

from __future__ import annotations

import math
import statistics

import pytest

from quinta.privacy.queries.allocation import allocate
from quinta.privacy.queries.release import NoisyTable, release
from quinta.privacy.queries.tree import AggregateKind, Key, Limit, Plan
from tests.privacy.queries.plans import (
    AGE,
    DECLARED,
    JOB,
    SCORE,
    SEX,
    UNKNOWN,
    MemoryRows,
    NoNoise,
    Row,
    aggregate,
    plan,
)

ROWS: list[Row] = [
    {"id": number, "age": number % 90, "score": number % 7 / 3, "job": f"job {number % 3}", "sex": "fm"[number % 2]}
    for number in range(600)
]
EPSILON = 1_000_000_000


def exactly(asked: Plan, rows: list[Row] | None = None) -> NoisyTable:
    return release(asked, allocate(asked, EPSILON), MemoryRows(ROWS if rows is None else rows), NoNoise())


def test_without_noise_aggregates_are_exact() -> None:
    kinds = [kind for kind in AggregateKind if kind not in (AggregateKind.QUANTILE, AggregateKind.COUNT_UNITS)]
    ages = [float(row["age"]) for row in ROWS if isinstance(row["age"], int)]
    table = exactly(plan(*(aggregate(kind, None if kind is AggregateKind.COUNT_ROWS else AGE) for kind in kinds)))
    assert table.aggregates[0] == pytest.approx(
        (
            600,
            600,
            sum(ages),
            statistics.fmean(ages),
            statistics.variance(ages),
            statistics.pvariance(ages),
            statistics.stdev(ages),
            statistics.pstdev(ages),
        )
    )
    assert isinstance(table.aggregates[0][2], int)


def test_sums_of_floats_are_exact_to_their_grid() -> None:
    scores = [float(row["score"]) for row in ROWS if isinstance(row["score"], float)]
    table = exactly(plan(aggregate(AggregateKind.SUM, SCORE), aggregate(AggregateKind.AVERAGE, SCORE)))
    assert table.aggregates[0] == pytest.approx((math.fsum(scores), statistics.fmean(scores)), rel=1e-7)


def test_a_median_of_few_whole_numbers_is_exact() -> None:
    table = exactly(plan(aggregate(AggregateKind.QUANTILE, AGE, 0.5)))
    assert table.aggregates[0][0] == statistics.median(row["age"] for row in ROWS)  # type: ignore[type-var]


def test_declared_groups_are_all_there_and_unknown_ones_by_tau() -> None:
    count = aggregate(AggregateKind.COUNT_ROWS)
    third = Key(SEX, ("f", "m", "x"))
    assert exactly(plan(count, keys=[third])).keys == (("f",), ("m",), ("x",))
    assert exactly(plan(count, keys=[third])).aggregates == ((300,), (300,), (0,))
    assert exactly(plan(count, keys=[UNKNOWN])).keys == (("job 0",), ("job 1",), ("job 2",))
    assert exactly(plan(count, keys=[UNKNOWN]), ROWS[:12]).keys == ()
    assert exactly(plan(count, keys=[DECLARED, UNKNOWN])).keys[0] == ("f", "job 0")
    assert exactly(plan(count, keys=[third], tau=1)).keys == (("f",), ("m",))
    assert exactly(plan(count, tau=601)).keys == ()


def test_a_limit_leaves_out_groups_that_stand_for_too_few() -> None:
    count = aggregate(AggregateKind.COUNT_ROWS)
    assert len(exactly(plan(count, keys=[DECLARED], limits=[Limit(JOB, 3)])).keys) == 2
    assert exactly(plan(count, keys=[DECLARED], limits=[Limit(JOB, 4)])).keys == ()
    assert exactly(plan(count, keys=[DECLARED], limits=[Limit(None, 301)])).keys == ()


def test_nothing_in_a_group_has_answers_within_the_bounds() -> None:
    kinds = (AggregateKind.AVERAGE, AggregateKind.VARIANCE, AggregateKind.DEVIATION, AggregateKind.SUM)
    (row,) = exactly(plan(*(aggregate(kind, AGE) for kind in kinds)), []).aggregates
    assert row[0] == 50
    assert row[1:] == (0, 0, 0)
