"""Conditions on what runs logged, and orders of it, as MLflow has them; core.tracking.filters reads their language.

What they are about is a Subject, which holds nothing but what the caller is shown: nobody learns of anything that is
withheld by asking for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Value = str | float | None


class Kind(StrEnum):
    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "parameter"
    TAG = "tag"


class Operator(StrEnum):
    EQUAL = "="
    DIFFERENT = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Condition:
    """``value`` is a number for metrics and attributes that are numbers, a tuple of texts for IN, else text."""

    kind: Kind
    key: str
    operator: Operator
    value: str | float | tuple[str, ...] = ""


@dataclass(frozen=True, slots=True)
class Order:
    kind: Kind
    key: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What conditions are about: the values by key, of each kind."""

    attributes: Mapping[str, Value]
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def value(self, kind: Kind, key: str) -> Value:
        """None where there is none."""
        if kind is Kind.ATTRIBUTE:
            return self.attributes.get(key)
        if kind is Kind.METRIC:
            return self.metrics.get(key)
        return (self.params if kind is Kind.PARAM else self.tags).get(key)


def holds(conditions: Sequence[Condition], subject: Subject) -> bool:
    """Whether all of them hold. What is not there meets no condition but IS NULL, as in MLflow."""
    return all(_holds(condition, subject.value(condition.kind, condition.key)) for condition in conditions)


def sort_key(orders: Sequence[Order], subject: Subject) -> tuple[tuple[object, ...], ...]:
    """Sorts subjects by the orders: what has no value comes last, before it what is nan, whichever the direction."""
    return tuple(_place(order, subject.value(order.kind, order.key)) for order in orders)


def _place(order: Order, value: Value) -> tuple[object, ...]:
    if value is None:
        return (2,)
    if isinstance(value, str):
        return (0, _Backwards(value) if order.descending else value)
    if math.isnan(value):
        return (1,)
    return (0, -value if order.descending else value)


@dataclass(frozen=True, slots=True)
class _Backwards:
    """A text that is less than those before it in the alphabet."""

    text: str

    def __lt__(self, other: _Backwards) -> bool:
        return other.text < self.text


def _holds(condition: Condition, value: Value) -> bool:
    if condition.operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
        return (value is None) == (condition.operator is Operator.IS_NULL)
    if value is None:
        return False
    wanted = condition.value
    if isinstance(wanted, tuple):
        return (value in wanted) == (condition.operator is Operator.IN)
    return _COMPARE[condition.operator](value, wanted)


_COMPARE: Mapping[Operator, Callable[..., bool]] = {
    Operator.EQUAL: lambda value, wanted: value == wanted,
    Operator.DIFFERENT: lambda value, wanted: value != wanted,
    Operator.LESS: lambda value, wanted: value < wanted,
    Operator.AT_MOST: lambda value, wanted: value <= wanted,
    Operator.MORE: lambda value, wanted: value > wanted,
    Operator.AT_LEAST: lambda value, wanted: value >= wanted,
    Operator.LIKE: lambda value, wanted: like(value, wanted),
    Operator.ILIKE: lambda value, wanted: like(value.lower(), wanted.lower()),
}


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE: ``%`` is any text, ``_`` any character. Steps of at most their lengths multiplied: as a regular
    expression a pattern of many ``%`` would take for ever."""
    at, place, star, mark = 0, 0, -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "%":
            star, mark, place = place, at, place + 1
        elif place < len(pattern) and pattern[place] in ("_", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = mark, star + 1
        else:
            return False
    return pattern[place:].strip("%") == ""
