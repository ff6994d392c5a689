"""Lists in parts: ``limit`` and an opaque ``cursor`` (contract versiontwo 6)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from quinta.dialects.versiontwo.errors import invalid
from quinta.dialects.versiontwo.messages import Problem
from quinta.kit.ids import parse_id

T = TypeVar("T")
DEFAULT_LIMIT = 50
MOST = 100
_LIMIT = re.compile(r"[0-9]{1,6}")
_LOG_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Page:
    """The part that is asked for: at most ``limit`` items, those after the one with the id ``before``."""

    limit: int
    before: str | None

    @property
    def asked(self) -> int:
        """How many to read: one more than is shown tells whether more remains."""
        return self.limit + 1

    def shown(self, found: Sequence[T], id_of: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
        """The items to show, and the cursor for what remains, if anything does."""
        if len(found) <= self.limit:
            return found, None
        shown = found[: self.limit]
        return shown, cursor_of(id_of(shown[-1]))


def page_of(query: Mapping[str, str]) -> Page:
    """A refusal about ``limit`` or ``cursor`` where it cannot be used."""
    limit = limit_of(query, DEFAULT_LIMIT, MOST)
    if (cursor := query.get("cursor")) is None:
        return Page(limit, None)
    before = parse_id(id_in(cursor))
    if before is None:
        raise invalid("cursor", Problem.INVALID_VALUE)
    return Page(limit, before)


def limit_of(query: Mapping[str, str], default: int, most: int) -> int:
    text = query.get("limit")
    if text is None:
        return default
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= most:
        raise invalid("limit", Problem.OUT_OF_RANGE, most=str(most))
    return int(text)


def line_cursor(line_id: str | None) -> str | None:
    return None if line_id is None else cursor_of(line_id)


def line_in(query: Mapping[str, str]) -> str | None:
    """The id of the log line that the part asked for ends before."""
    if (cursor := query.get("cursor")) is None:
        return None
    line_id = id_in(cursor)
    if not _LOG_ID.fullmatch(line_id):
        raise invalid("cursor", Problem.INVALID_VALUE)
    return line_id


def cursor_of(item_id: str) -> str:
    return base64.urlsafe_b64encode(item_id.encode()).decode().rstrip("=")


def id_in(cursor: str) -> str:
    """What ``cursor_of`` made the cursor of; a refusal for what it never made."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise invalid("cursor", Problem.INVALID_VALUE) from None


def next_part(cursor: str | None) -> dict[str, Any]:
    """The member of a list that says how to go on; none at its end."""
    return {} if cursor is None else {"next_cursor": cursor}
