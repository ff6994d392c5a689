"""Bodies on their way in, and the members of the object in them (contract dq0 1.7, 4.1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Receive

from quinta.core.errors import InvalidInput
from quinta.core.requests.reading import Reader
from quinta.dialects.base.bodies import Headers, media_type, read_body, unsupported

_JSON_TYPES = frozenset({"application/json", ""})
_LARGEST = 2**63 - 1


class Members:
    """The members of an object that was sent. Those that an operation does not know are passed over: clients send more
    than is documented (contract dq0 3.2). What is absent, null, 0 or empty says nothing.

    Each question raises InvalidInput, with the member's name, for a value of another kind."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def value(self, name: str) -> Any:
        """As it was sent, None where it was not."""
        return self._given.get(name)

    def text(self, name: str) -> str:
        """A string; "" where nothing is said."""
        value = self._given.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise InvalidInput(f"'{name}' must be a string", field=name)
        return _storable(value, name)

    def needed_text(self, name: str) -> str:
        """As ``text``; InvalidInput where nothing is said."""
        if not (text := self.text(name)):
            raise InvalidInput(f"'{name}' is missing", field=name)
        return text

    def optional_text(self, name: str) -> str | None:
        """A string, the empty one too; None where it was not sent, or null."""
        return None if self._given.get(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        """A whole number; 0 where nothing is said."""
        value = self._given.get(name)
        if value is None:
            return 0
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
            raise InvalidInput(f"'{name}' must be a whole number", field=name)
        return value

    def needed_integer(self, name: str) -> int:
        """A whole number, 0 too; InvalidInput where it was not sent."""
        if self._given.get(name) is None:
            raise InvalidInput(f"'{name}' is missing", field=name)
        return self.integer(name)

    def needed_number(self, name: str) -> float:
        """A number, 0 too; InvalidInput where it was not sent."""
        value = self._given.get(name)
        if value is None:
            raise InvalidInput(f"'{name}' is missing", field=name)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise InvalidInput(f"'{name}' must be a number", field=name)
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false; false where nothing is said."""
        value = self._given.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(f"'{name}' must be true or false", field=name)
        return bool(value)

    def needed_object(self, name: str) -> Mapping[str, Any]:
        value = self._given.get(name)
        if not isinstance(value, dict):
            raise InvalidInput(f"'{name}' must be an object", field=name)
        return value

    def integers(self, name: str) -> Sequence[int] | None:
        """A list of whole numbers; None where it was not sent, or null."""
        value = self._given.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or any(not isinstance(item, int) or isinstance(item, bool) for item in value):
            raise InvalidInput(f"'{name}' must be a list of whole numbers", field=name)
        return value

    def texts(self, name: str) -> Sequence[str] | None:
        """A list of strings; None where it was not sent, or null."""
        value = self._given.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or any(not isinstance(item, str) for item in value):
            raise InvalidInput(f"'{name}' must be a list of strings", field=name)
        return [_storable(item, name) for item in value]


async def read_members(receive: Receive, headers: Headers, reader: Reader, limit: int) -> Members:
    """The members of the object in a JSON body of at most ``limit`` bytes; none where it is empty or null.

    InvalidInput for what is no JSON object, TooLarge, and an HTTPException with 415 for another content type.
    """
    body = await read_body(receive, headers, limit)
    if not body.strip():
        return Members({})
    if media_type(headers) not in _JSON_TYPES:
        raise unsupported(headers, "application/json")
    value = await reader.value(body)
    if value is None:
        return Members({})
    if not isinstance(value, dict):
        raise InvalidInput("the body must be a JSON object")
    return Members(value)


def _storable(text: str, name: str) -> str:
    """Neither NUL, which PostgreSQL refuses, nor half of a surrogate pair, which UTF-8 has no bytes for."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(f"'{name}' has a character that cannot be stored", field=name)
    return text
