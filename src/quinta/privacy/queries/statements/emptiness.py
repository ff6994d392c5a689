"""Conditions that no row can meet, whatever the rows are: such statements cost nothing (issue 9: Epsilon)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from quinta.privacy.queries.tree import Among, Comparison, Expression, IsNull, Literal, Logic

_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def never_holds(condition: Expression | None) -> bool:
    """Whether the condition is false or NULL for every row there can be: a constant, or a conjunction of comparisons
    of the same expression with constants that contradict each other."""
    if condition is None:
        return False
    if isinstance(condition, Literal):
        return condition.value is not True
    if not isinstance(condition, Logic) or condition.operator != "and":
        return False
    known: dict[Expression, _Known] = {}
    for part in condition.operands:
        if isinstance(part, Literal):
            return True  # true ones were left out
        subject = _subject(part)
        if subject is not None:
            known.setdefault(subject, _Known()).learn(part)
    return any(item.is_impossible for item in known.values())


def _subject(part: Expression) -> Expression | None:
    match part:
        case Comparison(left=left, right=Literal()):
            return left
        case Comparison(left=Literal(), right=right):
            return right
        case Among(operand=operand) | IsNull(operand=operand):
            return operand
        case Logic(operator="not", operands=(IsNull(operand=operand),)):
            return operand
        case _:
            return None


@dataclass(slots=True)
class _Known:
    """What a conjunction says of one expression: values between ``lower`` and ``upper``, one of ``among``."""

    lower: Any = None
    lower_open: bool = False
    upper: Any = None
    upper_open: bool = False
    among: set[Any] | None = None
    excluded: set[Any] = field(default_factory=set)
    is_null: bool = False
    has_value: bool = False

    def learn(self, part: Expression) -> None:
        match part:
            case IsNull():
                self.is_null = True
                return
            case Among(values=values):
                self._only({value.value for value in values})
            case Comparison(operator=operator, right=Literal(value=value)):
                self._compared(operator, value)
            case Comparison(operator=operator, left=Literal(value=value)):
                self._compared(_MIRRORED[operator], value)
        self.has_value = True

    def _only(self, values: set[Any]) -> None:
        self.among = values if self.among is None else self.among & values

    def _compared(self, operator: str, value: Any) -> None:
        if isinstance(value, str) and operator not in ("=", "<>"):
            return  # which text comes first depends on the source
        match operator:
            case "=":
                self._only({value})
            case "<>":
                self.excluded.add(value)
            case ">" | ">=":
                if self.lower is None or (value, operator == ">") > (self.lower, self.lower_open):
                    self.lower, self.lower_open = value, operator == ">"
            case _:
                if self.upper is None or (value, operator == "<=") < (self.upper, not self.upper_open):
                    self.upper, self.upper_open = value, operator == "<"

    @property
    def is_impossible(self) -> bool:
        if self.is_null and self.has_value:
            return True
        if self.among is not None:
            return not any(self._within(value) for value in self.among - self.excluded)
        if self.lower is None or self.upper is None:
            return False
        return bool(self.lower > self.upper or (self.lower == self.upper and (self.lower_open or self.upper_open)))

    def _within(self, value: Any) -> bool:
        if isinstance(value, float) and math.isnan(value):
            return True
        if self.lower is not None and (value < self.lower or (value == self.lower and self.lower_open)):
            return False
        return not (self.upper is not None and (value > self.upper or (value == self.upper and self.upper_open)))
