"""The typed tree as DuckDB's SQL, for what is computed from noisy values.

Nothing here may fail for a value: what overflows, divides by 0 or is no number becomes NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.tree import (
    Among,
    Case,
    Column,
    Comparison,
    Expression,
    Function,
    IsNull,
    Like,
    Literal,
    Logic,
)

_TYPES = {
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATETIME: "TIMESTAMP",
    ColumnType.FLOAT: "DOUBLE",
    ColumnType.INT: "BIGINT",
    ColumnType.STRING: "VARCHAR",
}
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*"}
_PARTS = {"year": "year", "month": "month", "day": "day", "hour": "hour", "weekday": "dow"}


def rendered(expression: Expression) -> str:
    """The expression; columns are the names of a noisy table's."""
    match expression:
        case Column(name=name):
            return name
        case Literal():
            return _literal(expression)
        case Comparison(operator=operator, left=left, right=right):
            return f"({rendered(left)} {operator} {rendered(right)})"
        case Logic(operator="not", operands=(operand,)):
            return f"(NOT {rendered(operand)})"
        case Logic(operator=operator, operands=operands):
            return "(" + f" {operator.upper()} ".join(map(rendered, operands)) + ")"
        case IsNull(operand=operand):
            return f"({rendered(operand)} IS NULL)"
        case Among(operand=operand, values=values):
            return f"({rendered(operand)} IN ({', '.join(map(rendered, values))}))"
        case Like(operand=operand, pattern=pattern, ignores_case=ignores_case):
            word = "ILIKE" if ignores_case else "LIKE"
            return f"({rendered(operand)} {word} {_text(pattern)} ESCAPE '\\')"
        case Case(branches=branches, otherwise=otherwise):
            told = " ".join(f"WHEN {rendered(condition)} THEN {rendered(value)}" for condition, value in branches)
            return f"(CASE {told} ELSE {rendered(otherwise)} END)"
        case Function(name=name, operands=operands, type=type_):
            return _function(name, [rendered(operand) for operand in operands], type_)


def _function(name: str, operands: Sequence[str], type_: ColumnType) -> str:
    first = operands[0]
    if name in _SIGNS:
        sides = operands if type_ is ColumnType.INT else [f"CAST({side} AS DOUBLE)" for side in operands]
        return f"TRY({sides[0]} {_SIGNS[name]} {sides[1]})"
    if name in _PARTS:
        return f"CAST(EXTRACT({_PARTS[name]} FROM {first}) AS BIGINT)"
    match name:
        case "divide":
            return f"(CAST({first} AS DOUBLE) / NULLIF(CAST({operands[1]} AS DOUBLE), 0))"
        case "neg":
            return f"TRY(- {first})"
        case "absolute":
            return f"TRY(abs({first}))"
        case "floor" | "ceiling" | "round":
            return f"TRY_CAST({name}(CAST({first} AS DOUBLE)) AS BIGINT)"
        case "sqrt" | "ln" | "exp" | "power":
            return f"TRY({name}({', '.join(f'CAST({operand} AS DOUBLE)' for operand in operands)}))"
    return f"{name}({', '.join(operands)})"


def _literal(literal: Literal) -> str:
    value = literal.value
    if value is None:
        return f"CAST(NULL AS {_TYPES[literal.type]})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
    if isinstance(value, str):
        return _text(value)
    return f"CAST({value!r} AS {_TYPES[literal.type]})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
