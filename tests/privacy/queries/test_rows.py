"""Rows of sources are counted as a row-by-row reference counts them, whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.privacy.queries.measured import Count
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import Key, Measure, Source, Value
from tests.privacy.queries import tables
from tests.privacy.queries.reference import counted, evaluate
from tests.privacy.queries.tables import Row

EVERY_ROW = 1_000


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    opened = Sources(tmp_path_factory.mktemp("sources") / "imports", memory_megabytes=200, threads=2)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def expected(
    rows: Sequence[Row], source: Source, keys: Sequence[Key], measures: Sequence[Measure]
) -> Mapping[tuple[Value, ...], tuple[Count, ...]]:
    """Of a table in which no unit has too many rows."""
    unit = source.scans[0].unit
    groups: dict[tuple[Value, ...], list[Row]] = {} if keys else {(): []}
    for row in map(tables.canonical, rows):
        if (unit is not None and row[unit] is None) or (source.where and evaluate(source.where, row) is not True):
            continue
        found = tuple(evaluate(key.expression, row) for key in keys)
        if all(key.values is None or value in key.values for key, value in zip(keys, found, strict=True)):
            groups.setdefault(found, []).append(row)
    return {key: tuple(counted(measure, group, unit) for measure in measures) for key, group in groups.items()}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=tables.rows,
    ending=st.sampled_from([".csv", ".json"]),
    questions=st.lists(tables.questions(EVERY_ROW), min_size=6, max_size=10),
)
def test_a_file_is_counted_as_row_by_row(
    sources: Sources,
    folder: Path,
    rows: list[Row],
    ending: str,
    questions: list[tuple[Source, list[Key], list[Measure]]],
) -> None:
    dataset = tables.file_dataset(folder / f"people{ending}", rows)
    with sources.open([dataset]) as opened:
        for source, keys, measures in questions:
            assert opened.measure(source, keys, measures).groups == expected(rows, source, keys, measures)
