"""Lists in pages, sorted and filtered (contract dq0 4.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from quinta.core.errors import InvalidInput
from quinta.core.pages import MOST_ON_PAGE, Page, Paging

T = TypeVar("T")

_DEFAULT_SIZE = 100
"""Clients never page, and look datasets up by name in the first page only."""
_NUMBER = re.compile(r"[0-9]{1,10}")
_ORDER = re.compile(r"(-?)\s*([A-Za-z_]+)(?:\s+(asc|desc))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which page is asked for: ``page`` counts from 1."""

    page: int
    size: int
    order: Sequence[str]

    @property
    def paging(self) -> Paging:
        return Paging(limit=self.size, offset=(self.page - 1) * self.size, order=self.order)

    def body(self, found: Page[T], items: Sequence[Any]) -> dict[str, Any]:
        """The envelope around ``items``, which is what the answer shows of ``found``."""
        return {"total": found.total, "page": self.page, "page_size": self.size, "items": items}


def listing_of(query: Mapping[str, str], fields: Mapping[str, str]) -> Listing:
    """What ``page``, ``page_size`` and ``order_by`` ask for; ``fields`` has the core's field for each member of the
    answer that the list can be sorted by. InvalidInput for anything else."""
    page = _number(query.get("page", ""), "page", 1, None)
    given = query.get("page_size") or query.get("page-size", "")
    return Listing(page, _number(given, "page_size", _DEFAULT_SIZE, MOST_ON_PAGE), _order(query, fields))


def number_in(query: Mapping[str, str], name: str) -> int:
    """A filter that is a number; 0 where nothing is said."""
    return _number(query[name], name, 0, None, least=0) if query.get(name) else 0


def _number(text: str, name: str, default: int, most: int | None, *, least: int = 1) -> int:
    if not text:
        return default
    number = int(text) if _NUMBER.fullmatch(text) else -1
    if number < least:
        raise InvalidInput(f"'{name}' must be a whole number of at least {least}", field=name)
    return number if most is None else min(number, most)


def _order(query: Mapping[str, str], fields: Mapping[str, str]) -> list[str]:
    """As ``name``, ``-name``, ``name asc`` or ``name desc``, several with commas between them."""
    order = []
    for part in query.get("order_by", "").split(","):
        if not (part := part.strip()):
            continue
        found = _ORDER.fullmatch(part)
        if found is None or found[2] not in fields or (found[1] and found[3]):
            known = ", ".join(sorted(fields))
            raise InvalidInput(
                f"this list cannot be sorted by '{part[:80]}': its fields are {known}, with '-' in front or ' desc' "
                "behind for the other way round",
                field="order_by",
            )
        descending = bool(found[1]) or (found[3] or "").lower() == "desc"
        order.append(("-" if descending else "") + fields[found[2]])
    return order
