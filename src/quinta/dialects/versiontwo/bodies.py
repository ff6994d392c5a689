"""Bodies on their way in, and the checks of their members, first in document order (contract versiontwo 2 and 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Receive

from quinta.core.errors import InvalidInput
from quinta.core.requests.reading import Reader
from quinta.core.unset import UNSET, Unset
from quinta.dialects.base.bodies import Headers, media_type, read_body
from quinta.dialects.versiontwo.errors import about, invalid
from quinta.dialects.versiontwo.messages import BOOLEAN, INTEGER, OBJECT, STRING, STRINGS, Kind, Problem, Topic

MOST_BYTES = 256 << 10
"""Of a body: a configuration has 64 KiB at most, and nothing else is large."""
LONGEST_NAME = 100
_JSON_TYPES = frozenset({"application/json", "application/merge-patch+json", ""})
_KINDS: Mapping[str, Kind] = {"environment": STRING, "region": STRING, "scaling": OBJECT}
_SCALING: Mapping[str, Kind] = {"min_instances": INTEGER, "max_instances": INTEGER, "enabled": BOOLEAN}


async def read_object(receive: Receive, headers: Headers, reader: Reader, limit: int, *, may_be_empty: bool) -> str:
    """The JSON text of the object in a body of at most ``limit`` bytes. A body of no type is taken for JSON."""
    body = await read_body(receive, headers, limit)
    if may_be_empty and not body.strip():
        return "{}"
    if media_type(headers) not in _JSON_TYPES:
        raise about(Topic.CONTENT_TYPE, 415)
    try:
        text = await reader.object(body)
    except InvalidInput as error:
        raise about(Topic.BODY, english=error.message) from None
    # The text is ASCII: only in an escape can there be half of a surrogate pair, which no answer could repeat.
    if "\\ud" in text and not _encodable(text):
        raise about(Topic.BODY, english="the body has half of a surrogate pair")
    return text


class Members:
    """The members of an object that was sent. Each question refuses what is wrong with the member that it is about;
    ``name`` is the member's, ``prefix`` stands before it where the object is itself one."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def text(self, name: str, *, longest: int, trimmed: bool = True) -> str | Unset:
        """A string of 1 to ``longest`` characters, without the blanks at its ends; UNSET where it is not given."""
        value = self._given.get(name, UNSET)
        if isinstance(value, Unset):
            return UNSET
        if value is None:
            raise invalid(name, Problem.REQUIRED)
        if not isinstance(value, str):
            raise invalid(name, Problem.INVALID_TYPE, wanted=STRING)
        text = value.strip() if trimmed else value
        if not text:
            raise invalid(name, Problem.TOO_SHORT)
        if len(text) > longest:
            raise invalid(name, Problem.TOO_LONG, most=str(longest))
        if "\0" in text:  # PostgreSQL refuses it
            raise invalid(name, Problem.INVALID_VALUE)
        return text

    def required_text(self, name: str, *, longest: int, trimmed: bool = True) -> str:
        text = self.text(name, longest=longest, trimmed=trimmed)
        if isinstance(text, Unset):
            raise invalid(name, Problem.REQUIRED)
        return text

    def optional_text(self, name: str) -> str | Unset | None:
        """A string, None where it is null; UNSET where it is not given."""
        value = self._given.get(name, UNSET)
        if value is not None and not isinstance(value, (str, Unset)):
            raise invalid(name, Problem.INVALID_TYPE, wanted=STRING)
        return value

    def required_texts(self, name: str) -> Sequence[str]:
        """A list of strings, at least one."""
        value = self._given.get(name)
        if value is None:
            raise invalid(name, Problem.REQUIRED)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(name, Problem.INVALID_TYPE, wanted=STRINGS)
        if not value:
            raise invalid(name, Problem.TOO_SHORT)
        return value

    def config(self, name: str = "config") -> dict[str, Any] | Unset:
        """A configuration, or a patch of one, of the known members of which the types are right."""
        value = self._given.get(name, UNSET)
        if isinstance(value, Unset):
            return UNSET
        if not isinstance(value, dict):
            raise invalid(name, Problem.INVALID_TYPE, wanted=OBJECT)
        check_kinds(value, f"{name}.")
        return value


def members_in(text: str) -> Members:
    return Members(json.loads(text))


def check_kinds(config: Mapping[str, Any], prefix: str = "") -> None:
    """A refusal about the first known member of a configuration, or of a patch of one, that is of the wrong type."""
    _check(config, _KINDS, prefix)
    if config.get("scaling") is not None:
        _check(config["scaling"], _SCALING, f"{prefix}scaling.")


def _check(values: Mapping[str, Any], kinds: Mapping[str, Kind], prefix: str) -> None:
    for name, value in values.items():
        kind = kinds.get(name)
        if kind is not None and value is not None and not _is(value, kind):
            raise invalid(f"{prefix}{name}", Problem.INVALID_TYPE, wanted=kind)


def _is(value: object, kind: Kind) -> bool:
    if kind is INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {STRING: str, OBJECT: dict, BOOLEAN: bool}[kind])


def _encodable(text: str) -> bool:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
