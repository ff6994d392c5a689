"""A reference interpreter of the typed tree: what an expression is worth for one row, in a few lines of Python."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from quinta.privacy.queries.statements.intervals import seconds
from quinta.privacy.queries.tree import Case, Column, Comparison, Expression, Function, IsNull, Literal, Logic

Row = Mapping[str, Any]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPUTE: dict[str, Callable[..., Any]] = {
    "neg": operator.neg,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": lambda one, other: float(one) / float(other),
    "absolute": abs,
    "floor": math.floor,
    "ceiling": math.ceil,
    "round": lambda value: math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1),
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "hour": lambda moment: moment.hour,
    "weekday": lambda moment: moment.isoweekday() % 7,
}


def worth(expression: Expression, row: Row) -> Any:
    """The expression's value for the row; None is NULL."""
    match expression:
        case Literal(value=value):
            return value
        case Column():
            return _column(expression, row)
        case Comparison(operator=name, left=left, right=right):
            sides = worth(left, row), worth(right, row)
            return None if None in sides else _COMPARE[name](*sides)
        case IsNull(operand=operand):
            return worth(operand, row) is None
        case Case(branches=branches, otherwise=otherwise):
            for condition, chosen in branches:
                if worth(condition, row) is True:
                    return worth(chosen, row)
            return worth(otherwise, row)
        case Logic(operator=name, operands=operands):
            return _logic(name, [worth(operand, row) for operand in operands])
        case Function(name=name, operands=operands):
            return _function(name, [worth(operand, row) for operand in operands])
    raise AssertionError(expression)


def _column(column: Column, row: Row) -> Any:
    value = row[column.name]
    if value is None or not column.clamped or column.bounds is None:
        return value
    if isinstance(value, datetime):
        return value if column.bounds.lower <= seconds(value) <= column.bounds.upper else None
    if math.isnan(value):
        return None
    held = min(max(value, column.bounds.lower), column.bounds.upper)
    return int(held) if column.type == "int" else float(held)


def _logic(name: str, values: list[Any]) -> Any:
    if name == "not":
        return None if values[0] is None else not values[0]
    decides = name == "or"
    if decides in values:
        return decides
    return None if None in values else not decides


def _function(name: str, values: list[Any]) -> Any:
    present = [value for value in values if value is not None]
    if name == "coalesce":
        return present[0] if present else None
    if name in ("least", "greatest"):
        return None if not present else (min if name == "least" else max)(present)
    return None if len(present) < len(values) else _COMPUTE[name](*values)
