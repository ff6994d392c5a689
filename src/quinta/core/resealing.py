"""Rotation of the keys that seal what is stored (decision 0011): one walk for every kind of row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from quinta.core.errors import NotFound
from quinta.core.ports import Secrets, Store
from quinta.core.scope import EVERYTHING


class _Row(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Row)

Anew = Mapping[str, object] | None
"""The sealed fields of a row, sealed with the newest key: none where they are already, None where they do not open."""


async def seal_rows_again(store: Store, kind: type[T], anew: Callable[[T], Anew], /, **conditions: Any) -> int:
    """Writes what ``anew`` answers for the rows of ``kind`` that match, each in a transaction of its own; returns how
    many do not open. A row is looked at again under a lock: what somebody sets meanwhile stays."""
    async with store.read() as work:
        items = await work.of(kind, EVERYTHING).find(**conditions)
    lost = 0
    for item in items:
        values = anew(item)
        lost += values is None
        if values:
            with suppress(NotFound):  # deleted meanwhile, through another server
                async with store.begin() as work:
                    rows = work.of(kind, EVERYTHING)
                    if values := anew(await rows.lock(item.id)):
                        await rows.change(item.id, **values)
    return lost


def text_anew(secrets: Secrets, field: str, sealed: str, owner_id: str) -> Anew:
    """What ``seal_rows_again`` wants to hear of a row with one sealed text."""
    text = secrets.open(sealed, owner_id)
    if text is None:
        return None
    return {} if secrets.is_current(sealed) else {field: secrets.seal(text, owner_id)}
