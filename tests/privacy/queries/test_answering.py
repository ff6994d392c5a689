"""From a plan to the bytes of results.csv and accuracy.csv, the message, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from quinta.core.datasets.metadata import ColumnType
from quinta.core.datasets.model import NANO
from quinta.core.errors import InvalidInput
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.accuracy import half_width
from quinta.privacy.queries.answering import plan_answer, plan_cost
from quinta.privacy.queries.measured import Rows
from quinta.privacy.queries.noise import OpenDPNoise
from quinta.privacy.queries.release import NoisyTable
from quinta.privacy.queries.shaping import SETTINGS, csv_of, shaped
from quinta.privacy.queries.tree import AggregateKind, AutomaticBounds, Column, Interval, Key, Shape
from tests.privacy.queries.plans import (
    AGE,
    DECLARED,
    JOB,
    SCORE,
    UNKNOWN,
    MemoryRows,
    NoNoise,
    Row,
    aggregate,
    plan,
)

COUNT = aggregate(AggregateKind.COUNT_ROWS)
SUM = aggregate(AggregateKind.SUM, AGE)
VARIANCE = aggregate(AggregateKind.VARIANCE, AGE)
AVERAGE = aggregate(AggregateKind.AVERAGE, AGE)
PEOPLE: list[Row] = [{"id": n, "age": n % 50, "score": 0.5, "job": "a, b", "sex": "fm"[n % 2]} for n in range(400)]


class Closed:
    """A source that nobody may open."""

    @contextmanager
    def open(self, datasets: Sequence[AskedDataset]) -> Iterator[Rows]:
        raise AssertionError("opened")
        yield


def test_files_have_a_header_quotes_and_half_widths() -> None:
    answer = plan_answer(plan(COUNT, keys=[UNKNOWN]), NANO, (), MemoryRows(PEOPLE), NoNoise())
    assert answer.results == b'k0,a0\n"a, b",400\n'
    assert answer.accuracy == b'k0,a0\n"a, b",3.0\n'
    assert half_width(1.0) == 3
    assert answer.cost.epsilon == NANO
    assert "Charged epsilon 1 and delta 1e-06." in answer.message
    assert f"tau = {answer.cost.tau:g}" in answer.message
    assert "suppressed" in answer.message
    assert "Noise: count(*): discrete Laplace, scale 1." in answer.message


def test_an_answer_without_a_group_has_its_header() -> None:
    answer = plan_answer(plan(COUNT, keys=[UNKNOWN]), NANO, (), MemoryRows([]), NoNoise())
    assert answer.results == answer.accuracy == b"k0,a0\n"


def test_what_is_the_same_for_all_data_is_free_and_opens_nothing() -> None:
    empty = replace(plan(COUNT, AVERAGE), is_empty=True, constants=(0, None))
    answer = plan_answer(empty, NANO, (), Closed(), NoNoise())
    assert answer.results == b"a0,a1\n0,\n"
    assert answer.cost.epsilon == answer.cost.delta == 0
    assert answer.cost.datasets == ()
    assert plan_answer(replace(empty, constants=None), NANO, (), Closed(), NoNoise()).results == b"a0,a1\n"
    assert plan_answer(plan(keys=[DECLARED]), NANO, (), Closed(), NoNoise()).results == b"k0\nf\nm\n"
    with pytest.raises(AssertionError, match="opened"):
        plan_answer(plan(COUNT), NANO, (), Closed(), NoNoise())


def test_costs_name_each_column() -> None:
    cost = plan_cost(plan(COUNT, SUM, AVERAGE), NANO)
    assert [column.epsilon for column in cost.columns] == [NANO, NANO, NANO]
    assert [column.mechanism for column in cost.columns] == [
        "discrete Laplace, computed from 3 noisy numbers",
        "discrete Laplace, computed from 2 noisy numbers",
        "discrete Laplace, computed from 2 noisy numbers",
    ]
    assert cost.columns[0].scale == pytest.approx(3**0.5)
    assert cost.columns[1].scale == pytest.approx(100), "as if it were alone: its lower bound is 0"
    assert cost.columns[2].scale is None
    assert (cost.delta, cost.tau) == (0, None)
    assert "are made of the same noisy numbers: their epsilon of 1 is taken once." in cost.notes[-1]
    alone = plan_cost(plan(SUM), NANO)
    assert alone.columns[0].scale == pytest.approx(100)
    assert alone.notes == ()
    assert plan_cost(plan(COUNT, keys=[UNKNOWN]), NANO).delta == 1e-6
    assert plan_cost(plan(COUNT, keys=[UNKNOWN], tau=40), NANO).tau == 40
    assert plan_cost(plan(COUNT, keys=[UNKNOWN], delta=0.7), NANO).delta == 0.1
    rows, people = (plan_cost(plan(COUNT, keys=[UNKNOWN], most_rows=m), NANO).notes[0] for m in (3, 1))
    assert "rows, counted with noise" in rows
    assert "individuals, counted with noise" in people


def test_more_groups_than_are_enumerated_need_tau() -> None:
    many = Key(JOB, tuple(str(number) for number in range(10_001)))
    assert plan_cost(plan(COUNT, keys=[many]), NANO).tau is not None
    assert plan_cost(plan(COUNT, keys=[replace(many, values=(many.values or ())[1:])]), NANO).tau is None


def test_an_epsilon_too_small_to_share_is_refused() -> None:
    with pytest.raises(InvalidInput, match="epsilon is too small"):
        plan_cost(plan(COUNT, SUM, VARIANCE), 2)
    assert plan_cost(plan(COUNT, SUM, VARIANCE), 8).epsilon == 8


def test_bounds_are_found_and_named() -> None:
    within = AutomaticBounds(Interval(0, 1e6), 0.95)
    wide = Column(0, "age", ColumnType.INT, Interval(0, 1e6), clamped=True)
    searched = replace(aggregate(AggregateKind.AVERAGE, wide), automatic=within)
    answer = plan_answer(plan(searched), NANO, (), MemoryRows(PEOPLE), OpenDPNoise())
    average = float(answer.results.split()[1])
    assert 15 < average < 35, "bounds of 0 to a million would give noise of thousands"
    assert answer.cost.columns[0].scale is None
    assert any("finds the bounds" in note for note in answer.cost.notes)
    nowhere = plan_answer(plan(searched), NANO, (), MemoryRows([]), NoNoise())
    assert float(nowhere.results.split()[1]) == 500_000


def test_masks_are_applied_before_anything_is_put_out() -> None:
    key = Key(JOB, None, mask="(a), b")
    assert plan_answer(plan(COUNT, keys=[key]), NANO, (), MemoryRows(PEOPLE), NoNoise()).results == (
        b'k0,a0\n"***, b",400\n'
    )


def test_numbers_are_written_as_they_are() -> None:
    rows = [(None, 2**70, 0.1, True, "", 'say "x"\n', datetime(2020, 1, 2)), (1, -1, 1e300, False, "a", "=1", None)]
    assert csv_of(("a", "b c", "d", "e", "f", "g", "h"), rows) == (
        b"a,b c,d,e,f,g,h\n"
        b',1180591620717411303424,0.1,true,"","say ""x""\n",2020-01-02 00:00:00\n'
        b"1,-1,1e+300,false,a,=1,\n"
    )
    assert csv_of(("a",), [(None,)]) == b'a\n""\n'


def test_moments_and_large_numbers_go_through_the_shape() -> None:
    moments = Key(Column(0, "at", ColumnType.DATETIME, None), None)
    shape = Shape("SELECT k0, a0 * a0, k0, NULL FROM noisy ORDER BY a0 DESC", ("at", "x"))
    asked = replace(plan(COUNT, keys=[moments]), shape=shape)
    keys = ((datetime(2020, 1, 1, tzinfo=UTC),), (None,))
    results, accuracy = shaped(asked, NoisyTable(keys, ((2**40,), (3,)), ((1.0,), (1.0,))))
    assert results == b"at,x\n2020-01-01 00:00:00,1208925819614629174706176\n,9\n"
    assert accuracy == b"at,x\n2020-01-01 00:00:00,\n,\n"


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM read_csv('/etc/passwd')", "SET memory_limit = '1GB'", "ATTACH '/tmp/x.db'"]
)
def test_the_engine_opens_nothing(sql: str) -> None:
    table = NoisyTable(((),), ((1,),), ((1.0,),))
    with pytest.raises(duckdb.Error):
        shaped(replace(plan(COUNT), shape=Shape(sql, ("a",))), table)
    # By itself too: behind the table of an answer only a select is a statement at all.
    refused = pytest.raises(duckdb.Error, match=r"disabled by configuration|been locked")
    with duckdb.connect(":memory:", config=dict(SETTINGS)) as connection, refused:
        connection.execute(sql)
    assert shaped(plan(COUNT), table)[0] == b"a0\n1\n"


def test_intervals_of_95_percent_hold() -> None:
    asked = plan(COUNT, SUM, AVERAGE, aggregate(AggregateKind.VARIANCE, AGE), aggregate(AggregateKind.SUM, SCORE))
    exact = numbers_of(plan_answer(asked, NANO, (), MemoryRows(PEOPLE), NoNoise()).results)
    outside = [0] * len(exact)
    for _ in range(200):
        answer = plan_answer(asked, NANO, (), MemoryRows(PEOPLE), OpenDPNoise())
        found, widths = numbers_of(answer.results), numbers_of(answer.accuracy)
        for number, (one, other, width) in enumerate(zip(exact, found, widths, strict=True)):
            outside[number] += abs(one - other) > width
    # 5 % of 200 are 10; more than 28 come by chance in 3 of 10^7 runs.
    assert max(outside) <= 28
    assert outside[0] > 0


def numbers_of(csv: bytes) -> list[float]:
    return [float(text) for text in csv.split()[1].split(b",")]
