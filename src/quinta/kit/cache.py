"""A cache whose entries are forgotten exactly when something they were made from changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TaggedCache(Generic[K, V]):
    """Values by key; each value carries the tags of the rows it was read from.

    ``forget(tags)`` drops every value with one of these tags, and also keeps a load that was under way at that moment
    from being stored, so that a value read before a change can never be served after it. At most ``size`` values are
    kept; the oldest goes first.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._values: dict[K, tuple[V, tuple[str, ...]]] = {}
        self._keys_by_tag: dict[str, set[K]] = {}
        self._generation = 0

    def get(self, key: K) -> V | None:
        entry = self._values.get(key)
        return None if entry is None else entry[0]

    async def load(self, key: K, loader: Callable[[], Awaitable[tuple[V, Iterable[str]]]]) -> V:
        """The value of ``key``, made by ``loader`` (which answers value and tags) when it is not there."""
        entry = self._values.get(key)
        if entry is not None:
            return entry[0]
        generation = self._generation
        value, tags = await loader()
        if generation == self._generation:
            self._store(key, value, tuple(tags))
        return value

    def forget(self, tags: Iterable[str]) -> None:
        """Drops every value that carries one of ``tags``."""
        self._generation += 1
        for tag in tags:
            for key in self._keys_by_tag.pop(tag, ()):
                self._values.pop(key, None)

    def _store(self, key: K, value: V, tags: tuple[str, ...]) -> None:
        if len(self._values) >= self._size:
            oldest = next(iter(self._values))
            _, old_tags = self._values.pop(oldest)
            for tag in old_tags:
                keys = self._keys_by_tag.get(tag)
                if keys is not None:
                    keys.discard(oldest)
                    if not keys:
                        del self._keys_by_tag[tag]
        self._values[key] = (value, tags)
        for tag in tags:
            self._keys_by_tag.setdefault(tag, set()).add(key)
