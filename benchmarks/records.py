"""What a search among 100,000 data records costs on SQLite: ``python -m benchmarks.records``.

Fills a database in a temporary folder, asks through the use case (core.files.records) as a member of groups that hold
all records, of two and of one, through the public portal and as staff, then a server with this database over HTTP, and
removes the folder. Each answer has the count of all that match and a page of 100. What the processor took says what is
left of the time where other work runs beside. ``--records 10000`` is a quick look, ``--groups 200`` has groups share
bits (core.files.model.group_bit). Exits with 1 when a median is over the limit. Adding has no limit.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import platform
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from benchmarks.record_questions import QUESTIONS, REQUESTS
from script.local_server import HOST, LocalServer

from quinta.core.access.model import Actor
from quinta.core.files.model import DataRecord, RecordGroup, fold, group_bits
from quinta.core.files.record_query import RecordQuery
from quinta.core.files.records import NewRecord, Portal, Records
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group, GroupLevel, GroupMember, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects

LIMIT_MILLISECONDS = 50.0
PAGE = 100
AT_A_TIME = 5_000
ADDED = 100
TEXT = """hippocampus cortex spikes raw processed local field potential mouse rat session probe silicon neuropixels
optogenetic behavior maze linear track sleep theta ripple tracking video intracellular Größe données"""
WORDS = TEXT.split()
PROTOCOLS = '[{"protocol": "nas", "path": "/data/lab/%06d", "is_public": false}, {"protocol": "globus", "path": "/%d"}]'


@dataclass(frozen=True)
class Viewer:
    name: str
    portal: Portal
    actor: Actor | None


async def fill(database: Database, count: int, groups: int) -> list[Viewer]:
    """``count`` records, each of one to three of the groups, a tenth of them public."""
    chance, now = random.Random(1), datetime.now(UTC)
    users = [
        User(new_id(), f"{name}@example.com", None, None, None, False, True, now)
        for name in ("all", "two", "one", "staff")
    ]
    made = [Group(new_id(), number, f"group {number}", now) for number in range(1, groups + 1)]
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(*users)
        await work.of(Group, EVERYTHING).add(*made)
        places = [(users[0], made), (users[1], made[:2]), (users[2], made[:1])]
        members = [GroupMember(new_id(), its.id, user.id, GroupLevel.MEMBER) for user, own in places for its in own]
        await work.of(GroupMember, EVERYTHING).add(*members)
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(count, start + AT_A_TIME))
        rows = [_record(number, chance.sample(made, chance.randint(1, 3)), chance, now) for number in numbers]
        async with database.begin() as work:
            await work.of(DataRecord, EVERYTHING).add(*[record for record, _ in rows])
            await work.of(RecordGroup, EVERYTHING).add(*[its for _, listed in rows for its in listed])
    everyone, two, one, staff = [Actor(user.id, user.email, user is users[3], "", None) for user in users]
    return [
        Viewer("all groups", Portal.PRIVATE, everyone),
        Viewer("two groups", Portal.PRIVATE, two),
        Viewer("one group", Portal.PRIVATE, one),
        Viewer("public", Portal.PUBLIC, None),
        Viewer("staff", Portal.SUPER, staff),
    ]


def _record(
    number: int, groups: Sequence[Group], chance: random.Random, now: datetime
) -> tuple[DataRecord, list[RecordGroup]]:
    name = f"record {number:06} {chance.choice(WORDS)}"
    location = f"Room {number % 90}, shelf {number % 7}"
    description = f"{' '.join(chance.choices(WORDS, k=chance.randint(3, 20)))}, number {number}"
    record = DataRecord(
        id=new_id(),
        uuid=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        name=name,
        folded_name=fold(name),
        description=description,
        folded_description=fold(description),
        is_public=number % 10 == 0,
        organization='[{"elements": "Datasets"}, {"elements": "Subjects"}]',
        protocols=PROTOCOLS % (number, number),
        location=location,
        folded_location=fold(location),
        group_bits=group_bits(group.number for group in groups),
        created_by=None,
        created_at=now,
        updated_at=now,
    )
    return record, [RecordGroup(new_id(), record.id, group.id) for group in groups]


async def measure(records: Records, viewers: Sequence[Viewer], rounds: int) -> bool:
    """Prints the table; whether every median is within the limit."""
    print(
        f"\n| question | {' | '.join(f'{viewer.name}: ms (of the limit), processor, matches' for viewer in viewers)} |"
    )
    print(f"| --- |{' ---: |' * len(viewers)}")
    worst = worst_processor = 0.0
    for name, (filters, sort) in QUESTIONS.items():
        cells = []
        for viewer in viewers:
            query = RecordQuery(filters=filters, sort=sort, limit=PAGE)
            taken, processor = [], []
            for _ in range(rounds):
                started, used = time.perf_counter(), time.process_time()
                page = await records.find(viewer.actor, viewer.portal, query)
                taken.append((time.perf_counter() - started) * 1_000)
                processor.append((time.process_time() - used) * 1_000)
            median, typical = statistics.median(taken), statistics.median(processor)
            worst, worst_processor = max(worst, median), max(worst_processor, typical)
            cells.append(f"{median:.1f} ({median / LIMIT_MILLISECONDS:.2f}), {typical:.1f}, {page.total:,}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return _within(worst, worst_processor)


def _within(worst: float, processor: float) -> bool:
    share = worst / LIMIT_MILLISECONDS
    print(f"\nThe slowest median is {worst:.1f} ms, {share:.2f} of {LIMIT_MILLISECONDS:.0f} ms;", end=" ")
    print(f"the most of a processor {processor:.1f} ms.\n")
    return worst <= LIMIT_MILLISECONDS


async def write(records: Records, actor: Actor | None, count: int) -> None:
    """Prints what adding a record takes, one after the other, each on the disk before the next begins."""
    taken, processor = [], time.process_time()
    for number in range(count):
        new = NewRecord(f"added {number}", f"{' '.join(WORDS[:12])}, number {number}", groups=(1, 2), protocols="[]")
        started = time.perf_counter()
        await records.create(actor, Portal.PRIVATE, new)
        taken.append((time.perf_counter() - started) * 1_000)
    used = (time.process_time() - processor) / count * 1_000
    print(
        f"Adding a record: {statistics.median(taken):.1f} ms, {used:.1f} of a processor (median and mean of {count})."
    )


def measure_server(folder: Path, rounds: int) -> bool:
    """Prints what it costs over HTTP, with the check of the key and the JSON; whether all is within the limit."""
    server = LocalServer(folder)
    server.start()
    try:
        viewers = {"staff": ("super", {"Authorization": f"Bearer {server.token}"}), "public": ("public", {})}
        print(f"| request | {' | '.join(f'{name}: ms, processor' for name in viewers)} |")
        print(f"| --- |{' ---: |' * len(viewers)}")
        worst = worst_processor = 0.0
        for name, query in REQUESTS.items():
            cells = []
            for portal, headers in viewers.values():
                path = f"/api/{portal}/personal_attributes/data_repository/?{quote(query, safe='=&')}"
                median, typical = _ask(server, path, headers, rounds)
                worst, worst_processor = max(worst, median), max(worst_processor, typical)
                cells.append(f"{median:.1f}, {typical:.1f}")
            print(f"| `{name}` | {' | '.join(cells)} |", flush=True)
        return _within(worst, worst_processor)
    finally:
        server.stop()


def _ask(server: LocalServer, path: str, headers: dict[str, str], rounds: int) -> tuple[float, float]:
    """Medians of milliseconds, and of those that the server had of a processor."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    taken, processor = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), _processor_milliseconds(server.pid)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        answer = response.read()
        taken.append((time.perf_counter() - started) * 1_000)
        processor.append(_processor_milliseconds(server.pid) - used)
        if response.status != 200 or "count" not in json.loads(answer):
            raise SystemExit(f"{path} answered {response.status}: {answer[:200]!r}")
    connection.close()
    return statistics.median(taken), statistics.median(processor)


def _processor_milliseconds(pid: int | None) -> float:
    """What the threads of a process have had; in nanoseconds by the scheduler, where ticks would be 10 ms."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1_000_000


def machine() -> Iterator[str]:
    yield f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    yield f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield f"{datetime.now(UTC):%Y-%m-%d}"


async def run(count: int, groups: int, rounds: int, folder: Path) -> bool:
    clock = SystemClock()
    (folder / "data").mkdir()
    file = folder / "data" / "quinta.db"
    database = Database(f"sqlite:///{file}", clock)
    await database.start()
    try:
        viewers = await fill(database, count, groups)
        size = file.stat().st_size / 1_000_000
        facts = f"{count:,} records of {groups} groups ({size:.0f} MB), pages of {PAGE}, medians of {rounds}"
        print(f"{facts}; {'; '.join(machine())}")
        objects = open_objects((folder / "data" / "objects").as_uri())
        records = Records(database, clock, objects)
        within = await measure(records, viewers, rounds)
        await write(records, viewers[-1].actor, ADDED)
        return within
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        within = asyncio.run(run(given.records, given.groups, given.rounds, Path(folder)))
        within = measure_server(Path(folder), given.rounds) and within
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
