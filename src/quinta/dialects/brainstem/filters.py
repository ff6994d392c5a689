"""The grammar of filters and sorting, DREST's (contract brainstem 9.1, 9.2): ``filter{-name.icontains}=x``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from quinta.core.files.record_query import Filter, Operator, RecordField, Sort
from quinta.dialects.brainstem.errors import BadRequest, bad_request
from quinta.dialects.brainstem.query_string import Pairs, values_of
from quinta.dialects.brainstem.vocabulary import GROUPS, Vocabulary
from quinta.kit.ids import parse_id

_PREFIX = "filter{"
_OPERATORS = {"eq": Operator.EXACT, **{operator.value: operator for operator in Operator}}
_ORDERED = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.RANGE)
_OF_NUMBERS = (Operator.EXACT, Operator.IN, Operator.ISNULL, *_ORDERED)
_OF_FLAGS = (Operator.EXACT, Operator.IN, Operator.ISNULL)
_FALSE = ("0", "false", "")
_MOST_FILTERS = 100
_MOST_VALUES = 1_000
"""Of all filters together. Databases take tens of thousands; no client sends more than a few."""
_LARGEST = 2**63 - 1
_FEWEST_OF_RANGE = 2


def filters_of(pairs: Pairs, words: Vocabulary) -> tuple[Filter, ...]:
    """Every ``filter{…}`` of a query; BadRequest or an HTTPException in DREST's words for one that cannot be used.

    A key that is given twice counts once, with the values of both, as DREST has it.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name.startswith(_PREFIX):
            given.setdefault(_key_of(name), []).append(value)
    if len(given) > _MOST_FILTERS or sum(map(len, given.values())) > _MOST_VALUES:
        raise bad_request(f"The query has more than {_MOST_FILTERS} filters, or more than {_MOST_VALUES} values.")
    return tuple(_filter(key, values, words) for key, values in given.items())


def sort_of(pairs: Pairs, words: Vocabulary) -> tuple[Sort, ...]:
    """The order that ``sort[]`` asks for; BadRequest names all that cannot be sorted by."""
    terms = [term.strip() for term in values_of(pairs, "sort[]")]
    names = [term.lstrip("-") for term in terms]
    unknown = [term for term, name in zip(terms, names, strict=True) if name == GROUPS or _field(name, words) is None]
    if unknown:
        raise BadRequest([f"Invalid filter field: {unknown}"])
    order: dict[RecordField, Sort] = {}
    for term, name in zip(terms, names, strict=True):
        field = _field(name, words)
        if field is not None:
            order.setdefault(field, Sort(field, descending=term.startswith("-")))
    return tuple(order.values())


def _key_of(name: str) -> str:
    """What stands between the braces."""
    for end in ("}", "}[]"):
        if name.endswith(end):
            return name[len(_PREFIX) : -len(end)]
    raise bad_request(f'"{name[:200]}" is not a well-formed filter key.')


def _field(name: str, words: Vocabulary) -> RecordField | None:
    return RecordField.ID if name == "pk" else words.members.get(name)


def _filter(key: str, values: Sequence[str], words: Vocabulary) -> Filter:
    negated = key.startswith("-")
    parts = key.removeprefix("-").split(".")
    operator = Operator.EXACT
    if len(parts) > 1 and parts[-1] in _OPERATORS:
        operator = _OPERATORS[parts.pop()]
    name = parts[0]
    field = _field(name, words)
    if field is None:
        raise BadRequest([f"Invalid filter field: {name[:200]}"])
    if field is RecordField.GROUPS and parts[1:] in (["id"], ["pk"]):
        parts.pop()
    if len(parts) > 1 or not _fits(field, operator):
        raise BadRequest([f"Invalid nested filter field: {name}"])
    return Filter(field, operator, _values(field, operator, values), negated)


def _fits(field: RecordField, operator: Operator) -> bool:
    if field is RecordField.GROUPS:
        return operator in _OF_NUMBERS
    return field is not RecordField.IS_PUBLIC or operator in _OF_FLAGS


def _values(field: RecordField, operator: Operator, given: Sequence[str]) -> tuple[str | int | bool, ...]:
    if operator is Operator.ISNULL:
        return (_true(given[0]),)
    if operator is Operator.RANGE and len(given) < _FEWEST_OF_RANGE:
        raise BadRequest(["A range needs two values."])
    count = {Operator.IN: len(given), Operator.RANGE: _FEWEST_OF_RANGE}.get(operator, 1)
    values = given[:count]
    if field is RecordField.IS_PUBLIC:
        return tuple(map(_true, values))
    if field is RecordField.GROUPS:
        return tuple(map(_number, values))
    if field is RecordField.ID and operator in (Operator.EXACT, Operator.IN, *_ORDERED):
        return tuple(map(_uuid, values))
    if field in (RecordField.ORGANIZATION, RecordField.PROTOCOLS):
        return tuple(map(_as_in_json, values))
    return tuple(values)


def _as_in_json(value: str) -> str:
    """A part of a JSON text as the core keeps such texts: in ASCII."""
    return "".join(character if character.isascii() else json.dumps(character)[1:-1] for character in value)


def _true(value: str) -> bool:
    return value.lower() not in _FALSE


def _number(value: str) -> int:
    """A group's number. One that no group can have stays one that no group has, within what databases hold."""
    try:
        return max(-_LARGEST, min(int(value), _LARGEST))
    except ValueError:
        raise BadRequest([f"Field 'id' expected a number but got {value[:200]!r}."]) from None


def _uuid(value: str) -> str:
    found = parse_id(value)
    if found is None:
        raise BadRequest([f"\u201c{value[:200]}\u201d is not a valid UUID."])
    return found
