"""The tagged cache: never serves a value made before a change."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from quinta.kit.cache import TaggedCache


async def test_a_load_under_way_during_a_change_is_not_kept() -> None:
    cache: TaggedCache[str, int] = TaggedCache()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> tuple[int, tuple[str, ...]]:
        started.set()
        await go_on.wait()
        return 1, ("row",)

    loading = asyncio.create_task(cache.load("key", slow))
    await started.wait()
    cache.forget(["row"])
    go_on.set()
    assert await loading == 1
    assert cache.get("key") is None


async def test_a_load_without_a_change_is_kept() -> None:
    cache: TaggedCache[str, int] = TaggedCache()

    async def quick() -> tuple[int, tuple[str, ...]]:
        return 1, ("row",)

    assert await cache.load("key", quick) == 1
    assert cache.get("key") == 1


class Rows(RuleBasedStateMachine):
    """Rows change at any time; what the cache answers is what the rows are."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = dict.fromkeys("abc", 0)
        self.cache: TaggedCache[str, tuple[int, ...]] = TaggedCache(size=4)
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self.loop.close()

    @rule(names=st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    def look(self, names: list[str]) -> None:
        async def load() -> tuple[tuple[int, ...], list[str]]:
            return tuple(self.rows[name] for name in names), names

        self.loop.run_until_complete(self.cache.load("".join(names), load))

    @rule(name=st.sampled_from("abc"))
    def change(self, name: str) -> None:
        self.rows[name] += 1
        self.cache.forget([name])

    @invariant()
    def nothing_stale(self) -> None:
        for first in "abc":
            for names in (first, "abc", "cba", "ab", "bc"):
                known = self.cache.get(names)
                assert known is None or known == tuple(self.rows[name] for name in names)


TestRows = Rows.TestCase
