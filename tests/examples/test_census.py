"""The census example: its metadata says what is in its file, and nothing of it is missing."""

from __future__ import annotations

import csv
from pathlib import Path

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.metadata.reader import YamlMetadataReader

CENSUS = Path(__file__).resolve().parents[2] / "examples" / "census"


def test_the_metadata_declares_every_column_and_every_value() -> None:
    metadata = YamlMetadataReader().read((CENSUS / "census.yaml").read_text(encoding="utf-8"))
    ((_, table),) = metadata.tables
    with (CENSUS / "census.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert table.rows == len(rows) == 5_000
    assert [column.name for column in table.columns] == list(rows[0])
    assert (table.privacy_column, table.max_ids, metadata.privacy_level) == ("id", 1, 1)
    for column in table.columns:
        values = {row[column.name] for row in rows}
        if column.allowed_values is not None:
            assert values <= set(map(str, column.allowed_values)), column.name
        if column.bounded and column.type is ColumnType.INT:
            lower, upper = float(str(column.lower)), float(str(column.upper))
            assert all(lower <= float(value) <= upper for value in values), column.name
    assert len({row["id"] for row in rows}) == len(rows)
