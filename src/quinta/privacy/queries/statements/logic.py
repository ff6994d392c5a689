"""Conditions, with what constants decide beforehand (SQL's three values)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements.literals import NOTHING, literal_of
from quinta.privacy.queries.tree import Comparison, Expression, Literal, Logic

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compared(name: str, left: Expression, right: Expression) -> Expression:
    """Both are of types that are alike; NULL makes NULL."""
    for side in (left, right):
        if isinstance(side, Literal) and side.value is None:
            return NOTHING
    if isinstance(left, Literal) and isinstance(right, Literal):
        return literal_of(bool(_OPERATORS[name](left.value, right.value)))
    return Comparison(name, left, right)


def negation(operand: Expression) -> Expression:
    if isinstance(operand, Literal):
        return NOTHING if operand.value is None else literal_of(not operand.value)
    if isinstance(operand, Logic) and operand.operator == "not":
        return operand.operands[0]
    return Logic("not", (operand,))


def both(operands: Sequence[Expression]) -> Expression:
    """True where all are."""
    return _joined("and", operands, decides=False)


def either(operands: Sequence[Expression]) -> Expression:
    """True where one is."""
    return _joined("or", operands, decides=True)


def _joined(name: str, operands: Sequence[Expression], *, decides: bool) -> Expression:
    kept: list[Expression] = []
    for operand in operands:
        parts = operand.operands if isinstance(operand, Logic) and operand.operator == name else (operand,)
        for part in parts:
            if isinstance(part, Literal) and part.value is decides:
                return literal_of(decides)
            if isinstance(part, Literal) and part.value is not None:
                continue
            kept.append(part)
    kept = list(dict.fromkeys(kept))
    if len(kept) < 2:
        return kept[0] if kept else literal_of(not decides)
    return Logic(name, tuple(kept), ColumnType.BOOLEAN)
