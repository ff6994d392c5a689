"""The grammar of filters in plain Python, small enough to be believed: what the property test compares the server with
(contract brainstem 9)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

Record = dict[str, Any]
Pair = tuple[str, str]

TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "": lambda text, value: text == value,
    "eq": lambda text, value: text == value,
    "exact": lambda text, value: text == value,
    "iexact": lambda text, value: folded(text) == folded(value),
    "contains": lambda text, value: value in text,
    "icontains": lambda text, value: folded(value) in folded(text),
    "startswith": lambda text, value: text.startswith(value),
    "istartswith": lambda text, value: folded(text).startswith(folded(value)),
    "endswith": lambda text, value: text.endswith(value),
    "iendswith": lambda text, value: folded(text).endswith(folded(value)),
    "gt": lambda text, value: text > value,
    "gte": lambda text, value: text >= value,
    "lt": lambda text, value: text < value,
    "lte": lambda text, value: text <= value,
}


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def is_true(value: str) -> bool:
    return value.lower() not in ("0", "false", "")


def answer(records: Sequence[Record], pairs: Sequence[Pair]) -> list[Record]:
    """What a list answers. Ties go by name and id, in the direction of the last term of ``sort[]``."""
    conditions: dict[str, list[str]] = {}
    for name, value in pairs:
        if name != "sort[]":
            conditions.setdefault(name.removeprefix("filter{").removesuffix("}"), []).append(value)
    found = [record for record in records if all(holds(record, key, given) for key, given in conditions.items())]
    terms = [value for name, value in pairs if name == "sort[]"]
    found.sort(key=lambda record: (record["name"], record["id"]), reverse=bool(terms) and terms[-1].startswith("-"))
    for term in reversed(terms):
        found.sort(key=lambda record: record[term.lstrip("-")], reverse=term.startswith("-"))
    return found


def holds(record: Record, key: str, given: Sequence[str]) -> bool:
    name, _, operator = key.removeprefix("-").partition(".")
    return positive(record[name], operator, given) is not key.startswith("-")


def positive(value: Any, operator: str, given: Sequence[str]) -> bool:
    """Whether the condition holds, before it is negated."""
    if operator == "isnull":
        return is_true(given[0]) is (value is None)
    if isinstance(value, list):
        return any(number == int(item) for number in value for item in (given if operator == "in" else given[:1]))
    if isinstance(value, bool):
        return value in [is_true(item) for item in (given if operator == "in" else given[:1])]
    if operator == "in":
        return value in given
    if operator == "range":
        return bool(given[0] <= value <= given[1])
    return TEXT_TESTS[operator](value, given[0])
