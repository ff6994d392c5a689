"""When keys were last used: noted in memory, written about once a minute, so that no call waits for it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from quinta.core.errors import NotFound
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import ApiKey, KeyKind

_AT_ONCE = 200
"""Keys in a transaction: others wait a few milliseconds for SQLite's one writer, not for all of them."""


class KeyUses:
    """The uses that are not written yet. Only what lists show is written: of keys that are made to be kept, not of
    sessions. A crash loses what has gathered since ``flush``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: dict[str, datetime] = {}

    def note(self, key_id: str, moment: datetime) -> None:
        self._last[key_id] = moment

    def last_use(self, key: ApiKey) -> datetime | None:
        """When the key was last used, as far as this server knows."""
        here = self._last.get(key.id)
        if here is None or (key.last_used_at is not None and key.last_used_at > here):
            return key.last_used_at
        return here

    async def flush(self) -> None:
        """Writes what has gathered; what the store does not take stays."""
        waiting = sorted(self._last.items())  # in one order on every server, so that two never wait for each other
        for start in range(0, len(waiting), _AT_ONCE):
            page = dict(waiting[start : start + _AT_ONCE])
            async with self._store.begin() as work:
                keys = work.of(ApiKey, EVERYTHING)
                for key in await keys.find(id=list(page), kind=KeyKind.API, order=("id",)):
                    if key.last_used_at is None or key.last_used_at < page[key.id]:
                        with suppress(NotFound):  # deleted meanwhile, through another server
                            await keys.change(key.id, last_used_at=page[key.id])
            for key_id, moment in page.items():
                if self._last[key_id] == moment:
                    del self._last[key_id]
