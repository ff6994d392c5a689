"""The buffer for log lines, on the real databases."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from structlog.testing import capture_logs

from quinta.core.observation.model import LogLevel, LogLine, MetricPoint
from quinta.core.scope import in_project
from quinta.engine.recorder import Recorder
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.storage.rows import add_tenant

LONG = "l" * 8_000


async def test_a_flood_does_not_wash_away_the_lines_of_others(database: Database) -> None:
    floods, quiet = await add_tenant(database, "floods"), await add_tenant(database, "quiet")
    clock = SystemClock()
    recorder = Recorder(database, clock)
    for _ in range(10_000):
        recorder.write(LogLine(floods.project.id, clock.now(), LONG, system=False))
    for number in range(10):
        recorder.write(LogLine(quiet.project.id, clock.now(), f"line {number}", system=False))
    recorder.write(LogLine(floods.project.id, clock.now(), "a line of the platform finds room", system=True))
    with capture_logs() as logged:
        await recorder.flush()
    dropped = next(entry["lines"] for entry in logged if entry["event"] == "recorder.lines_dropped")
    async with database.read() as work:
        kept = await work.of(LogLine, in_project(floods.project.id)).count(system=False)
        assert await work.of(LogLine, in_project(quiet.project.id)).count() == 10
    assert kept + dropped == 10_000
    assert kept * len(LONG) <= 32 << 20
    recorder.write(LogLine(floods.project.id, clock.now(), "room again", system=False))
    await recorder.flush()
    async with database.read() as work:
        lines = work.of(LogLine, in_project(floods.project.id))
        assert await lines.count(system=False) == kept + 1
        said = [line.text for line in await lines.find(system=True, order=("id",))]
    assert said[0] == "a line of the platform finds room"
    assert said[1].startswith(f"{dropped} lines of output were dropped")


async def test_nobodys_lines_wait_behind_a_flood(database: Database) -> None:
    """Ten lines that came last are stored by the first of many transactions."""
    floods, quiet = await add_tenant(database, "floods"), await add_tenant(database, "quiet")
    clock = SystemClock()
    recorder = Recorder(database, clock)
    for number in range(20_000):
        recorder.write(LogLine(floods.project.id, clock.now(), f"flood {number}", system=False))
    for number in range(10):
        recorder.write(LogLine(quiet.project.id, clock.now(), f"line {number}", system=False))
    task = asyncio.create_task(recorder.flush())
    stored = 0
    while stored < 10:
        async with database.read() as work:
            stored = await work.of(LogLine, in_project(quiet.project.id)).count()
            flooded = await work.of(LogLine, in_project(floods.project.id)).count()
    assert flooded < 20_000
    await task
    async with database.read() as work:
        lines = await work.of(LogLine, in_project(floods.project.id)).find(order=("id",))
    assert [line.text for line in lines] == [f"flood {number}" for number in range(20_000)]


async def test_what_a_cancelled_flush_stored_is_not_stored_again(database: Database) -> None:
    """Cancelled at each of its first steps: a server that stops may be anywhere in it."""
    tenant, clock = await add_tenant(database, "stops"), SystemClock()
    recorder = Recorder(database, clock)
    for steps in range(40):
        recorder.write(LogLine(tenant.project.id, clock.now(), f"line {steps}", system=False))
        recorder.add(tenant.project.id, "model_version", "v", {"requests": 1})
        task = asyncio.create_task(recorder.flush())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await recorder.flush()
    async with database.read() as work:
        lines = await work.of(LogLine, in_project(tenant.project.id)).find(order=("id",))
        counted = await work.of(MetricPoint, in_project(tenant.project.id)).find()
    assert [line.text for line in lines] == [f"line {steps}" for steps in range(40)]
    assert sum(point.value for point in counted) == 40


async def test_lines_of_the_platform_get_the_level_that_they_tell(database: Database) -> None:
    tenant, clock = await add_tenant(database, "levels"), SystemClock()
    recorder = Recorder(database, clock)
    for text, system, level in (
        ("ERROR of code, whose levels are found where its lines are cut", False, None),
        ("WARNING of code", False, LogLevel.WARN),
        ("the request failed: it took too long [run_timeout]", True, None),
        ("the job waits [run_timeout]", True, LogLevel.WARN),
        ("an instance started", True, None),
    ):
        recorder.write(LogLine(tenant.project.id, clock.now(), text, system, level=level))
    await recorder.flush()
    async with database.read() as work:
        lines = await work.of(LogLine, in_project(tenant.project.id)).find(order=("id",))
    assert [line.level for line in lines] == [None, "warn", "error", "warn", "info"]
