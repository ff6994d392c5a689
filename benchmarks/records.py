"""What a search among 100,000 data records costs on SQLite: ``python -m benchmarks.records``.

Fills a database in a temporary folder, asks through the use case (core.files.records) as a member of groups that hold
all records, as a member of few, through the public portal and as staff, and removes the folder. Each answer has the
count of all that match and a page of 100. What the processor took says what is left of the time where other work runs
beside. ``--records 10000`` is a quick look, ``--groups 200`` has groups share bits
(core.files.model.group_bit). Exits with 1 when a median is over the limit.
"""

from __future__ import annotations

import argparse
import asyncio
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

from quinta.core.access.model import Actor
from quinta.core.files.model import DataRecord, RecordGroup, fold, group_bits
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordQuery, Sort
from quinta.core.files.records import Portal, Records
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group, GroupLevel, GroupMember, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects

LIMIT_MILLISECONDS = 50.0
PAGE = 100
AT_A_TIME = 5_000
TEXT = """hippocampus cortex spikes raw processed local field potential mouse rat session probe silicon neuropixels
optogenetic behavior maze linear track sleep theta ripple tracking video intracellular Größe données"""
WORDS = TEXT.split()
PROTOCOLS = '[{"protocol": "nas", "path": "/data/lab/%06d", "is_public": false}, {"protocol": "globus", "path": "/%d"}]'

NAME, DESCRIPTION = RecordField.NAME, RecordField.DESCRIPTION


def where(field: RecordField, operator: Operator, *values: str | int | bool, negated: bool = False) -> Filter:
    return Filter(field, operator, values, negated)


QUESTIONS: dict[str, tuple[tuple[Filter, ...], tuple[Sort, ...]]] = {
    "no filter": ((), ()),
    "sort -name": ((), (Sort(NAME, descending=True),)),
    "sort id": ((), (Sort(RecordField.ID),)),
    "sort description": ((), (Sort(DESCRIPTION),)),
    "sort -is_public, name": ((), (Sort(RecordField.IS_PUBLIC, descending=True), Sort(NAME))),
    "name exact": ((where(NAME, Operator.EXACT, "record 050000 theta"),), ()),
    "name iexact": ((where(NAME, Operator.IEXACT, "RECORD 050000 THETA"),), ()),
    "name contains, few": ((where(NAME, Operator.CONTAINS, "05000"),), ()),
    "name icontains, all": ((where(NAME, Operator.ICONTAINS, "RECORD"),), ()),
    "name icontains, all, sort -name": ((where(NAME, Operator.ICONTAINS, "RECORD"),), (Sort(NAME, descending=True),)),
    "name icontains, none": ((where(NAME, Operator.ICONTAINS, "nowhere"),), ()),
    "name startswith": ((where(NAME, Operator.STARTSWITH, "record 09"),), ()),
    "name istartswith": ((where(NAME, Operator.ISTARTSWITH, "Record 09"),), ()),
    "name endswith": ((where(NAME, Operator.ENDSWITH, "theta"),), ()),
    "name iendswith": ((where(NAME, Operator.IENDSWITH, "THETA"),), ()),
    "name in": ((where(NAME, Operator.IN, "record 000001 theta", "record 000002 sleep", "other"),), ()),
    "name gt": ((where(NAME, Operator.GT, "record 05"),), ()),
    "name lt": ((where(NAME, Operator.LT, "record 05"),), ()),
    "name range": ((where(NAME, Operator.RANGE, "record 02", "record 08"),), ()),
    "not name icontains": ((where(NAME, Operator.ICONTAINS, "THETA", negated=True),), ()),
    "id exact": ((where(RecordField.ID, Operator.EXACT, "00000000-0000-4000-8000-000000000000"),), ()),
    "id startswith": ((where(RecordField.ID, Operator.STARTSWITH, "a"),), ()),
    "description icontains, few": ((where(DESCRIPTION, Operator.ICONTAINS, "NUMBER 5000"),), ()),
    "description icontains, a tenth": ((where(DESCRIPTION, Operator.ICONTAINS, "THETA"),), ()),
    "description icontains, all": ((where(DESCRIPTION, Operator.ICONTAINS, "NUMBER"),), ()),
    "description icontains, none": ((where(DESCRIPTION, Operator.ICONTAINS, "nowhere"),), ()),
    "description contains, none": ((where(DESCRIPTION, Operator.CONTAINS, "nowhere"),), ()),
    "description icontains, sort -description": (
        (where(DESCRIPTION, Operator.ICONTAINS, "THETA"),),
        (Sort(DESCRIPTION, descending=True),),
    ),
    "description icontains, all, sort id": (
        (where(DESCRIPTION, Operator.ICONTAINS, "NUMBER"),),
        (Sort(RecordField.ID),),
    ),
    "description iendswith": ((where(DESCRIPTION, Operator.IENDSWITH, "7"),), ()),
    "description gt": ((where(DESCRIPTION, Operator.GT, "m"),), ()),
    "description isnull": ((where(DESCRIPTION, Operator.ISNULL, False),), ()),
    "is_public": ((where(RecordField.IS_PUBLIC, Operator.EXACT, True),), ()),
    "not is_public": ((where(RecordField.IS_PUBLIC, Operator.EXACT, True, negated=True),), ()),
    "group": ((where(RecordField.GROUPS, Operator.EXACT, 8),), ()),
    "not group": ((where(RecordField.GROUPS, Operator.EXACT, 8, negated=True),), ()),
    "groups in": ((where(RecordField.GROUPS, Operator.IN, 8, 9, 10),), ()),
    "groups gt": ((where(RecordField.GROUPS, Operator.GT, 25),), ()),
    "four at once": (
        (
            where(NAME, Operator.ICONTAINS, "RECORD"),
            where(DESCRIPTION, Operator.ICONTAINS, "THETA"),
            where(RecordField.IS_PUBLIC, Operator.EXACT, False),
            where(RecordField.GROUPS, Operator.EXACT, 8, negated=True),
        ),
        (),
    ),
    "four at once, sort -name": (
        (
            where(NAME, Operator.ICONTAINS, "RECORD"),
            where(DESCRIPTION, Operator.ICONTAINS, "NUMBER"),
            where(RecordField.IS_PUBLIC, Operator.EXACT, False),
            where(RecordField.GROUPS, Operator.GT, 3),
        ),
        (Sort(NAME, descending=True),),
    ),
}


@dataclass(frozen=True)
class Viewer:
    name: str
    portal: Portal
    actor: Actor | None


async def fill(database: Database, count: int, groups: int) -> list[Viewer]:
    """``count`` records, each of one to three of the groups, a tenth of them public."""
    chance, now = random.Random(1), datetime.now(UTC)
    users = [
        User(new_id(), f"{name}@example.com", None, None, None, False, True, now) for name in ("all", "few", "staff")
    ]
    made = [Group(new_id(), number, f"group {number}", now) for number in range(1, groups + 1)]
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(*users)
        await work.of(Group, EVERYTHING).add(*made)
        places = [(users[0], made), (users[1], made[:2])]
        members = [GroupMember(new_id(), its.id, user.id, GroupLevel.MEMBER) for user, own in places for its in own]
        await work.of(GroupMember, EVERYTHING).add(*members)
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(count, start + AT_A_TIME))
        rows = [_record(number, chance.sample(made, chance.randint(1, 3)), chance, now) for number in numbers]
        async with database.begin() as work:
            await work.of(DataRecord, EVERYTHING).add(*[record for record, _ in rows])
            await work.of(RecordGroup, EVERYTHING).add(*[its for _, listed in rows for its in listed])
    everyone, few, staff = [Actor(user.id, user.email, user is users[2], "", None) for user in users]
    return [
        Viewer("all groups", Portal.PRIVATE, everyone),
        Viewer("two groups", Portal.PRIVATE, few),
        Viewer("public", Portal.PUBLIC, None),
        Viewer("staff", Portal.SUPER, staff),
    ]


def _record(
    number: int, groups: Sequence[Group], chance: random.Random, now: datetime
) -> tuple[DataRecord, list[RecordGroup]]:
    name = f"record {number:06} {chance.choice(WORDS)}"
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
        location="",
        folded_location="",
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
    print(
        f"\nThe slowest median is {worst:.1f} ms, {worst / LIMIT_MILLISECONDS:.2f} of {LIMIT_MILLISECONDS:.0f} ms;",
        end=" ",
    )
    print(f"the most of a processor {worst_processor:.1f} ms.")
    return worst <= LIMIT_MILLISECONDS


def machine() -> Iterator[str]:
    yield f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    yield f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield f"{datetime.now(UTC):%Y-%m-%d}"


async def run(count: int, groups: int, rounds: int, folder: Path) -> bool:
    clock = SystemClock()
    database = Database(f"sqlite:///{folder / 'quinta.db'}", clock)
    await database.start()
    try:
        viewers = await fill(database, count, groups)
        size = (folder / "quinta.db").stat().st_size / 1_000_000
        facts = f"{count:,} records of {groups} groups ({size:.0f} MB), pages of {PAGE}, medians of {rounds}"
        print(f"{facts}; {'; '.join(machine())}")
        objects = open_objects((folder / "objects").as_uri())
        return await measure(Records(database, clock, objects), viewers, rounds)
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
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
