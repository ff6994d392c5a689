"""What reading a log costs when it has 10 million lines on SQLite: ``python -m benchmarks.logs``.

Fills a database in a temporary folder with the lines of a week, asks for them through the use case (core.observation.
logs), tells the plan that SQLite chose for each question, lets housekeeping remove lines that are too old while others
are written, and removes the folder. ``--lines 200000`` is a quick look, ``--folder`` names a disk with room (about
450 bytes a line).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from quinta.core.access.model import Actor
from quinta.core.observation.logs import LogQuery, Logs
from quinta.core.observation.model import LogLine
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Project, Subscription, User
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.engine.recorder import Recorder
from quinta.kit.clock import SystemClock
from quinta.kit.ids import first_log_id, new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects

DAYS = 7
EXPIRED_HOURS = 3
"""How much of the log is older than the plan keeps it when housekeeping comes."""
REPEATS = 15
REQUEST = "printf('018f0000-%04x-7%03x-8000-%012x', i / 5 / 65536 % 65536, i / 5 % 4096, i / 5)"
FILL = f"""
WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < :lines - 1),
moments AS (SELECT i, :start + i * :step AS moment FROM numbers)
INSERT INTO log_lines (project_id, time, text, system, model_name, version_name, request_id, id)
SELECT :project,
    strftime('%Y-%m-%dT%H:%M:%S', moment / 1000000, 'unixepoch') || printf('.%06dZ', moment % 1000000),
    printf('line %d: the model has done step %d of what it was asked for', i, i % 5),
    i % 1000 = 0,
    CASE WHEN i % 100000 = 7 THEN 'rare' ELSE 'model-' || (i % 20) END,
    'v' || (i % 3),
    CASE WHEN i % 1000 = 0 THEN NULL ELSE {REQUEST} END,
    printf('%014x%05x%05x', moment, i % 1048576, i * 7919 % 1048576)
FROM moments
"""


@dataclass(frozen=True)
class Filled:
    """The database and what is in it."""

    path: Path
    project: Project
    actor: Actor
    organization: Organization
    lines: int
    start: datetime
    end: datetime
    seconds: float


async def tenant(database: Database, now: datetime) -> tuple[Organization, Project, Actor]:
    plan = Subscription(new_id(), "plan", None, None, DAYS, None, None, "", "", False)
    organization = Organization(new_id(), "organization", OrganizationStatus.ACTIVE, plan.id, None, now)
    project = Project(new_id(), organization.id, "project", now)
    other = Project(new_id(), organization.id, "other", now)
    user = User(new_id(), "a@example.com", None, None, None, False, True, now)
    async with database.begin() as work:
        await work.of(Subscription, EVERYTHING).add(plan)
        await work.of(Organization, EVERYTHING).add(organization)
        await work.of(Project, EVERYTHING).add(project, other)
        await work.of(User, EVERYTHING).add(user)
        await work.of(Membership, EVERYTHING).add(Membership(new_id(), organization.id, user.id, True))
    return organization, project, Actor(user.id, user.email, False, "", None)


async def fill(path: Path, lines: int, end: datetime) -> Filled:
    """Lines in even steps over a week that ends at ``end``. Indexes are made afterwards: the same pages, sooner."""
    database = Database(f"sqlite:///{path}", SystemClock())
    await database.start()
    organization, project, actor = await tenant(database, end)
    await database.close()
    start = end - timedelta(days=DAYS)
    begun = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144"):
            connection.execute(f"PRAGMA {pragma}")
        made = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'log_lines' AND sql IS NOT NULL"
        indexes = connection.execute(made).fetchall()
        estimates = connection.execute("SELECT * FROM sqlite_stat1 WHERE tbl = 'log_lines'").fetchall()
        connection.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'log_lines'")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        step = int((end - start) / timedelta(microseconds=1)) // lines
        first = int(first_log_id(start), 16)
        connection.execute(FILL, {"lines": lines, "start": first, "step": step, "project": project.id})
        for _, statement in indexes:
            connection.execute(statement)
        connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", estimates)
        connection.execute("PRAGMA journal_mode = WAL")
    return Filled(path, project, actor, organization, lines, start, end, time.perf_counter() - begun)


def questions(filled: Filled) -> dict[str, LogQuery]:
    middle = filled.start + (filled.end - filled.start) / 2
    number = filled.lines // 2 // 5
    request = f"018f0000-{number // 65536 % 65536:04x}-7{number % 4096:03x}-8000-{number:012x}"
    week = LogQuery(start=filled.end, range_seconds=-86_400)
    return {
        "newest page": week,
        "newest page of 500": replace(week, limit=500),
        "request id": replace(week, request_id=request, start=middle + timedelta(hours=1)),
        "request id that is not there": replace(week, request_id="018f0000-0000-7000-8000-ffffffffffff"),
        "model": replace(week, model_name="model-7"),
        "model and version": replace(week, model_name="model-7", version_name="v1", limit=500),
        "rare model": replace(week, model_name="rare"),
        "model that is not there": replace(week, model_name="never"),
        "system lines": replace(week, system=True, limit=500),
        "model, system lines": replace(week, model_name="model-0", system=True, limit=500),
        "a page three days ago": LogQuery(start=middle, range_seconds=-86_400),
        "a page forward from then": LogQuery(start=middle, range_seconds=86_400),
        "before the first line": LogQuery(start=filled.start - timedelta(days=1), range_seconds=-86_400),
    }


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What goes to SQLite within the block: about log lines."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM log_lines" in statement:
            seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def forget_pages(path: Path) -> None:
    """Drops the file from the machine's memory, so that the next read comes from the disk."""
    for file in path.parent.glob(path.name + "*"):
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


async def ask(filled: Filled, query: LogQuery) -> tuple[float, float, int, str]:
    """Milliseconds of the first call (a new connection, nothing in memory) and of the median call, lines, plan."""
    forget_pages(filled.path)
    database = Database(f"sqlite:///{filled.path}", SystemClock())
    logs = Logs(database, SystemClock())
    times: list[float] = []
    with statements() as seen:
        for _ in range(REPEATS):
            begun = time.perf_counter()
            found = await logs.find(filled.actor, filled.project.name, query)
            times.append((time.perf_counter() - begun) * 1000)
    await database.close()
    with closing(sqlite3.connect(filled.path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {seen[-1][0]}", seen[-1][1]).fetchall()
    plan = "; ".join(row[3].removeprefix("SEARCH log_lines USING ") for row in rows)
    return times[0], statistics.median(times[1:]), len(found), plan


async def page_through(filled: Filled, pages: int = 200) -> tuple[float, float]:
    """Milliseconds of the median and of the slowest page on the way into the past, 500 lines each, by id."""
    database = Database(f"sqlite:///{filled.path}", SystemClock())
    logs = Logs(database, SystemClock())
    query = LogQuery(start=filled.end, range_seconds=-86_400, limit=500)
    times: list[float] = []
    for _ in range(pages):
        begun = time.perf_counter()
        found = await logs.find(filled.actor, filled.project.name, query)
        times.append((time.perf_counter() - begun) * 1000)
        query = replace(query, start_id=found[-1].id)
    await database.close()
    return statistics.median(times), max(times)


class Later(SystemClock):
    """The moment at which the first hours of the log are too old."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


async def expire(filled: Filled) -> tuple[int, float, float, float]:
    """Lines removed, seconds that took, and the median and slowest write of 100 lines beside it in milliseconds."""
    database = Database(f"sqlite:///{filled.path}", SystemClock())
    clock = Later(filled.end + timedelta(hours=EXPIRED_HOURS))
    objects = open_objects((filled.path.parent / "objects").as_uri())
    recorder = Recorder(database, SystemClock())
    begun = time.perf_counter()
    task = asyncio.create_task(Housekeeping(database, objects, clock).tidy())
    times: list[float] = []
    written = 0
    while not task.done():
        for _ in range(100):
            recorder.write(LogLine(filled.project.id, filled.end, "a line beside it", False, "model-1", "v1", new_id()))
        written += 100
        started = time.perf_counter()
        await recorder.flush()
        times.append((time.perf_counter() - started) * 1000)
    await task
    seconds = time.perf_counter() - begun
    async with database.read() as work:
        left = await work.of(LogLine, EVERYTHING).count()
    await database.close()
    return filled.lines + written - left, seconds, statistics.median(times), max(times)


async def measure(folder: Path, lines: int) -> None:
    end = datetime.now(UTC).replace(microsecond=0)
    filled = await fill(folder / "quinta.db", lines, end)
    size = filled.path.stat().st_size
    print(
        f"{lines:,} lines, {size / 2**20:,.0f} MiB, {size / lines:.0f} bytes a line, filled in {filled.seconds:.0f} s\n"
    )
    print("| question | lines | first, ms | median, ms | plan |\n| --- | --- | --- | --- | --- |")
    for name, query in questions(filled).items():
        first, median, count, plan = await ask(filled, query)
        print(f"| {name} | {count} | {first:.1f} | {median:.1f} | {plan} |", flush=True)
    median, slowest = await page_through(filled)
    print(f"\n200 pages of 500 lines by id: median {median:.1f} ms, slowest {slowest:.1f} ms")
    removed, seconds, median, slowest = await expire(filled)
    print(f"{removed:,} lines expired in {seconds:.1f} s; writes of 100 lines beside it: median {median:.1f} ms, "
          f"slowest {slowest:.1f} ms")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quinta-logs-", dir=arguments.folder) as name:
        needed = arguments.lines * 600
        if shutil.disk_usage(name).free < 2 * needed:
            sys.exit(f"{needed / 2**30:.1f} GiB are needed, and as much again is left free: name another --folder")
        asyncio.run(measure(Path(name), arguments.lines))


if __name__ == "__main__":
    main()
