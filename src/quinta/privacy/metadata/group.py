"""One mapping of a metadata file, read key by key with its type; what nobody read is refused by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any, Final

from quinta.core.errors import InvalidInput

LARGEST: Final = 2**63 - 1
"""Of whole numbers, either way: what a database keeps."""
_MOST_CHARACTERS: Final = 20_000
_SHOWN: Final = 60
"""Characters of a key from outside in a message."""


def refused(where: str, what: str) -> InvalidInput:
    """The error for metadata that cannot be taken. ``where`` is a place in it, "" the whole."""
    return InvalidInput(f"metadata: {where}: {what}" if where else f"metadata: {what}", field="meta")


def shown(key: object) -> str:
    text = str(key)
    return f"'{text}'" if len(text) <= _SHOWN else f"'{text[:_SHOWN]}…'"


def mapping_of(value: Any, where: str) -> dict[str, Any]:
    """``value`` if it is a mapping with texts as keys, {} for null; else refused."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refused(where, f"must be a mapping, not {kind_of(value)}")
    for key in value:
        if not isinstance(key, str):
            raise refused(where, f"the key {shown(key)} must be a text: put it in quotes")
    return value


def list_of(value: Any, where: str) -> list[Any]:
    """``value`` if it is a list, [] for null; else refused."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise refused(where, f"must be a list, not {kind_of(value)}")
    return value


def kind_of(value: Any) -> str:
    """What a value is, in a word of YAML; never the value itself, which may be a secret."""
    names = {bool: "a boolean", int: "an int", float: "a float", str: "a text", list: "a list", dict: "a mapping"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")


class Group:
    """The values of one mapping. Each reader takes a key; null counts as not there, and then the default is answered.

    Values are of the types that contract dq0 6.2 says; an int does where a float is wanted. InvalidInput otherwise.
    """

    def __init__(self, where: str, values: Mapping[str, Any]) -> None:
        self.where = where
        self._values = dict(values)
        self._asked: set[str] = set()

    @property
    def keys(self) -> tuple[str, ...]:
        """Of what nobody has read yet."""
        return tuple(self._values)

    @property
    def mappings(self) -> tuple[str, ...]:
        """The keys, of what nobody has read yet, whose values are mappings or null."""
        return tuple(key for key, value in self._values.items() if value is None or isinstance(value, dict))

    def take(self, key: str) -> Any:
        """The value as it is, whatever its type."""
        self._asked.add(key)
        return self._values.pop(key, None)

    def text(self, key: str, default: str = "") -> str:
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise refused(self._at(key), f"must be a text, not {kind_of(value)}: put it in quotes")
        if len(value) > _MOST_CHARACTERS:
            raise refused(self._at(key), f"has {len(value)} characters; at most {_MOST_CHARACTERS} are kept")
        if "\0" in value:
            raise refused(self._at(key), "has a NUL character")
        return value

    def name(self, key: str = "name") -> str:
        """A text that must be there: 1 to 200 printable characters."""
        value = self.text(key)
        if not 1 <= len(value) <= 200 or not value.isprintable():
            raise refused(self._at(key), "is needed: 1 to 200 printable characters")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.maybe_flag(key)
        return default if value is None else value

    def maybe_flag(self, key: str) -> bool | None:
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            raise refused(self._at(key), f"must be true or false, not {kind_of(value)}")
        return value

    def whole(self, key: str, *, least: int = -LARGEST, most: int = LARGEST) -> int | None:
        value = self.take(key)
        return None if value is None else as_whole(value, self._at(key), least, most)

    def number(self, key: str, *, least: float = -math.inf) -> float | None:
        """A finite float, or an int, which becomes one."""
        value = self.take(key)
        return None if value is None else as_float(value, self._at(key), least)

    def moment(self, key: str) -> datetime | None:
        value = self.take(key)
        return None if value is None else as_moment(value, self._at(key))

    def child(self, key: str) -> Group:
        """The group below a key; an empty one where it is not there."""
        return Group(self._at(key), mapping_of(self.take(key), self._at(key)))

    def end(self) -> None:
        """Refuses keys that were not asked for."""
        for key in self._values:
            near = get_close_matches(key, sorted(self._asked), n=1)
            allowed = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(sorted(self._asked))}"
            raise refused(self.where, f"the key {shown(key)} is not known; {allowed}")

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def as_whole(value: Any, where: str, least: int = -LARGEST, most: int = LARGEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(where, f"must be an int, not {kind_of(value)}")
    if not least <= value <= most:
        raise refused(where, f"must be from {least} to {most}")
    return value


def as_float(value: Any, where: str, least: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(where, f"must be a float, not {kind_of(value)}")
    if abs(value) > LARGEST or not math.isfinite(value) or value < least:
        limit = f", {least:g} or more" if math.isfinite(least) else ""
        raise refused(where, f"must be a finite number{limit}")
    return float(value)


def as_moment(value: Any, where: str) -> datetime:
    """A YAML timestamp or date, or a text of ISO 8601; without a zone it is in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise refused(where, "must be a date or a time such as 2026-01-31T12:00:00") from None
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            raise refused(where, f"must be a datetime, not {kind_of(value)}")
        value = datetime(value.year, value.month, value.day)
    moment: datetime = value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
