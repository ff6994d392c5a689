"""Constants: their types, and how one is converted for what it is compared with."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements.intervals import LARGEST, exactly, seconds
from quinta.privacy.queries.statements.parameters import GIVEN
from quinta.privacy.queries.statements.refusals import refused, shown, text_of
from quinta.privacy.queries.tree import Expression, Literal, Value

NUMBERS = frozenset({ColumnType.INT, ColumnType.FLOAT})
NOTHING = Literal(None, ColumnType.BOOLEAN)
"""NULL of no type yet: it takes that of what it stands beside."""


def literal_of(value: Value) -> Literal:
    """A constant of the type that its value has."""
    if isinstance(value, bool):
        return Literal(value, ColumnType.BOOLEAN)
    if isinstance(value, int):
        return Literal(value, ColumnType.INT, exactly(value))
    if isinstance(value, float):
        return Literal(value, ColumnType.FLOAT, exactly(value))
    if isinstance(value, datetime):
        return Literal(value, ColumnType.DATETIME, exactly(seconds(value)))
    return NOTHING if value is None else Literal(value, ColumnType.STRING)


def written(node: exp.Literal) -> Literal:
    """A number or a text of the statement; numbers beyond 1e15 are refused."""
    if node.args.get("is_string"):
        return literal_of(str(node.this))
    text = str(node.this)
    try:
        value: int | float = int(text) if text.isdecimal() and len(text) < 20 else float(text)
    except ValueError:
        raise refused(f"{shown(text)!r} is no number", node) from None
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise refused(f"the number {shown(text)} is too large", node)
    return literal_of(value)


def moment(text: str, node: exp.Expr) -> Literal:
    """A date or a time in ISO 8601; without a zone it is in UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
        value = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused(
            f"{shown(text)!r} is no date or time such as '2026-01-31' or '2026-01-31 12:00:00'", node
        ) from None
    return literal_of(value)


def alike(type_: ColumnType, other: ColumnType) -> bool:
    """Whether the two can be compared."""
    return type_ == other or (type_ in NUMBERS and other in NUMBERS)


def converted(expression: Expression, type_: ColumnType, node: exp.Expr) -> Expression:
    """``expression`` where a value of ``type_`` is wanted: NULL is of any type, texts are read as moments, and a
    parameter that looks like a number may have been meant as a text. Anything else that differs is refused."""
    if isinstance(expression, Literal):
        if expression.value is None:
            return Literal(None, type_)
        if type_ is ColumnType.DATETIME and isinstance(expression.value, str):
            return moment(expression.value, node)
        if type_ is ColumnType.STRING and GIVEN in node.meta:
            return literal_of(str(node.meta[GIVEN]))
    if not alike(expression.type, type_):
        wanted = "number" if type_ in NUMBERS else type_.value
        raise refused(f"{text_of(node)} is a {expression.type.value}; a {wanted} is needed here", node)
    return expression
