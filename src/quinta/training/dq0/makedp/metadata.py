"""What is declared of a dataset: the file that the server writes for a run, and which dataset a run trains on.

``DQ0_DATA`` is JSON: a list of objects with ``name``, ``uuid``, ``path``, ``metadata`` (the path of the owner's YAML)
and ``declared``, the path of what the server read in it: JSON, so that the standard library is enough here.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from dq0.makedp.errors import TrainingError


class Column(NamedTuple):
    name: str
    type: str
    lower: Optional[Any]
    upper: Optional[Any]
    allowed_values: Optional[Tuple[Any, ...]]
    cardinality: Optional[int]
    is_feature: bool
    is_target: bool
    private_id: bool


class Dataset(NamedTuple):
    """One table of rows and what is declared of it. ``privacy_column`` None: every row is one individual."""

    name: str
    path: str
    connector: Dict[str, Any]
    columns: Tuple[Column, ...]
    privacy_column: Optional[str]
    most_rows_each: int
    delta: Optional[float]

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise TrainingError("the dataset '%s' has no column '%s'" % (self.name, name[:80]))


def attached(environment: Dict[str, str]) -> List[Dict[str, str]]:
    """The datasets that the run may read; TrainingError where the server names none."""
    listed = json.loads(environment.get("DQ0_DATA") or "[]")
    if not listed:
        raise TrainingError("no dataset is attached to the project: attach one, and run again")
    return list(listed)


def chosen(environment: Dict[str, str], name: str) -> Dataset:
    """The dataset by that name, or the only one where the name is empty."""
    listed = attached(environment)
    named = [each for each in listed if name in ("", each["name"], each["uuid"])]
    if not named:
        raise TrainingError("no dataset '%s' is attached to the project" % name[:80])
    if len(named) > 1:
        raise TrainingError(
            "several datasets are attached (%s): name one by --dataset" % ", ".join(each["name"] for each in listed)
        )
    return read_dataset(named[0])


def read_dataset(entry: Dict[str, str]) -> Dataset:
    """The dataset's first table; TrainingError where it declares none."""
    with open(entry["declared"], encoding="utf-8") as file:
        declared = json.load(file)
    tables = [table for schema in declared["schemas"] for table in schema["tables"]]
    if not tables:
        raise TrainingError("the metadata of '%s' declares no table" % entry["name"])
    table = tables[0]
    columns = tuple(_column(column) for column in table["columns"])
    identifying = [column.name for column in columns if column.private_id]
    privacy_column = table.get("privacy_column") or (identifying[0] if identifying else None)
    by_row = bool(table.get("row_privacy")) or privacy_column is None
    return Dataset(
        name=entry["name"],
        path=entry["path"],
        connector=declared.get("connector") or {"type_name": os.path.splitext(entry["path"])[1][1:] or "csv"},
        columns=columns,
        privacy_column=None if by_row else privacy_column,
        most_rows_each=1 if by_row else max(1, int(table.get("max_ids") or 1)),
        delta=table.get("budget_delta"),
    )


def _column(column: Dict[str, Any]) -> Column:
    allowed = column.get("allowed_values")
    return Column(
        name=column["name"],
        type=column["type"],
        lower=column.get("lower"),
        upper=column.get("upper"),
        allowed_values=None if allowed is None else tuple(allowed),
        cardinality=column.get("cardinality"),
        is_feature=bool(column.get("is_feature")),
        is_target=bool(column.get("is_target")),
        private_id=bool(column.get("private_id")),
    )
