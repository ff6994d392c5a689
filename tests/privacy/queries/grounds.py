"""Random datasets as files, with neighbours that have one unit more: columns of every kind, cells of every sort."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ColumnType,
    ConnectorMetadata,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)
from quinta.core.queries.model import AskedDataset

Row = Mapping[str, Any]

WHOLE = ((0, 100), (-50, 50), (-7, -2), (0, 1_000_000), (10, 13))
FRACTIONS = ((0.0, 1.0), (-2.5, 7.5), (0.25, 1e6), (-1e-3, 1e-3))
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2022, 12, 31, tzinfo=UTC)
ALLOWED = ("u", "v", "w")
STARS = (1, 3, 5)
ENDINGS = ("csv", "parquet", "json")
VICTIM = 999
VICTIMS = 2


@dataclass(frozen=True)
class Ground:
    """A dataset, and the same with each of some victims; the rows of the first as Python has them. ``whole`` and
    ``fractions`` are the bounds of the columns n and x."""

    table: TableMetadata
    whole: tuple[int, int]
    fractions: tuple[float, float]
    rows: tuple[Row, ...]
    without: AskedDataset
    neighbours: tuple[AskedDataset, ...]

    @property
    def has_units(self) -> bool:
        return self.table.privacy_column is not None


def ground(folder: Path, seed: int, *, alike: bool) -> Ground:
    """``alike``: all rows of a unit that has more than count are the same, so that it does not matter which count."""
    chance = random.Random(seed)
    whole, fractions = chance.choice(WHOLE), chance.choice(FRACTIONS)
    table = _table(chance, whole, fractions)
    rows = [row for unit in range(25) for row in _of_unit(chance, unit, table, whole, fractions, alike=alike)]
    rows += [{**_row(chance, whole, fractions), "id": None} for _ in range(2)]
    chance.shuffle(rows)
    victims = [[{**row, "id": VICTIM} for row in _victim(chance, whole, fractions)] for _ in range(VICTIMS)]
    if not table.privacy_column:  # a row is all that anybody has
        victims = [victim[:1] for victim in victims]
    ending = ENDINGS[seed % len(ENDINGS)]
    datasets = []
    for number, victim in enumerate([[], *victims]):
        path = folder / f"{seed}-{number}.{ending}"
        _write(path, [column.name for column in table.columns], [*rows, *victim])
        visits = TableMetadata(**{**_members(table), "name": "visits"})
        metadata = DatasetMetadata(
            "d", "", 2, ConnectorMetadata(ending, uri=str(path)), (SchemaMetadata("s", (table, visits)),)
        )
        datasets.append(AskedDataset("d", "d", metadata, MaskRules(), path=str(path)))
    return Ground(table, whole, fractions, tuple(rows), datasets[0], tuple(datasets[1:]))


def _members(table: TableMetadata) -> dict[str, Any]:
    return {name: getattr(table, name) for name in table.__dataclass_fields__}


def _table(chance: random.Random, whole: tuple[int, int], fractions: tuple[float, float]) -> TableMetadata:
    kinds: tuple[dict[str, Any], ...] = ({"allowed_values": ALLOWED}, {"selectable": True}, {"cardinality": 3})
    columns = (
        ColumnMetadata("id", ColumnType.INT, private_id=True),
        ColumnMetadata("n", ColumnType.INT, bounded=True, lower=whole[0], upper=whole[1]),
        ColumnMetadata("x", ColumnType.FLOAT, bounded=True, lower=fractions[0], upper=fractions[1]),
        ColumnMetadata("k", ColumnType.STRING, **chance.choice(kinds)),
        ColumnMetadata("t", ColumnType.STRING, selectable=True),
        ColumnMetadata("b", ColumnType.BOOLEAN),
        ColumnMetadata("j", ColumnType.INT, allowed_values=STARS),
        ColumnMetadata("d", ColumnType.DATETIME, bounded=True, lower=FIRST, upper=LAST),
        ColumnMetadata("w", ColumnType.FLOAT, use_auto_bounds=True, auto_lower=-40.0, auto_upper=1e6),
        ColumnMetadata("raw", ColumnType.FLOAT),
        ColumnMetadata("note", ColumnType.STRING),
    )
    has_units = chance.random() < 0.8
    return TableMetadata(
        "people",
        columns,
        2,
        privacy_column="id" if has_units else None,
        row_privacy=not has_units,
        max_ids=chance.randint(1, 4),
        sample_max_ids=chance.random() < 0.7,
        clamp_counts=chance.random() < 0.3,
        tau=chance.choice((None, None, 3.0)),
        budget_delta=chance.choice((1e-6, 0.05)),
    )


def _of_unit(
    chance: random.Random,
    unit: int,
    table: TableMetadata,
    whole: tuple[int, int],
    fractions: tuple[float, float],
    *,
    alike: bool,
) -> list[Row]:
    count = chance.choice((1, 1, 2, 3, 5))
    if alike and table.privacy_column is not None and count > table.max_ids:
        return [{**_row(chance, whole, fractions), "id": unit}] * count
    return [{**_row(chance, whole, fractions), "id": unit} for _ in range(count)]


def _row(chance: random.Random, whole: tuple[int, int], fractions: tuple[float, float]) -> dict[str, Any]:
    low, high = fractions
    moment = FIRST + timedelta(seconds=chance.randint(0, int((LAST - FIRST).total_seconds())))
    return {
        "n": chance.choice([chance.randint(whole[0] - 3, whole[1] + 3)] * 8 + [None, 10**18]),
        "x": chance.choice([chance.uniform(low, high)] * 8 + [None, math.nan, math.inf, low - 1, high + 0.5]),
        "k": chance.choice(["u", "v", "u", "w", "z", None]),
        "t": chance.choice(["a", "a", "a", "ab", "b", "c", None]),
        "b": chance.choice([True, False, False, None]),
        "j": chance.choice([1, 3, 3, 5, 9, None]),
        "d": chance.choice([moment] * 6 + [None, datetime(1900, 5, 6, tzinfo=UTC)]),
        "w": chance.choice([chance.uniform(0, 500)] * 6 + [None, math.nan, -1e300, 3e5]),
        "raw": chance.uniform(-1e300, 1e300),
        "note": "n",
    }


def _victim(chance: random.Random, whole: tuple[int, int], fractions: tuple[float, float]) -> list[Row]:
    """The most telling rows there can be: beyond bounds, in groups of their own, without values, many and the same."""
    high = {"n": 10**18, "x": math.inf, "k": "solo", "t": "solo", "b": True, "j": 5, "d": LAST, "w": 1e300}
    low = {"n": -(10**18), "x": -1e308, "k": "u", "t": "", "b": False, "j": 1, "d": FIRST, "w": -40.0}
    nothing = {**dict.fromkeys(high), "x": math.nan}
    kinds = [{**row, "raw": 1e308, "note": "victim"} for row in (high, low, nothing)]
    kinds += [{**kinds[0], "t": f"solo{number}", "k": ALLOWED[number % 3]} for number in range(4)]
    if chance.random() < 0.4:
        return [chance.choice(kinds)] * chance.choice((1, 4, 9))
    return chance.sample(kinds, chance.randint(1, len(kinds)))


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    if path.suffix == ".json":
        text = "".join(json.dumps({name: _plain(row[name]) for name in columns}) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
        return
    written = path.with_suffix(".csv")
    with written.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    if path.suffix == ".parquet":
        with duckdb.connect() as database:
            read = f"read_csv('{written}', header=true, nullstr='')"
            database.execute(f"COPY (SELECT * FROM {read}) TO '{path}' (FORMAT parquet)")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) and math.isnan(value) else value


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
