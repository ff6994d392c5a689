"""Counting calls, on both databases (contract versiontwo 4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from quinta.core.access.rate_limits import Budget, RateLimits
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.clocks import NOON, SteppedClock

MINUTE = timedelta(seconds=60)


async def test_a_window_is_a_minute_from_its_first_call(database: Database) -> None:
    """Remaining falls by one each; what is refused does not prolong the window; after it all is there again."""
    clock = SteppedClock()
    limits = RateLimits(database, clock, 3)
    seen = []
    for _ in range(5):
        seen.append(await limits.count("key:a"))
        clock.move(seconds=10)
    reset = NOON + MINUTE
    assert seen == [
        Budget(3, 2, reset, True),
        Budget(3, 1, reset, True),
        Budget(3, 0, reset, True),
        Budget(3, 0, reset, False),
        Budget(3, 0, reset, False),
    ]
    clock.move(seconds=9.999)
    assert await limits.count("key:a") == Budget(3, 0, reset, False)
    clock.move(seconds=0.001)
    assert await limits.count("key:a") == Budget(3, 2, clock.now() + MINUTE, True)


async def test_each_subject_has_a_window_of_its_own(database: Database) -> None:
    clock = SteppedClock()
    limits = RateLimits(database, clock, 1)
    for subject in ("key:a", "key:b", "address:127.0.0.1"):
        first, second = await limits.count(subject), await limits.count(subject)
        assert first is not None
        assert second is not None
        assert (first.allowed, second.allowed) == (True, False)


async def test_0_is_no_limit(database: Database) -> None:
    limits = RateLimits(database, SteppedClock(), 0)
    assert [await limits.count("key:a") for _ in range(3)] == [None, None, None]


async def test_exactly_the_limit_passes_through_two_servers_at_once(database: Database, database_url: str) -> None:
    """On one PostgreSQL, or with two processes on one SQLite file."""
    subject = f"key:{new_id()}"
    beside = Database(database_url, SystemClock())
    await beside.start()
    try:
        servers = [RateLimits(store, SystemClock(), 20) for store in (database, beside)]
        budgets = await asyncio.gather(*[servers[turn % 2].count(subject) for turn in range(60)])
    finally:
        await beside.close()
    allowed = sorted(budget.remaining for budget in budgets if budget is not None and budget.allowed)
    assert allowed == list(range(20))
    assert len({budget.reset_at for budget in budgets if budget is not None}) == 1


@pytest.mark.parametrize("used", [1, 5])
async def test_a_clock_that_is_put_back_locks_nobody_out(database: Database, used: int) -> None:
    clock = SteppedClock()
    limits = RateLimits(database, clock, 2)
    for _ in range(used):
        await limits.count("key:a")
    clock.move(hours=-1)
    assert await limits.count("key:a") == Budget(2, 1, clock.now() + MINUTE, True)


async def test_windows_that_are_over_are_removed(database: Database, tmp_path: object) -> None:
    clock = SteppedClock()
    limits = RateLimits(database, clock, 2)
    await limits.count("key:old")
    clock.move(minutes=59)
    await limits.count("key:new")
    clock.move(minutes=2)
    house = Housekeeping(database, open_objects(f"file://{tmp_path}/objects"), clock)
    await house.tidy()
    clock.move(minutes=-61)  # back in the first window, which would still count
    async with database.begin() as work:
        assert (await work.count_call("key:old", clock.now(), 60)).used == 1
        clock.move(minutes=59)
        assert (await work.count_call("key:new", clock.now(), 60)).used == 2
