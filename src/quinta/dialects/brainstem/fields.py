"""Checks of the members of a body, with the sentences of Django REST framework (contract brainstem 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quinta.core.unset import UNSET, Unset
from quinta.dialects.brainstem.errors import BadRequest

_TRUE = frozenset({"t", "y", "yes", "true", "on", "1"})
_FALSE = frozenset({"f", "n", "no", "false", "off", "0"})
REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."


class Fields:
    """The members that were given, by name. What is wrong is collected, so that ``check`` refuses it all together."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._errors: dict[str, list[str]] = {}

    def refuse(self, name: str, *sentences: str) -> None:
        self._errors.setdefault(name, []).extend(sentences)

    def check(self) -> None:
        """BadRequest with every field that was refused."""
        if self._errors:
            raise BadRequest(self._errors)

    def value(self, name: str, *, required: bool = False) -> Any:
        """The value; UNSET where it is not given, or null (which is refused)."""
        value = self._given.get(name, UNSET)
        if value is UNSET and required:
            self.refuse(name, REQUIRED)
        if value is None:
            self.refuse(name, NULL)
            return UNSET
        return value

    def text(
        self, name: str, *, required: bool = False, blank: bool = False, most: int | None = None, trim: bool = True
    ) -> str | Unset:
        """A string of at most ``most`` characters; numbers become one."""
        value = self.value(name, required=required)
        if isinstance(value, Unset):
            return UNSET
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.refuse(name, "Not a valid string.")
            return UNSET
        text = str(value).strip() if trim else str(value)
        if not text.strip() and not blank:
            self.refuse(name, BLANK)
        if most is not None and len(text) > most:
            self.refuse(name, f"Ensure this field has no more than {most} characters.")
        if "\0" in text:
            self.refuse(name, "Null characters are not allowed.")
        half = next((character for character in text if "\ud800" <= character <= "\udfff"), None)
        if half is not None:
            self.refuse(name, f"Surrogate characters are not allowed: U+{ord(half):X}.")
        return text

    def boolean(self, name: str) -> bool | Unset:
        """True or false, also by a word of DRF's or by 0 and 1."""
        value = self.value(name)
        if isinstance(value, Unset):
            return UNSET
        word = str(value).strip().lower() if isinstance(value, (str, bool, int)) else ""
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        self.refuse(name, "Must be a valid boolean.")
        return UNSET
