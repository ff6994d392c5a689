"""From the tree of a metadata file to what the core knows of a dataset (contract dq0 6.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ConnectorMetadata,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)
from quinta.core.datasets.model import DEFAULT_PERMISSIONS, DataPermission
from quinta.privacy.metadata.columns import column_of
from quinta.privacy.metadata.group import Group, refused, shown
from quinta.privacy.metadata.node import Node

FILE_TYPES: Final = ("csv", "json", "parquet")
LOWEST_LEVEL, HIGHEST_LEVEL = 0, 2


def dataset_of(node: Node, extras: dict[str, Any]) -> DatasetMetadata:
    """The dataset; ``extras`` are fields of DatasetMetadata that stand elsewhere in a file. Where these say nothing of
    permissions, a dataset whose metadata is said to be not public shows nothing, any other what new ones show."""
    data = node.group("data")
    name, description = data.name(), data.text("description")
    public = data.maybe_flag("metadata_is_public")
    tags = _texts(data, "tags")
    data.end()
    level = _level(privacy := node.group("differential_privacy"))
    privacy.end()
    node.end()
    if level is None:
        raise refused(f"{node.where}.differential_privacy.privacy_level", "is needed: 0, 1 or 2")
    if len(node.children) > 1:
        raise refused(node.where, "has several databases: register a dataset for each")
    database_name, connector, schemas = _database(node.children[0], level) if node.children else ("", None, ())
    if extras["permissions"] is None:
        extras["permissions"] = (DataPermission.READ,) if public is False else DEFAULT_PERMISSIONS
    return DatasetMetadata(
        name=name,
        description=description,
        privacy_level=level,
        connector=connector,
        schemas=schemas,
        is_public=public is True,
        tags=tags,
        database_name=database_name,
        **extras,
    )


def _database(node: Node, level: int) -> tuple[str, ConnectorMetadata | None, tuple[SchemaMetadata, ...]]:
    data = node.group("data")
    name = data.name()
    data.text("description")
    data.flag("metadata_is_public")
    data.end()
    connector = connector_of(node.group("connector")) if "connector" in node.groups else None
    own = _level(privacy := node.group("differential_privacy"))
    privacy.end()
    node.end()
    schemas = tuple(_schema(child, level if own is None else own) for child in node.children)
    _require_unique((schema.name for schema in schemas), node.where)
    return name, connector, schemas


def connector_of(group: Group) -> ConnectorMetadata:
    type_name = group.text("type_name").lower()
    if type_name == "postgresql":
        connector = ConnectorMetadata(
            type_name,
            host=group.text("host"),
            port=group.whole("port", least=1, most=65_535) or 5432,
            username=group.text("username"),
            password=group.text("password"),
        )
        if not connector.host:
            raise refused(f"{group.where}.host", "is needed")
    elif type_name in FILE_TYPES:
        connector = _file_connector(group, type_name)
    else:
        known = ", ".join((*FILE_TYPES, "postgresql"))
        raise refused(f"{group.where}.type_name", f"must be one of {known}, not {shown(type_name)}")
    group.end()
    return connector


def _file_connector(group: Group, type_name: str) -> ConnectorMetadata:
    uri = group.text("uri")
    if not uri:
        raise refused(f"{group.where}.uri", "is needed: the path of the file")
    if type_name != "csv":
        return ConnectorMetadata(type_name, uri=uri)
    return ConnectorMetadata(
        type_name,
        uri=uri,
        separator=_character(group, "sep", ","),
        decimal=_character(group, "decimal", "."),
        header_row=_whole_numbers(group, "header_row"),
        header_columns=_texts(group, "header_columns") or None,
        use_original_header=group.flag("use_original_header", default=True),
        skip_initial_space=group.flag("skipinitialspace"),
        index_column=_index_column(group),
        na_values=_na_values(group),
    )


def _schema(node: Node, level: int) -> SchemaMetadata:
    data = node.group("data")
    name, description, public = data.name(), data.text("description"), data.flag("metadata_is_public")
    data.end()
    own = _level(privacy := node.group("differential_privacy"))
    privacy.end()
    node.end()
    tables = tuple(_table(child, level if own is None else own) for child in node.children)
    _require_unique((table.name for table in tables), node.where)
    return SchemaMetadata(name, tables, description, public)


def _table(node: Node, level: int) -> TableMetadata:
    data = node.group("data")
    name, description, public = data.name(), data.text("description"), data.flag("metadata_is_public")
    rows = data.whole("rows", least=0)
    data.end()
    privacy = node.group("differential_privacy")
    own, declared = _level(privacy), privacy.text("privacy_column")
    epsilon, delta = privacy.number("budget_epsilon", least=0), privacy.number("budget_delta", least=0)
    privacy.end()
    sql = node.group("private_sql")
    settings: dict[str, Any] = {
        "row_privacy": sql.flag("row_privacy"),
        "max_ids": sql.whole("max_ids", least=1) or 1,
        "sample_max_ids": sql.flag("sample_max_ids", default=True),
        "censor_dims_declared": sql.maybe_flag("censor_dims"),
        "clamp_counts": sql.flag("clamp_counts"),
        "clamp_columns": sql.flag("clamp_columns", default=True),
        "use_dpsu": sql.flag("use_dpsu"),
        "tau": sql.number("tau", least=0),
    }
    sql.end()
    synthesis = node.group("private_synthesis")
    settings["synth_allowed"] = synthesis.flag("synth_allowed")
    synthesis.end()
    node.end()
    columns = tuple(column_of(child) for child in node.children)
    _require_unique((column.name for column in columns), node.where)
    return TableMetadata(
        name=name,
        columns=columns,
        privacy_level=level if own is None else own,
        description=description,
        is_public=public,
        rows=rows or 0,
        budget_epsilon=epsilon,
        budget_delta=delta,
        privacy_column=_privacy_column(node.where, declared, columns, row_privacy=settings["row_privacy"]),
        **settings,
    )


def _privacy_column(where: str, declared: str, columns: tuple[ColumnMetadata, ...], *, row_privacy: bool) -> str | None:
    """Whom the queries protect, which a file may say in two ways that must agree."""
    marked = [column.name for column in columns if column.private_id]
    if len(marked) > 1:
        raise refused(where, f"has several columns with private_id ({', '.join(marked)}): one person, one column")
    if declared and columns and declared not in {column.name for column in columns}:
        raise refused(f"{where}.privacy_column", f"{shown(declared)} is no column of the table")
    if declared and marked and marked[0] != declared:
        raise refused(f"{where}.privacy_column", f"is {shown(declared)}, but private_id is at {shown(marked[0])}")
    found = declared or (marked[0] if marked else None)
    if found and row_privacy:
        raise refused(where, f"row_privacy says that every row is somebody else; {shown(found)} says that it is not")
    return found


def _level(group: Group) -> int | None:
    return group.whole("privacy_level", least=LOWEST_LEVEL, most=HIGHEST_LEVEL)


def _require_unique(names: Iterable[str], where: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise refused(where, f"has {shown(name)} {count} times: names beside each other must differ")


def _texts(group: Group, key: str) -> tuple[str, ...]:
    where = f"{group.where}.{key}"
    given = group.take(key)
    items = given if isinstance(given, list) else ([] if given is None else None)
    if items is None or not all(isinstance(item, str) for item in items):
        raise refused(where, "must be a list of texts")
    return tuple(items)


def _whole_numbers(group: Group, key: str) -> tuple[int, ...] | None:
    given = group.take(key)
    if given is None:
        return None
    items = given if isinstance(given, list) else [given]
    if not all(type(item) is int and 0 <= item < 2**31 for item in items):
        raise refused(f"{group.where}.{key}", "must be the number of a line, or a list of such, from 0 on")
    return tuple(items)


def _character(group: Group, key: str, default: str) -> str:
    value = group.text(key, default)
    if len(value) != 1:
        raise refused(f"{group.where}.{key}", "must be one character")
    return value


def _index_column(group: Group) -> str | int | None:
    value = group.take("index_col")
    if value is None or isinstance(value, str) or (type(value) is int and value >= 0):
        return value
    raise refused(f"{group.where}.index_col", "must be the name or the number of one column")


def _na_values(group: Group) -> dict[str, tuple[str, ...]]:
    below = group.child("na_values")
    found: dict[str, tuple[str, ...]] = {}
    for key in below.keys:
        value = below.take(key)
        items = value if isinstance(value, list) else [value]
        if not all(type(item) in (str, int, float) for item in items):
            raise refused(f"{below.where}.{key}", "must be a text or a number, or a list of such")
        found[key] = tuple(str(item) for item in items)
    return found
