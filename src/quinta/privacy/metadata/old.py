"""The format of the SDK up to 1.1.4, flat keys, as the tree of the present one (contract dq0 6.4).

Whatever at the top is a mapping is a schema, in a schema a table, in a table a column. What one format knows and the
other does not is one rule for both, so that a key which is refused there is refused here, and so are the defaults: the
old parser's ``censor_dims: false`` by omission is none of them (TableMetadata.censor_dims).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.metadata.group import Group, kind_of, mapping_of, refused
from quinta.privacy.metadata.node import Node

_LEVEL: Final = 2
"""The privacy level where none is said: the highest."""
_CSV_KEYS: Final = (
    "use_original_header",
    "header_row",
    "header_columns",
    "sep",
    "decimal",
    "na_values",
    "index_col",
    "skipinitialspace",
)
_TABLE_GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rows": "data",
        "description": "data",
        "metadata_is_public": "data",
        "budget_epsilon": "differential_privacy",
        "budget_delta": "differential_privacy",
        "privacy_column": "differential_privacy",
        "privacy_level": "differential_privacy",
        "row_privacy": "private_sql",
        "max_ids": "private_sql",
        "sample_max_ids": "private_sql",
        "use_dpsu": "private_sql",
        "clamp_counts": "private_sql",
        "clamp_columns": "private_sql",
        "censor_dims": "private_sql",
        "tau": "private_sql",
        "synth_allowed": "private_synthesis",
    }
)
_COLUMN_GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "description": "data",
        "metadata_is_public": "data",
        "selectable": "data",
        "private_id": "private_sql",
        "use_auto_bounds": "private_sql",
        "auto_bounds_prob": "private_sql",
        "auto_lower": "private_sql",
        "auto_upper": "private_sql",
        "allowed_values": "private_sql",
        "mask": "private_sql",
        "bounded": "private_sql_and_synthesis",
        "lower": "private_sql_and_synthesis",
        "upper": "private_sql_and_synthesis",
        "cardinality": "private_sql_and_synthesis",
        "synthesizable": "private_synthesis",
        "discrete": "private_synthesis",
        "min_step": "private_synthesis",
        "is_feature": "machine_learning",
        "is_target": "machine_learning",
    }
)


def old_tree(top: Group) -> Node:
    """The tree of a file whose top is ``top``; nothing of that is left unread but what is not known."""
    data = {key: top.take(key) for key in ("name", "description", "metadata_is_public", "tags")}
    level = top.take("privacy_level")
    privacy = {"privacy_level": _LEVEL if level is None else level}
    source = _Source(top)
    schemas = [source.schema(key, top.take(key)) for key in top.mappings]
    source.check_privacy_column(schemas)
    database = Node("database", {"data": {"name": data["name"]}, **source.connector()}, schemas)
    return Node("dataset", {"data": data, "differential_privacy": privacy}, [database])


class _Source:
    """What stands at the top or in schemas and tables, and belongs to the one connector or to every table."""

    def __init__(self, top: Group) -> None:
        self._type = top.text("type", "csv").lower()
        self._connection = top.text("connection")
        self._privacy_column = top.text("privacy_column")
        self._size = top.whole("size", least=0)
        self._synth_allowed = top.maybe_flag("synth_allowed")
        self._csv: dict[str, Any] = {}
        self._csv_where = ""

    def schema(self, name: str, value: Any) -> Node:
        group = Group(name, mapping_of(value, name))
        connection = group.text("connection")
        if connection and self._connection not in ("", connection):
            raise refused(f"{name}.connection", "is another one than before: register a dataset for each")
        self._connection = connection or self._connection
        level = group.take("privacy_level")
        privacy = {} if level is None else {"differential_privacy": {"privacy_level": level}}
        description = {key: group.take(key) for key in ("description", "metadata_is_public")}
        tables = [self._table(f"{name}.{key}", key, group.take(key)) for key in group.mappings]
        group.end()
        return Node(name, {"data": {"name": name, **description}, **privacy}, tables)

    def _table(self, where: str, name: str, value: Any) -> Node:
        group = Group(where, mapping_of(value, where))
        groups: dict[str, dict[str, Any]] = {"data": {"name": name}}
        for key, of in _TABLE_GROUPS.items():
            if (given := group.take(key)) is not None:
                groups.setdefault(of, {})[key] = given
        self._take_csv(group)
        if self._size is not None:
            groups["data"].setdefault("rows", self._size)
        if self._synth_allowed is not None:
            groups.setdefault("private_synthesis", {}).setdefault("synth_allowed", self._synth_allowed)
        columns = [_column(f"{where}.{key}", key, group.take(key)) for key in group.mappings]
        group.end()
        if self._privacy_column:
            names = {column.groups["data"]["name"] for column in columns}
            if not columns or self._privacy_column in names:
                groups.setdefault("differential_privacy", {}).setdefault("privacy_column", self._privacy_column)
        return Node(where, groups, columns)

    def _take_csv(self, group: Group) -> None:
        """How a file is read stands in each table; a dataset has one file."""
        given = {key: value for key in _CSV_KEYS if (value := group.take(key)) is not None}
        if self._csv_where and given != self._csv:
            raise refused(group.where, f"says another way to read the file than {self._csv_where}")
        self._csv, self._csv_where = given, group.where

    def check_privacy_column(self, schemas: list[Node]) -> None:
        tables = [table for schema in schemas for table in schema.children]
        used = any("privacy_column" in table.groups.get("differential_privacy", {}) for table in tables)
        if self._privacy_column and tables and not used:
            raise refused("privacy_column", "is no column of any table")

    def connector(self) -> dict[str, dict[str, Any]]:
        """The group ``connector`` of the database; none where no connection is said."""
        if not self._connection:
            return {}
        if self._type != "postgresql":
            return {"connector": {"type_name": self._type, "uri": self._connection, **self._csv}}
        try:
            parts = urlsplit(self._connection)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise refused("connection", "must be of the form postgresql://user:password@host:port/database") from None
        return {
            "connector": {
                "type_name": "postgresql",
                "host": host,
                "port": port,
                "username": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
            }
        }


def _column(where: str, name: str, value: Any) -> Node:
    group = Group(where, mapping_of(value, where))
    type_ = group.text("type")
    groups: dict[str, dict[str, Any]] = {"data": {"name": name, "data_type_name": type_}}
    for key, of in _COLUMN_GROUPS.items():
        if (given := group.take(key)) is not None:
            groups.setdefault(of, {})[key] = _listed(given, type_, where) if key == "allowed_values" else given
    group.end()
    return Node(where, groups)


def _listed(value: Any, type_: str, where: str) -> Any:
    """``allowed_values`` are a text with commas in this format."""
    if not isinstance(value, str):
        if isinstance(value, list):
            return value
        raise refused(f"{where}.allowed_values", f"must be a text with commas, not {kind_of(value)}")
    parts = [part.strip() for part in value.split(",")]
    numbers = {ColumnType.INT: int, ColumnType.FLOAT: float}
    try:
        convert = numbers[ColumnType(type_)]
    except (KeyError, ValueError):  # of the other types they are texts; a type that is none is refused with the column
        return parts
    try:
        return [convert(part) for part in parts]
    except ValueError:
        raise refused(f"{where}.allowed_values", f"has a value that is no {type_}") from None
