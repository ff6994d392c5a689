"""What sources of private queries must answer, in plain Python, row by row: the rules of tree.py and nothing else."""

from __future__ import annotations

import math
import operator as operators
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.measured import Count
from quinta.privacy.queries.tree import (
    Among,
    Bins,
    Case,
    Column,
    Comparison,
    Expression,
    Function,
    Grid,
    IsNull,
    Like,
    Literal,
    Logic,
    Measure,
    MeasureKind,
)

Row = Mapping[str, Any]
_OPERATORS = {
    "=": operators.eq,
    "<>": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds(moment: datetime) -> float:
    passed = moment - EPOCH
    return float((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds) / 1e6


def number(value: Any) -> float:
    return seconds(value) if isinstance(value, datetime) else float(value)


def coarse(value: float, divisor: float = 1.0) -> float:
    grain = max(1e-130, 1e-280 * divisor)
    return (value + grain) - grain


def clamped(column: Column, value: Any) -> Any:
    if not column.clamped or column.bounds is None or value is None:
        return value
    lower, upper = column.bounds.lower, column.bounds.upper
    if column.type is ColumnType.INT:
        return min(max(value, math.ceil(lower)), math.floor(upper))
    if column.type is ColumnType.DATETIME:
        return min(max(value, EPOCH + timedelta(seconds=lower)), EPOCH + timedelta(seconds=upper))
    return min(max(value, lower), upper)


def evaluate(expression: Expression, row: Row) -> Any:
    match expression:
        case Column():
            return clamped(expression, row[expression.name])
        case Literal():
            return expression.value
        case Function():
            return _function(expression, [evaluate(operand, row) for operand in expression.operands])
        case Comparison():
            return _compared(expression.operator, evaluate(expression.left, row), evaluate(expression.right, row))
        case Logic():
            return _logic(expression.operator, [evaluate(operand, row) for operand in expression.operands])
        case IsNull():
            return evaluate(expression.operand, row) is None
        case Among():
            value = evaluate(expression.operand, row)
            return None if value is None else value in [item.value for item in expression.values]
        case Like():
            value = evaluate(expression.operand, row)
            return None if value is None else _like(value, expression)
        case Case():
            for condition, chosen in expression.branches:
                if evaluate(condition, row) is True:
                    return evaluate(chosen, row)
            return evaluate(expression.otherwise, row)


def _compared(operator: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, str):
        left, right = left.encode(), right.encode()
    elif isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    compared: bool = _OPERATORS[operator](left, right)
    return compared


def _logic(operator: str, values: Sequence[bool | None]) -> bool | None:
    if operator == "not":
        return None if values[0] is None else not values[0]
    decisive = operator == "or"
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _like(value: str, like: Like) -> bool:
    pattern = ""
    rest = iter(like.pattern)
    for character in rest:
        if character == "\\":
            pattern += re.escape(next(rest, "\\"))
        else:
            pattern += {"%": ".*", "_": "."}.get(character, re.escape(character))
    return re.fullmatch(pattern, value, re.DOTALL | (re.IGNORECASE if like.ignores_case else 0)) is not None


def _function(function: Function, values: Sequence[Any]) -> Any:
    name, present = function.name, [value for value in values if value is not None]
    if name == "coalesce":
        return present[0] if present else None
    if name in ("least", "greatest"):
        chosen = min if name == "least" else max
        return chosen(present, key=lambda item: item.encode() if isinstance(item, str) else item) if present else None
    if len(present) < len(values):
        return None
    if name in ("lower", "upper", "trim", "length"):
        text = values[0]
        return {"lower": text.lower(), "upper": text.upper(), "trim": text.strip(" "), "length": len(text)}[name]
    if name in ("year", "month", "day", "hour"):
        return getattr(values[0], name)
    if name == "weekday":
        return values[0].isoweekday() % 7
    return _computed(function, values)


def _computed(function: Function, values: Sequence[Any]) -> Any:
    name, first = function.name, values[0]
    if name == "divide":
        bounds = function.operands[1].bounds
        assert bounds is not None
        return coarse(float(first), max(abs(bounds.lower), abs(bounds.upper))) / float(values[1])
    if name == "multiply" and function.type is ColumnType.FLOAT:
        return coarse(float(first)) * coarse(float(values[1]))
    match name:
        case "neg":
            return -first
        case "absolute":
            return abs(first)
        case "add":
            return first + values[1]
        case "subtract":
            return first - values[1]
        case "multiply":
            return first * values[1]
        case "floor":
            return math.floor(first)
        case "ceiling":
            return math.ceil(first)
    assert name == "round"
    return int(Decimal(first).to_integral_value(ROUND_HALF_UP))


def step(value: Any, grid: Grid) -> int:
    shifted = number(value) - grid.centre if grid.centre else number(value)
    if grid.grain != 1.0:
        shifted = coarse(shifted, grid.grain) / grid.grain
    return round(min(max(shifted, -float(grid.most)), float(grid.most)))


def bin_of(value: Any, bins: Bins) -> int:
    if bins.edges:
        return sum(edge <= number(value) for edge in bins.edges)
    lower, upper = bins.bounds.lower, bins.bounds.upper
    width = (upper - lower) / bins.count
    within = min(max(number(value), lower), upper)
    return min(math.floor(coarse(within - lower, width) / width), bins.count - 1)


def counted(measure: Measure, rows: Sequence[Row], unit: str | None) -> Count:
    if measure.kind is MeasureKind.ROWS:
        return len(rows)
    if measure.kind is MeasureKind.UNITS:
        return len(rows) if unit is None else len({row[unit] for row in rows})
    assert measure.operand is not None
    found = [value for row in rows if (value := evaluate(measure.operand, row)) is not None]
    if measure.kind is MeasureKind.VALUES:
        return len(found)
    if measure.kind is MeasureKind.DISTINCT:
        return len(set(found))
    if measure.kind is MeasureKind.HISTOGRAM:
        assert measure.bins is not None
        places = [bin_of(value, measure.bins) for value in found]
        return {place: places.count(place) for place in set(places)}
    assert measure.grid is not None
    steps = [step(value, measure.grid) for value in found]
    if measure.kind is MeasureKind.SUM:
        return sum(steps)
    return sum(item * item - measure.offset for item in steps)
