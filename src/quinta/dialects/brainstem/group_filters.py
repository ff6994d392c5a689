"""Filters and order of groups: the grammar of data records, on lists that fit in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quinta.core.files.model import fold
from quinta.core.files.record_query import Filter, Operator, RecordField
from quinta.core.tenancy.groups import GroupView
from quinta.dialects.brainstem.filters import filters_of, sort_of
from quinta.dialects.brainstem.query_string import Pairs
from quinta.dialects.brainstem.vocabulary import Vocabulary

_WORDS = Vocabulary("group", "groups", {"id": RecordField.GROUPS, "name": RecordField.NAME})
_TESTS: dict[Operator, Callable[[Any, tuple[Any, ...]], bool]] = {
    Operator.EXACT: lambda value, given: bool(value == given[0]),
    Operator.IEXACT: lambda value, given: fold(value) == fold(given[0]),
    Operator.CONTAINS: lambda value, given: given[0] in value,
    Operator.ICONTAINS: lambda value, given: fold(given[0]) in fold(value),
    Operator.STARTSWITH: lambda value, given: bool(value.startswith(given[0])),
    Operator.ISTARTSWITH: lambda value, given: fold(value).startswith(fold(given[0])),
    Operator.ENDSWITH: lambda value, given: bool(value.endswith(given[0])),
    Operator.IENDSWITH: lambda value, given: fold(value).endswith(fold(given[0])),
    Operator.IN: lambda value, given: value in given,
    Operator.RANGE: lambda value, given: bool(given[0] <= value <= given[1]),
    Operator.ISNULL: lambda value, given: not given[0],
    Operator.GT: lambda value, given: bool(value > given[0]),
    Operator.GTE: lambda value, given: bool(value >= given[0]),
    Operator.LT: lambda value, given: bool(value < given[0]),
    Operator.LTE: lambda value, given: bool(value <= given[0]),
}


def chosen(views: list[GroupView], pairs: Pairs) -> list[GroupView]:
    """Those of ``views`` that a query filters, in the order that it asks for."""
    filters, order = filters_of(pairs, _WORDS), sort_of(pairs, _WORDS)
    kept = [view for view in views if all(_holds(condition, view) for condition in filters)]
    for term in reversed(order):
        kept.sort(key=lambda view, field=term.field: _value(view, field), reverse=term.descending)  # type: ignore[misc]
    return kept


def _holds(condition: Filter, view: GroupView) -> bool:
    value = _value(view, condition.field)
    return _TESTS[condition.operator](value, condition.values) is not condition.negated


def _value(view: GroupView, field: RecordField) -> Any:
    return view.group.name if field is RecordField.NAME else view.group.number
