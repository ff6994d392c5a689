"""A unit has at most its number of rows in all that is counted, and which ones depends on its own rows alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.datasets.metadata import ColumnType
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.measured import Count, Measured
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import (
    Column,
    Comparison,
    Grid,
    Interval,
    Join,
    JoinKind,
    Key,
    Literal,
    Measure,
    MeasureKind,
    Scan,
    Source,
    Value,
)
from tests.privacy.queries import tables
from tests.privacy.queries.tables import AMOUNT, FLAG, MOMENT, NAME, NUMBER, SCHEMA, TABLE, TYPES, UNIT, Row

ROWS = Measure(MeasureKind.ROWS)
UNITS = Measure(MeasureKind.UNITS)
SUM = Measure(MeasureKind.SUM, tables.number, Grid(450.0, 1.0, 551), most=551)
MEASURES = [ROWS, SUM, Measure(MeasureKind.VALUES, tables.column(FLAG)), UNITS]
BY_NAME = Key(tables.column(NAME), None)
FALSE_ALARM_DEVIATIONS = 5.5
"""Of a normal distribution: 4e-8 for one comparison."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    opened = Sources(tmp_path_factory.mktemp("sources") / "imports", memory_megabytes=200, threads=2)
    yield opened
    opened.close()


def row(unit: int | None, number: int, name: str = "a") -> Row:
    return {**dict.fromkeys(TYPES), UNIT: unit, NUMBER: number, NAME: name, AMOUNT: None, MOMENT: None, FLAG: None}


def one(most_rows: int, *, samples: bool = True, unit: str | None = UNIT) -> Source:
    return Source((Scan(0, SCHEMA, TABLE, unit, most_rows, samples),), (), None, most_rows)


def asked(
    sources: Sources, dataset: AskedDataset, source: Source, keys: Sequence[Key], measures: Sequence[Measure]
) -> Measured:
    with sources.open([dataset]) as opened:
        return opened.measure(source, keys, measures)


def distance(
    first: Mapping[tuple[Value, ...], tuple[Count, ...]],
    second: Mapping[tuple[Value, ...], tuple[Count, ...]],
    at: int,
) -> int:
    """How far apart one measure is, in sum over all groups."""
    total = 0
    for key in first.keys() | second.keys():
        left, right = (groups[key][at] if key in groups else 0 for groups in (first, second))
        assert isinstance(left, int)
        assert isinstance(right, int)
        total += abs(left - right)
    return total


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    units=st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3), st.sampled_from("abc")), min_size=1, max_size=40),
    most_rows=st.integers(1, 4),
    least=st.integers(-3, 3),
)
def test_removing_a_unit_changes_a_measure_by_at_most_its_rows(
    sources: Sources,
    tmp_path_factory: pytest.TempPathFactory,
    units: list[tuple[int, int, str]],
    most_rows: int,
    least: int,
) -> None:
    """With the draw that does not change from query to query, so that all others' rows are exactly the same."""
    folder = tmp_path_factory.mktemp("neighbours")
    every = [row(*unit) for unit in units]
    removed = units[0][0]
    datasets = [
        tables.file_dataset(folder / "all.csv", every),
        tables.file_dataset(folder / "others.csv", [item for item in every if item[UNIT] != removed]),
    ]
    where = Comparison(">=", tables.column(NUMBER), Literal(least, ColumnType.INT))
    source = Source((Scan(0, SCHEMA, TABLE, UNIT, most_rows, samples=False),), (), where, most_rows)
    for keys in ([], [BY_NAME], [BY_NAME, Key(tables.column(NUMBER), (0, 1, 2))]):
        with_it, without = (asked(sources, dataset, source, keys, MEASURES).groups for dataset in datasets)
        for at, measure in enumerate(MEASURES):
            assert distance(with_it, without, at) <= most_rows * measure.most
    counts = asked(sources, datasets[0], source, [Key(tables.column(UNIT), None)], [ROWS]).groups
    found = Counter(unit for unit, number, _ in units if number >= least)
    assert {key[0]: count[0] for key, count in counts.items()} == {
        unit: min(count, most_rows) for unit, count in found.items()
    }


@pytest.mark.parametrize("most_rows", [1, 2])
@pytest.mark.parametrize("unit", [UNIT, NAME], ids=["sorted by", "another column"])
def test_each_row_of_a_unit_is_taken_equally_often(sources: Sources, tmp_path: Path, most_rows: int, unit: str) -> None:
    """Rows that are alike too: 0 is there three times. 400 draws of 40 units; false alarms: 4e-8 for each value."""
    numbers = (0, 0, 0, 1, 2, 3, 4)
    rows = [row(item, number, f"n{item}") for item in range(40) for number in numbers]
    dataset = tables.file_dataset(tmp_path / "people.csv", rows)
    taken: Counter[object] = Counter()
    draws = 100
    for _ in range(draws):
        groups = asked(sources, dataset, one(most_rows, unit=unit), [Key(tables.column(NUMBER), None)], [ROWS]).groups
        taken.update({key[0]: count[0] for key, count in groups.items()})
    trials = draws * 40
    assert sum(taken.values()) == trials * most_rows
    for number, times in Counter(numbers).items():
        expected = trials * most_rows * times / len(numbers)
        deviation = math.sqrt(trials * most_rows * (times / len(numbers)) * (1 - times / len(numbers)))
        assert abs(taken[number] - expected) < FALSE_ALARM_DEVIATIONS * deviation


def test_a_draw_is_the_same_until_it_is_closed_and_then_another(sources: Sources, tmp_path: Path) -> None:
    """That two draws of 40 out of 10 numbers are the same happens once in 1e40."""
    dataset = tables.file_dataset(tmp_path / "people.csv", [row(item, n) for item in range(40) for n in range(10)])
    by_number = [Key(tables.column(UNIT), None), Key(tables.column(NUMBER), None)]
    draws = []
    for _ in range(2):
        with sources.open([dataset]) as opened:
            draws.append(opened.measure(one(1), by_number, [ROWS]))
            assert opened.measure(one(1), by_number, [ROWS]) == draws[-1]
    assert draws[0] != draws[1]
    fixed = [asked(sources, dataset, one(1, samples=False), by_number, [ROWS]) for _ in range(2)]
    assert fixed[0] == fixed[1]


def test_rows_of_no_declared_group_use_up_no_place(sources: Sources, tmp_path: Path) -> None:
    rows = [row(item, number, name) for item in range(50) for number, name in ((1, "a"), (2, "b"), (3, "c"))]
    dataset = tables.file_dataset(tmp_path / "people.csv", rows)
    found = asked(sources, dataset, one(1), [Key(tables.column(NAME), ("a", "missing"))], [ROWS, UNITS])
    assert found.groups == {("a",): (50, 50)}


@pytest.mark.parametrize(("unit", "count"), [(UNIT, 2), (None, 4)], ids=["units", "rows"])
def test_rows_without_a_unit_are_nobodys(sources: Sources, tmp_path: Path, unit: str | None, count: int) -> None:
    rows = [row(None, 1), row(None, 2), row(1, 1), row(2, 1)]
    dataset = tables.file_dataset(tmp_path / "people.csv", rows, unit)
    assert asked(sources, dataset, one(1, unit=unit), [], [ROWS, UNITS]).groups == {(): (count, count)}


@pytest.mark.parametrize(("kind", "count"), [(JoinKind.INNER, 2 * 3), (JoinKind.LEFT, 2 * 3 + 2)])
def test_tables_are_bounded_before_they_are_joined(
    sources: Sources, tmp_path: Path, kind: JoinKind, count: int
) -> None:
    """Unit 1 is in both tables, 2 in the first one only, 3 in the second one only."""
    first = tables.file_dataset(tmp_path / "first.csv", [row(unit, n) for unit in (1, 2, None) for n in range(5)])
    second = tables.file_dataset(tmp_path / "second.csv", [row(unit, n) for unit in (1, 3, None) for n in range(7)])
    scans = (Scan(0, SCHEMA, TABLE, UNIT, 2), Scan(1, SCHEMA, TABLE, UNIT, 3))
    source = Source(scans, (Join(kind, None),), None, 6)
    with sources.open([first, second]) as opened:
        assert opened.measure(source, [], [ROWS, UNITS]).groups == {(): (count, 1 if kind is JoinKind.INNER else 2)}


def test_the_bounded_sum_of_bounds_is_exact(sources: Sources, tmp_path: Path) -> None:
    """Sums beyond 64 bits."""
    largest = 2**62
    operand = Column(0, NUMBER, ColumnType.INT, Interval(0.0, float(largest)), clamped=True)
    dataset = tables.file_dataset(tmp_path / "people.csv", [row(item, largest) for item in range(9)])
    sums = Measure(MeasureKind.SUM, operand, Grid(0.0, 1.0, largest), most=largest)
    assert asked(sources, dataset, one(1), [], [sums]).groups == {(): (9 * largest,)}
