"""Members of bodies and parameters of queries, by the types that MLflow's messages give them.

JSON of protocol buffers has 64-bit integers as numbers or texts, and NaN and infinities as texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from quinta.core.errors import InvalidInput
from quinta.core.tracking.model import Stage
from quinta.core.tracking.rules import LARGEST_NUMBER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = int((datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds() * 1_000)
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_STAGES: Mapping[str, Stage | None] = {
    "": Stage.ACTIVE,
    "ACTIVE_ONLY": Stage.ACTIVE,
    "DELETED_ONLY": Stage.DELETED,
    "ALL": None,
    "1": Stage.ACTIVE,
    "2": Stage.DELETED,
    "3": None,
}


class Members:
    """Each question refuses what is wrong with the member that it is about; null is as if it were not there."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def text(self, name: str, default: str = "") -> str:
        value = self._given.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise InvalidInput(f"'{name}' must be a string", field=name)
        return value

    def required(self, *names: str) -> str:
        """The first of the names that has a text; InvalidInput when none has."""
        for name in names:
            if text := self.text(name):
                return text
        raise InvalidInput(f"'{names[0]}' is missing", field=names[0])

    def has(self, name: str) -> bool:
        return self._given.get(name) is not None

    def integer(self, name: str, default: int) -> int:
        value = self._given.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_NUMBER:
            raise InvalidInput(f"'{name}' must be an integer of at most 64 bits", field=name)
        return value

    def flag(self, name: str) -> bool:
        value = self._given.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(f"'{name}' must be true or false", field=name)
        return bool(value)

    def number(self, name: str) -> float:
        value = self._given.get(name)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                return float(value)
            except (ValueError, OverflowError):
                pass
        raise InvalidInput(f"'{name}' must be a number", field=name)

    def moment(self, name: str) -> datetime | None:
        """From milliseconds since 1970; 0 says nothing."""
        value = self.integer(name, 0)
        if not 0 <= value <= _LATEST:
            raise InvalidInput(f"'{name}' must be milliseconds since 1970", field=name)
        return _EPOCH + timedelta(milliseconds=value) if value else None

    def objects(self, name: str) -> list[Members]:
        return [Members(item) for item in self._list(name, Mapping, "objects")]

    def texts(self, name: str) -> Sequence[str]:
        return list(self._list(name, str, "strings"))

    def numbers(self, name: str) -> list[int]:
        """Integers that are written as texts: the ids of experiments."""
        return [Members({name: item}).integer(name, 0) for item in self._list(name, (str, int), "strings")]

    def stage(self, name: str) -> Stage | None:
        """Of a ViewType; None for both."""
        value = self._given.get(name)
        text = "" if value is None else str(value)
        if text not in _STAGES:
            raise InvalidInput(f"'{name}' must be ACTIVE_ONLY, DELETED_ONLY or ALL", field=name)
        return _STAGES[text]

    def offset(self) -> int:
        """What the page token says: how many items came before."""
        token = self.text("page_token")
        if (token and not token.isascii()) or (token and not token.isdigit()) or len(token) > 9:
            raise InvalidInput("the page token is none of this server's", field="page_token")
        return int(token or 0)

    def pairs(self, name: str) -> dict[str, str]:
        """Tags; of those with one key the last."""
        return {item.required("key"): item.text("value") for item in self.objects(name)}

    def _list(self, name: str, kind: Any, what: str) -> list[Any]:
        value = self._given.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            raise InvalidInput(f"'{name}' must be a list of {what}", field=name)
        return value
