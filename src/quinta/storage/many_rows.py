"""Many rows as one parameter: JSON text that the database takes apart.

A statement with a parameter for each value costs the server 20 µs of Python a row, and SQLite's thread a wait for the
interpreter's lock for each. With one parameter for all rows the database works through them by itself.

Rows above ``SMALL_CHARACTERS`` go the ordinary way: writing them as JSON would hold up the event loop (decision 0016).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    String,
    Subquery,
    Table,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import JSONB, asyncpg

from quinta.storage.session import Session

PARAMETER = "many_rows"
"""The name of the parameter; its values are made by ``pages``."""
SMALL_CHARACTERS = 65_536
_PAGE_CHARACTERS = 4 << 20  # of one statement: far below what the databases take, and little memory

Row = Mapping[str, Any]


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Small rows and large ones."""
    small: list[Row] = []
    large: list[Row] = []
    for row in rows:
        size = sum(len(value) for value in row.values() if isinstance(value, str))
        (small if size <= SMALL_CHARACTERS else large).append(row)
    return small, large


def pages(columns: Sequence[Column[Any]], rows: Sequence[Row], dialect: str) -> Iterator[str]:
    """Values of the parameter: encoded rows, with their values in the order of ``columns``."""
    converters = [(its.name, _converter(its, dialect)) for its in columns]
    texts: list[str] = []
    size = 0
    for row in rows:
        texts.append(_encode([row[name] if convert is None else convert(row[name]) for name, convert in converters]))
        size += len(texts[-1])
        if size > _PAGE_CHARACTERS:
            yield f"[{','.join(texts)}]"
            texts, size = [], 0
    if texts:
        yield f"[{','.join(texts)}]"


def many_rows(columns: Sequence[Column[Any]], dialect: str) -> Subquery:
    """The rows of the parameter as a table: ``columns`` by their names."""
    text = bindparam(PARAMETER, type_=String)
    values: list[ColumnElement[Any]]
    if dialect == "sqlite":
        source = func.json_each(text).table_valued("value")
        values = [func.json_extract(source.c.value, literal_column(f"'$[{n}]'")) for n in range(len(columns))]
    else:
        source = func.jsonb_array_elements(cast(text, JSONB)).table_valued(column("value", JSONB))
        values = [
            cast(source.c.value.op("->>")(literal_column(str(number))), its.type) for number, its in enumerate(columns)
        ]
    return select(*[value.label(its.name) for value, its in zip(values, columns, strict=True)]).subquery("many")


async def insert_rows(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Inserts encoded rows that all have the same columns."""
    small, large = split(rows) if len(rows) > 1 else ([], rows)
    if small:
        columns = tuple(table.c[name] for name in small[0])
        for page in pages(columns, small, session.dialect):
            await session.write(_insert_from(table, columns, session.dialect), {PARAMETER: page})
    if large:
        await session.write(insert(table), large)


@cache
def _insert_from(table: Table, columns: tuple[Column[Any], ...], dialect: str) -> Insert:
    return insert(table).from_select([its.name for its in columns], select(many_rows(columns, dialect)))


_DIALECTS = {"sqlite": sqlite.dialect(), "postgresql": asyncpg.dialect()}  # type: ignore[no-untyped-call]  # SQLAlchemy's


@cache
def _converter(its: Column[Any], dialect: str) -> Callable[[Any], Any] | None:
    """What the driver would do with a value of the column."""
    its_dialect = _DIALECTS[dialect]
    return its.type.dialect_impl(its_dialect).bind_processor(its_dialect)


def _as_text(value: date) -> str:
    return value.isoformat()


# json.dumps with options would make such an encoder for each row, which costs more than the encoding.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_as_text).encode
