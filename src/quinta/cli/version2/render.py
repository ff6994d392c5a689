"""Answers on standard output: tables for people, the server's objects as they are in JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from quinta.cli.tables import table
from quinta.cli.version2.documents import yaml_text
from quinta.cli.version2.settings import Output


def print_value(value: Any, output: Output) -> None:
    """The whole ``value`` in JSON or YAML."""
    typer.echo(json_text(value) if output is Output.JSON else yaml_text(value).rstrip("\n"))


def json_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def print_table(columns: Sequence[str], items: Sequence[Mapping[str, Any]]) -> None:
    """One line an item, one column for each of its keys that ``columns`` names."""
    headers = [column.replace("_", " ").upper() for column in columns]
    typer.echo(table(headers, [[cell(item.get(column)) for column in columns] for item in items]))


def print_object(item: Mapping[str, Any]) -> None:
    """One line a key; what is inside an object stands below its dotted name."""
    lines = flat(item)
    width = max((len(name) for name in lines), default=0)
    for name, value in lines.items():
        typer.echo(f"{name:<{width}}  {cell(value)}".rstrip())


def flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested objects by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def cell(value: Any) -> str:
    """A value in one line that a terminal cannot take for orders."""
    if value is None:
        return "-"
    if isinstance(value, list) and value and all(isinstance(inner, str) for inner in value):
        return visible(", ".join(value))
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def visible(text: str) -> str:
    """``text`` with control characters written out, such as ``\\x1b``: logs hold what users' code printed."""
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)
