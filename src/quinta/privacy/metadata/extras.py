"""What may stand at the top of a metadata file beside the tree: budget, permissions, texts of the owner's.

``privacy_budget`` and its interval are of the old format. The ``data_…`` keys are this product's own, named as callers
read them (contract dq0 5.6: the format has no place for them): what is shown of a dataset is its owner's to say, and
never read from its rows.
"""

from __future__ import annotations

import json
from typing import Any, Final

from quinta.core.datasets.metadata import ColumnMetadata, DatasetMetadata
from quinta.core.datasets.model import DataPermission
from quinta.privacy.masking import masked
from quinta.privacy.metadata.group import Group, kind_of, list_of, refused

_MOST_ROWS: Final = 100
_MOST_DAYS: Final = 36_500
_LARGEST_BUDGET: Final = 1e9
"""Epsilon; in 1e-9 of it, a database's largest whole number is nine times as much."""


def read_extras(top: Group) -> dict[str, Any]:
    """Fields of DatasetMetadata by name; ``permissions`` is None where nothing is said of them."""
    budget = top.number("privacy_budget", least=0)
    if budget is not None and budget > _LARGEST_BUDGET:
        raise refused("privacy_budget", f"must be at most {_LARGEST_BUDGET:g}")
    return {
        "privacy_budget": budget,
        "privacy_budget_interval_days": top.whole("privacy_budget_interval_days", least=1, most=_MOST_DAYS),
        "permissions": _permissions(top),
        "mean": _told(top, "data_mean"),
        "deviation": _told(top, "data_std"),
        "statistics": _told(top, "data_stats"),
        "sample": _rows(top),
    }


def mask_sample(metadata: DatasetMetadata) -> str:
    """The sample with the columns' masks applied. InvalidInput when it has a column that no table has."""
    if not metadata.sample:
        return ""
    columns: dict[str, ColumnMetadata] = {
        column.name: column for _, table in metadata.tables for column in table.columns
    }
    rows: list[dict[str, Any]] = json.loads(metadata.sample)
    for row in rows:
        for name, value in row.items():
            if columns and name not in columns:
                raise refused("data_sample", f"'{name[:60]}' is no column of the dataset")
            mask = columns[name].mask if name in columns else None
            if mask is not None and isinstance(value, str):
                row[name] = masked(mask, value)
    return json.dumps(rows, ensure_ascii=False)


def _permissions(top: Group) -> tuple[DataPermission, ...] | None:
    given = top.take("data_permissions")
    if given is None:
        return None
    words = ", ".join(DataPermission)
    found = set()
    for word in list_of(given, "data_permissions"):
        if word not in list(DataPermission):
            raise refused("data_permissions", f"must be a list of some of {words}")
        found.add(DataPermission(word))
    return tuple(permission for permission in DataPermission if permission in found)


def _told(top: Group, key: str) -> str:
    """A text; what is no text is told as JSON."""
    value = top.take(key)
    if value is None or isinstance(value, str):
        return Group("", {key: value}).text(key)
    try:
        return Group("", {key: json.dumps(value, ensure_ascii=False, allow_nan=False)}).text(key)
    except (TypeError, ValueError):
        raise refused(key, "must be a text, numbers or a mapping; put dates in quotes") from None


def _rows(top: Group) -> str:
    """The JSON text of a list of rows, given as that or as YAML."""
    value = top.take("data_sample")
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise refused("data_sample", "is a text, but not the JSON of a list of rows") from None
    if not value:
        return ""
    rows = list_of(value, "data_sample")
    if len(rows) > _MOST_ROWS:
        raise refused("data_sample", f"has {len(rows)} rows; at most {_MOST_ROWS} are kept")
    for row in rows:
        if not isinstance(row, dict) or not all(isinstance(name, str) for name in row):
            raise refused("data_sample", f"must be a list of mappings by column, not of {kind_of(row)}")
    return _told(Group("", {"data_sample": rows}), "data_sample")
