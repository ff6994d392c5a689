"""Rows as columns of values: CSV and JSON by the standard library, Parquet where the environment has pyarrow."""

from __future__ import annotations

import csv
import json
from typing import Any, Container, Dict, Iterator, List, Sequence
from urllib.parse import unquote, urlsplit

from dq0.makedp.errors import TrainingError
from dq0.makedp.metadata import Dataset

_LONGEST_FIELD = (1 << 31) - 1
"""More than memory has: a field that is too long would be an error that tells of a row."""
Table = Dict[str, List[Any]]
"""By the column's name its values, all as many; None or "" where a row has none."""


def read_columns(dataset: Dataset, names: Sequence[str]) -> Table:
    """The columns ``names`` of all rows. TrainingError for a kind of source that cannot be read here, or a column that
    the file has not; what a single row holds never raises, for an error would tell it."""
    readers = {"csv": _csv, "json": _json, "parquet": _parquet}
    kind = str(dataset.connector.get("type_name"))
    if kind not in readers:
        raise TrainingError("rows of the kind '%s' cannot be trained on: csv, json and parquet can" % kind[:40])
    return readers[kind](dataset, names)


def path_of(dataset: Dataset) -> str:
    """The file's path; the server gives one of the sandbox, but a file:// URL does as well."""
    parts = urlsplit(dataset.path)
    return unquote(parts.path) if parts.scheme == "file" else dataset.path


def _csv(dataset: Dataset, names: Sequence[str]) -> Table:
    connector = dataset.connector
    declared = [column.name for column in dataset.columns]
    header_rows = connector.get("header_row")
    skipped = (max(header_rows) + 1) if header_rows else 1
    with open(path_of(dataset), newline="", encoding="utf-8-sig", errors="replace") as file:
        csv.field_size_limit(_LONGEST_FIELD)
        rows = csv.reader(
            (line.replace("\0", "") for line in file),  # which Python before 3.11 takes for an error
            delimiter=connector.get("separator") or ",",
            skipinitialspace=bool(connector.get("skip_initial_space")),
        )
        if connector.get("use_original_header", True):
            head = [next(rows, []) for _ in range(skipped)]
            header = [name.strip() for name in head[-1]]
        else:
            header = list(connector.get("header_columns") or declared)
            for _ in range(skipped if header_rows else 0):
                next(rows, None)
        places = {name: header.index(name) for name in names if name in header}
        _all_there(dataset, names, places)
        table: Table = {name: [] for name in names}
        for row in rows:
            if row:
                for name, place in places.items():
                    table[name].append(row[place] if place < len(row) else None)
    return _cleaned(table, dataset)


def _cleaned(table: Table, dataset: Dataset) -> Table:
    """With the values that stand for none taken away, and numbers with a point."""
    missing = dataset.connector.get("na_values") or {}
    decimal = dataset.connector.get("decimal") or "."
    for name, values in table.items():
        none = {str(each) for each in missing.get(name, ())}
        if none:
            table[name] = values = [None if value in none else value for value in values]
        if decimal != "." and dataset.column(name).type in ("int", "float"):
            table[name] = [None if value is None else value.replace(decimal, ".") for value in values]
    return table


def _json(dataset: Dataset, names: Sequence[str]) -> Table:
    """One list of objects, or an object a line."""
    table: Table = {name: [] for name in names}
    for row in _objects(path_of(dataset)):
        for name in names:
            table[name].append(row.get(name))
    return table


def _objects(path: str) -> Iterator[Dict[str, Any]]:
    with open(path, encoding="utf-8", errors="replace") as file:
        begins_list = file.read(1) == "["
        file.seek(0)
        try:
            rows = json.load(file) if begins_list else (_line(line) for line in file if line.strip())
            yield from (row if isinstance(row, dict) else {} for row in rows)
        except (ValueError, RecursionError):
            raise TrainingError("the dataset's file is not JSON: a list of objects, or an object a line") from None


def _line(line: str) -> Any:
    """None for a line that is no JSON: an error would tell of a row."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _parquet(dataset: Dataset, names: Sequence[str]) -> Table:
    try:
        from pyarrow import parquet
    except ImportError:
        raise TrainingError("to read Parquet, add pyarrow to the project's requirements.txt") from None
    file = parquet.ParquetFile(path_of(dataset))
    _all_there(dataset, names, list(file.schema_arrow.names))
    return {name: file.read(columns=[name]).column(name).to_pylist() for name in names}


def _all_there(dataset: Dataset, names: Sequence[str], found: Container[str]) -> None:
    absent = [name for name in names if name not in found]
    if absent:
        raise TrainingError(
            "the file of '%s' has no column %s: its owner must mend the metadata"
            % (dataset.name, ", ".join("'%s'" % name for name in absent))
        )
