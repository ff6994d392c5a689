"""Neighbouring files for tests of the whole path: many copies of a small population, with and without one unit each.

A copy has units of its own, and statements group by ``copy`` besides whatever else they do. Noise is drawn for each
group by itself, and rows are bounded for each unit by itself: so the part of one answer that is about one copy is a
draw of what the statement would answer about that population, and one answer has as many draws as there are copies.
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ColumnType,
    ConnectorMetadata,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)
from quinta.core.datasets.model import NANO
from quinta.core.queries.model import AskedDataset, QueryAnswer, Question
from quinta.privacy.queries.measured import Measured, Rows
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import Key, Measure, Source
from tests.privacy.queries.distinguisher import Numbers

EPSILON = 1.0
DELTA = 0.02
"""Large, so that an error of one in tau shows in some thousands of draws."""

Row = Mapping[str, Any]
Cells = tuple[str, ...]

FACTS = (
    ColumnMetadata("age", ColumnType.INT, bounded=True, lower=0, upper=100),
    ColumnMetadata("pay", ColumnType.FLOAT, bounded=True, lower=0.0, upper=1.0),
    ColumnMetadata("grade", ColumnType.INT, bounded=True, lower=95, upper=100),  # few bins: each takes time
    ColumnMetadata("wealth", ColumnType.FLOAT, use_auto_bounds=True, auto_lower=0.0, auto_upper=8.0),
    ColumnMetadata("sex", ColumnType.STRING, allowed_values=("f", "m")),
    ColumnMetadata("town", ColumnType.STRING, selectable=True),
)
SCHEMA = "s"


def person(unit: int, age: object = 20, town: str = "a", sex: str = "f", **more: object) -> Row:
    """A row as it stands in a file."""
    return {"id": unit, "age": age, "pay": 1.0, "grade": 99, "wealth": 5.0, "sex": sex, "town": town, **more}


@dataclass(frozen=True)
class Case:
    """A statement about one population: rows of all others, and of the one who is there or not.

    ``groups`` are the keys besides the copy, as texts of results.csv; their columns stand behind that of the copy.
    ``copies``: 1 for a statement without copies, which tells something once for all groups or has no key: each draw is
    then an answer of its own. Of declared keys there are 10,000 groups at most.
    """

    statement: str
    others: Sequence[Row]
    unit: Sequence[Row]
    groups: Sequence[Cells] = ((),)
    copies: int = 6_000
    ending: str = "csv"
    table: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def draws_rows(self) -> bool:
        """Whether a unit has more rows than count, so that each reading draws others of them."""
        own = self.table.get("privacy_column", "id") or "id"
        units = Counter(row[own] for row in (*self.others, *self.unit))
        return max(units.values()) > self.table.get("max_ids", 1)

    def neighbours(self) -> tuple[list[Row], list[Row]]:
        return list(self.others), [*self.others, *self.unit]


def dataset(path: Path, case: Case, rows: Sequence[Row]) -> AskedDataset:
    """The file of ``rows``, once for each copy, and what its metadata say."""
    copy = ColumnMetadata("copy", ColumnType.INT, allowed_values=tuple(range(case.copies)))
    columns = (ColumnMetadata("id", ColumnType.INT, private_id=True), copy, *FACTS)
    said = {"privacy_column": "id", "max_ids": 1, "budget_delta": DELTA, **case.table}
    people = TableMetadata("people", columns, 2, **said)
    visits = replace(people, name="visits")  # a file has one table: that of another name has the same rows
    copied = [{**row, "copy": number, "id": number * 1000 + row["id"]} for number in range(case.copies) for row in rows]
    _write(path, [column.name for column in columns], copied)
    connector = ConnectorMetadata(case.ending, uri=str(path))
    metadata = DatasetMetadata("d", "", 2, connector, (SchemaMetadata(SCHEMA, (people, visits)),))
    return AskedDataset("d", "d", metadata, MaskRules(), path=str(path))


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    if path.suffix == ".json":
        path.write_text("".join(json.dumps({name: row[name] for name in columns}) + "\n" for row in rows))
        return
    text = path.with_suffix(".csv")
    with text.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row[name] for name in columns] for row in rows)
    if path.suffix == ".parquet":
        with duckdb.connect() as database:
            read = f"read_csv('{text}', header=true, nullstr='')"
            database.execute(f"COPY (SELECT * FROM {read}) TO '{path}' (FORMAT parquet)")


def question(case: Case, asked: AskedDataset) -> Question:
    return Question(case.statement, (asked,), round(EPSILON * NANO), **case.asked)


class Remembered:
    """A source whose exact numbers are read once and then remembered: for many answers about rows of which no unit has
    more than count (``Case.draws_rows``), whose reading is the same each time. ``Sources`` for ``plan_answer``."""

    def __init__(self, sources: Sources, datasets: Sequence[AskedDataset]) -> None:
        self._sources = sources
        self._datasets = datasets
        self._known: dict[tuple[Any, ...], Measured] = {}

    @contextmanager
    def open(self, datasets: Sequence[AskedDataset]) -> Iterator[Rows]:
        assert tuple(datasets) == tuple(self._datasets)
        yield self

    def agrees(self) -> bool:
        """Whether something was asked, and another reading answers it all in the same way."""
        with self._sources.open(self._datasets) as rows:
            return bool(self._known) and all(rows.measure(*asked) == known for asked, known in self._known.items())

    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        asked = (source, tuple(keys), tuple(measures))
        if asked not in self._known:
            with self._sources.open(self._datasets) as rows:
                self._known[asked] = rows.measure(source, keys, measures)
        return self._known[asked]


# --- what an answer tells ---


def features_of_copies(answer: QueryAnswer, case: Case) -> Numbers:
    """A row for each copy: for each group whether it is there, at which place, and all that both files say of it."""
    found: dict[int, list[tuple[list[str], list[str]]]] = {number: [] for number in range(case.copies)}
    results, accuracy = table(answer.results), table(answer.accuracy)
    for row, widths in zip(results[1:], accuracy[1:], strict=True):
        found[int(row[0])].append((row[1:], widths[1:]))
    width = len(results[0]) - 1
    return np.array([_features(rows, case.groups, width) for rows in found.values()])


def features_of_answers(answers: Sequence[QueryAnswer], case: Case) -> Numbers:
    """A row for each answer, likewise."""
    rows = []
    for answer in answers:
        results, accuracy = table(answer.results), table(answer.accuracy)
        rows.append(_features(list(zip(results[1:], accuracy[1:], strict=True)), case.groups, len(results[0])))
    return np.array(rows)


def _features(rows: Sequence[tuple[list[str], list[str]]], groups: Sequence[Cells], width: int) -> list[float]:
    keys = len(groups[0])
    told = {tuple(row[:keys]): (place, row[keys:] + widths[keys:]) for place, (row, widths) in enumerate(rows)}
    assert told.keys() <= set(groups), "a group that no row is of"
    missing = [0.0] + [math.nan] * (1 + 2 * (width - keys))
    features: list[float] = []
    for group in groups:
        if group in told:
            place, cells = told[group]
            features += [1.0, float(place), *map(number_of, cells)]
        else:
            features += missing
    return features


def table(text: bytes) -> list[list[str]]:
    return list(csv.reader(text.decode().splitlines()))


def number_of(cell: str) -> float:
    return math.nan if cell in ("", '""') else float(cell)
