"""Data records and groups as rows, and what a search among them must answer: a filter over a list."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from quinta.core.files.model import DataRecord, RecordGroup, fold, group_bits
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordQuery, RecordView
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.storage.rows import NOW


def make_record(name: str, groups: Iterable[int], **values: Any) -> RecordView:
    """A record with these groups, by number; ``values`` are other fields."""
    description, location = values.pop("description", ""), values.pop("location", "")
    numbers = tuple(sorted(set(groups)))
    fields: dict[str, Any] = {
        "id": new_id(),
        "uuid": str(uuid.uuid4()),
        "is_public": False,
        "organization": None,
        "protocols": None,
        "created_by": None,
        "created_at": NOW,
        "updated_at": NOW,
    }
    record = DataRecord(
        name=name,
        folded_name=fold(name),
        description=description,
        folded_description=fold(description),
        location=location,
        folded_location=fold(location),
        group_bits=group_bits(numbers),
        **{**fields, **values},
    )
    return RecordView(record, numbers)


async def add_groups(database: Database, numbers: Iterable[int]) -> dict[int, str]:
    """Groups with these numbers; answers their ids."""
    made = [Group(new_id(), number, f"group {number}", NOW) for number in numbers]
    async with database.begin() as work:
        await work.of(Group, EVERYTHING).add(*made)
    return {group.number: group.id for group in made}


async def add_records(database: Database, views: Sequence[RecordView], groups: Mapping[int, str]) -> None:
    rows = [RecordGroup(new_id(), view.record.id, groups[number]) for view in views for number in view.groups]
    async with database.begin() as work:
        await work.of(DataRecord, EVERYTHING).add(*[view.record for view in views])
        await work.of(RecordGroup, EVERYTHING).add(*rows)


def expected(
    views: Sequence[RecordView], query: RecordQuery, groups: Mapping[int, str]
) -> tuple[list[RecordView], int]:
    """The page and the total that the question asks for."""
    found = [view for view in views if _seen(view, query, groups) and all(_passes(view, f) for f in query.filters)]
    down = bool(query.sort) and query.sort[-1].descending
    keys = [*[(its.field, its.descending) for its in query.sort], (RecordField.NAME, down), (RecordField.ID, down)]
    for field, descending in reversed(keys):  # sorting keeps the order of equals
        found.sort(key=lambda view: _key(view, field), reverse=descending)
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end], len(found)


def _seen(view: RecordView, query: RecordQuery, groups: Mapping[int, str]) -> bool:
    ids = {groups[number] for number in view.groups}
    return (query.group_ids is None or bool(ids & query.group_ids)) and (view.record.is_public or not query.public_only)


def _value(view: RecordView, field: RecordField) -> Any:
    return view.record.uuid if field is RecordField.ID else getattr(view.record, field)


def _key(view: RecordView, field: RecordField) -> tuple[bool, Any]:
    value = min(view.groups) if field is RecordField.GROUPS else _value(view, field)
    return (value is not None, value if value is not None else "")


def _passes(view: RecordView, its: Filter) -> bool:
    if its.field is RecordField.GROUPS:
        holds = any(_holds(number, its) for number in view.groups)
    else:
        holds = _holds(_value(view, its.field), its)
    return holds is not its.negated


def _holds(value: Any, its: Filter) -> bool:
    if its.operator is Operator.ISNULL:
        return (value is None) is its.values[0]
    if value is None:
        return False
    given: list[Any] = list(its.values)
    operator = its.operator
    if isinstance(value, int) and operator in _PARTS:
        operator = Operator.EXACT
    if operator.startswith("i") and operator is not Operator.IN:
        operator = Operator(operator[1:])
        if isinstance(value, str):
            lower = _lower if its.field in (RecordField.ORGANIZATION, RecordField.PROTOCOLS) else fold
            value, given = lower(value), [lower(text) for text in given]
    return _OPERATORS[operator](value, given)


def _lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


_PARTS = {operator for operator in Operator if operator.endswith(("contains", "with"))}
_OPERATORS: dict[Operator, Callable[[Any, list[Any]], bool]] = {
    Operator.EXACT: lambda value, given: bool(value == given[0]),
    Operator.CONTAINS: lambda value, given: given[0] in value,
    Operator.STARTSWITH: lambda value, given: bool(value.startswith(given[0])),
    Operator.ENDSWITH: lambda value, given: bool(value.endswith(given[0])),
    Operator.IN: lambda value, given: value in given,
    Operator.RANGE: lambda value, given: bool(given[0] <= value <= given[1]),
    Operator.GT: lambda value, given: bool(value > given[0]),
    Operator.GTE: lambda value, given: bool(value >= given[0]),
    Operator.LT: lambda value, given: bool(value < given[0]),
    Operator.LTE: lambda value, given: bool(value <= given[0]),
}
