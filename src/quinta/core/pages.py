"""Part of a long list, by its number of the first and the count of all (contract dq0 4.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from quinta.core.errors import InvalidInput

T = TypeVar("T")

MOST_ON_PAGE = 1_000
_FURTHEST = 2**31
"""No list here is that long, and no database is asked for what it cannot count to."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part: ``limit`` items after the first ``offset`` of the whole in ``order``: names of fields, ``-`` in front
    for descending, as in ``Repository.find``. Without an order, the use case's own."""

    limit: int = 100
    offset: int = 0
    order: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``items`` of a list that has ``total`` in all."""

    items: tuple[T, ...]
    total: int


def order_of(paging: Paging, allowed: Collection[str], default: Sequence[str]) -> tuple[str, ...]:
    """The order to ask the repository for, ties by id. InvalidInput: a field that is not ``allowed`` (``order_by``), or
    as of ``check_page``."""
    check_page(paging)
    for name in paging.order:
        if name.removeprefix("-") not in allowed:
            known = ", ".join(sorted(allowed))
            raise InvalidInput(f"this list cannot be sorted by '{name[:80]}': {known} are its fields", field="order_by")
    order = tuple(paging.order or default)
    return order if any(name.removeprefix("-") == "id" for name in order) else (*order, "id")


def check_page(paging: Paging) -> None:
    """InvalidInput: a page outside 1 to MOST_ON_PAGE items (``page_size``), or where no list reaches (``page``)."""
    if not 1 <= paging.limit <= MOST_ON_PAGE:
        raise InvalidInput(f"a page has 1 to {MOST_ON_PAGE} items, not {paging.limit}", field="page_size")
    if not 0 <= paging.offset <= _FURTHEST:
        raise InvalidInput("pages are counted from 1, and there are not that many", field="page")
