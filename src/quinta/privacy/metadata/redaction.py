"""Metadata for who does not own the dataset, in the format simple: without columns, and without the owner's own."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any, Final

from ruamel.yaml import YAML

from quinta.privacy.metadata.node import KINDS, Node

_OWNERS: Final = ("host", "port", "username", "password")
"""Of the connector (contract dq0 6.2)."""


def redacted_text(tree: Node, specification: str, hidden: Collection[str], dropped: Collection[int]) -> str:
    """The YAML of the tree without the columns ``hidden``, which stood at the places ``dropped`` of the file, and of
    where the rows are only the file's name. The tree is used up."""
    _redact(tree, frozenset(hidden), frozenset(dropped))
    meta = {"format": "simple", "specification": specification, "node": {KINDS[0]: _simple(tree, 0)}}
    sink = io.StringIO()
    YAML(typ="safe", pure=True).dump({"meta_dataset": meta}, sink)
    return sink.getvalue()


def _redact(node: Node, hidden: frozenset[str], dropped: frozenset[int]) -> None:
    node.children = [child for child in node.children if not _is_hidden(child, hidden)]
    if "connector" in node.groups:
        _redact_connector(node.groups["connector"], hidden, dropped)
    privacy = node.groups.get("differential_privacy", {})
    if privacy.get("privacy_column") in hidden:
        del privacy["privacy_column"]
    for child in node.children:
        _redact(child, hidden, dropped)


def _is_hidden(node: Node, hidden: frozenset[str]) -> bool:
    """Columns alone have a type of data."""
    data = node.groups.get("data", {})
    return "data_type_name" in data and data.get("name") in hidden


def _redact_connector(connector: dict[str, Any], hidden: frozenset[str], dropped: frozenset[int]) -> None:
    for key in _OWNERS:
        connector.pop(key, None)
    if isinstance(uri := connector.get("uri"), str):
        connector["uri"] = PurePosixPath(uri).name
    if isinstance(names := connector.get("header_columns"), list):
        connector["header_columns"] = [name for name in names if name not in hidden]
    if isinstance(values := connector.get("na_values"), dict):
        connector["na_values"] = {name: value for name, value in values.items() if name not in hidden}
    index = connector.get("index_col")
    if index in hidden or index in dropped:
        del connector["index_col"]
    elif isinstance(index, int):
        connector["index_col"] = index - sum(place < index for place in dropped)


def _simple(node: Node, level: int) -> dict[str, Any]:
    written: dict[str, Any] = {"attributes": {name: _said(group) for name, group in node.groups.items()}}
    if node.children:
        kind = KINDS[level + 1]
        written["child_nodes"] = {
            f"{kind}_{index}": _simple(child, level + 1) for index, child in enumerate(node.children)
        }
    return written


def _said(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if value is not None}
