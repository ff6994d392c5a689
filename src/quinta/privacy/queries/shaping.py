"""From the noisy table to the files of an answer: HAVING, ORDER BY, LIMIT and arithmetic cost nothing any more.

They run in a DuckDB of their own, in memory, which holds nothing and cannot open anything. It is kept: to make one
takes 40 ms of processor. An answer is one statement, on a connection of its own, and the noisy table is a part of it: a
temporary table and a statement for each of the files took twice as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import duckdb

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.masking import masked
from quinta.privacy.queries.release import NoisyTable
from quinta.privacy.queries.tree import COUNTS, Aggregate, AggregateKind, Key, Plan, Value

SETTINGS: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "threads": "1",  # rows of equal rank stay in the order of the noisy table
    "memory_limit": "256MB",
    "lock_configuration": "true",
}
_SPECIAL: Final = re.compile('[,"\r\n]')
_SQL_TYPES: Final = {
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATETIME: "TIMESTAMP",
    ColumnType.FLOAT: "DOUBLE",
    ColumnType.INT: "HUGEINT",  # of exact sums and of what statements make of them
    ColumnType.STRING: "VARCHAR",
}


def shaped(plan: Plan, table: NoisyTable) -> tuple[bytes, bytes]:
    """results.csv and accuracy.csv (contract dq0 9.36) of the statement's shape."""
    columns, names = _columns(plan, table), plan.shape.columns
    # Each column as one list: 10,000 rows take a tenth of a second, one by one three.
    lists = [f"unnest(${number}::{type_}[]) AS {name}" for number, (name, type_, _) in enumerate(columns, 1)]
    statement = f"WITH noisy AS (SELECT {', '.join(lists)}) {plan.shape.statement}"
    with _engine().cursor() as connection:
        rows = connection.execute(statement, [values for _, _, values in columns]).fetchall()
    return csv_of(names, [row[: len(names)] for row in rows]), csv_of(names, [row[len(names) :] for row in rows])


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config=dict(SETTINGS))


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """RFC 4180 with LF, a header always; NULL is empty, floats have their shortest exact text."""
    lines = [_line([_quoted(column) for column in columns])]
    lines += [_line([_field(value) for value in row]) for row in rows]
    return "".join(lines).encode()


def _line(fields: Sequence[str]) -> str:
    # A line with nothing in it would be skipped by readers.
    return (",".join(fields) if any(fields) or len(fields) > 1 else '""') + "\n"


def _field(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return "" if value is None else _quoted(str(value)) or '""'


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _columns(plan: Plan, table: NoisyTable) -> list[tuple[str, str, list[Any]]]:
    """Name, type and values of each column of the noisy table. A table without any gets one that nothing asks for."""
    columns: list[tuple[str, str, list[Any]]] = []
    for number, key in enumerate(plan.keys):
        type_ = ColumnType.STRING if key.mask else key.expression.type
        columns.append((f"k{number}", _SQL_TYPES[type_], [_shown(key, group[number]) for group in table.keys]))
    for number, aggregate in enumerate(plan.aggregates):
        values = [_in_sql(row[number]) for row in table.aggregates]
        columns.append((f"a{number}", _SQL_TYPES[_type_of(aggregate)], values))
        columns.append((f"e{number}", "DOUBLE", [row[number] for row in table.widths]))
    return columns or [("nothing", "BOOLEAN", [None] * len(table.aggregates))]


def _shown(key: Key, value: Value) -> Value:
    return _in_sql(value) if key.mask is None or value is None else masked(key.mask, str(value))


def _in_sql(value: Value) -> Value:
    # DuckDB would take a moment with a zone to the machine's own.
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


def _type_of(aggregate: Aggregate) -> ColumnType:
    if aggregate.kind in COUNTS:
        return ColumnType.INT
    if aggregate.operand is not None and aggregate.kind in (AggregateKind.SUM, AggregateKind.QUANTILE):
        return aggregate.operand.type
    return ColumnType.FLOAT
