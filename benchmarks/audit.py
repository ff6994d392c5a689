"""What the audit trail costs: ``python -m benchmarks.audit``.

Stores batch requests by the hundred and by the one (one event each time), with the trail and without it, in a temporary
folder, or in the empty database at ``--url``; then verifies a chain of ``--entries`` and tells the bytes of an entry.
The two ways take turns, since the mood of the disk changes by the minute.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quinta.core.events import Event, EventName
from quinta.core.models.model import Model, ModelVersion, ValueType, VersionStatus
from quinta.core.observation.audit import AuditTrail
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project, Subscription, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.session import Session
from quinta.storage.unit_of_work import SqlUnitOfWork

REQUESTS = 100
ROUNDS = 200


class WithoutTrail(Database):
    """Writes events and nothing else, as before there was a trail."""

    async def _tell(self, session: Session, unit: SqlUnitOfWork) -> list[int]:
        if not unit.events:
            return []
        await self._outbox.take_turn(session)
        return await self._outbox.write(session, unit.events, self._clock.now())


class Tenant:
    def __init__(self) -> None:
        now = SystemClock().now()
        self.plan = Subscription(new_id(), "plan", None, None, 7, None, None, "", "", False)
        self.organization = Organization(new_id(), "house", OrganizationStatus.ACTIVE, self.plan.id, None, now)
        self.project = Project(new_id(), self.organization.id, "project", now)
        self.user = User(new_id(), "ada@example.com", None, None, None, False, True, now)
        plain = ValueType.PLAIN
        self.model = Model(new_id(), self.project.id, "double", "", plain, plain, (), (), now, now)
        available = VersionStatus.AVAILABLE
        limits = (256, 0, 5, 300)
        self.version = ModelVersion(
            new_id(), self.project.id, self.model.id, "v1", "", "python3.11", available, "", *limits, now, now, now
        )

    async def add(self, database: Database) -> None:
        async with database.begin() as work:
            for item in (self.plan, self.organization, self.project, self.user, self.model, self.version):
                await work.of(type(item), EVERYTHING).add(item)


async def batch(database: Database, tenant: Tenant, count: int) -> float:
    """The seconds of one transaction that makes requests, from its beginning to its end."""
    now = database._clock.now()
    waiting = (RequestStatus.PENDING, '{"x": 1}', None, None, None, now, now)
    requests = [Request(new_id(), tenant.project.id, tenant.version.id, *waiting) for _ in range(count)]
    began = time.perf_counter()
    async with database.begin() as work:
        await work.of(Request, EVERYTHING).add(*requests)
        work.emit(Event(EventName.REQUESTS_CREATED, tenant.version.id, (), tenant.user.id, tenant.project.id))
    return time.perf_counter() - began


async def compare(ways: Sequence[Database], tenant: Tenant, count: int) -> None:
    seconds: list[list[float]] = [[], []]
    for turn in range(ROUNDS + 10):
        for way, database in enumerate(ways):
            took = await batch(database, tenant, count)
            if turn >= 10:
                seconds[way].append(took)
    without, with_it = (statistics.median(each) * 1e3 for each in seconds)
    print(f"a transaction of {count} requests: {without:.2f} ms without, {with_it:.2f} ms with the trail (medians)")


async def fill(database: Database, tenant: Tenant, entries: int) -> None:
    for _ in range(entries // 1000):
        async with database.begin() as work:
            for _ in range(1000):
                work.emit(Event(EventName.REQUESTS_CREATED, tenant.version.id, (), tenant.user.id, tenant.project.id))
        await database.purge_events(database._clock.now())


async def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quinta.db"
        url = arguments.url or f"sqlite:///{path}"
        ways = [WithoutTrail(url, SystemClock()), Database(url, SystemClock())]
        for database in ways:
            await database.start()
        tenant = Tenant()
        await tenant.add(ways[1])
        for count in (REQUESTS, 1):
            await compare(ways, tenant, count)
        before = path.stat().st_size if not arguments.url else 0
        began = time.perf_counter()
        await fill(ways[1], tenant, arguments.entries)
        print(f"{arguments.entries} entries, 1,000 a transaction: {time.perf_counter() - began:.1f} s")
        for database in ways:
            await database.close()
        if not arguments.url:
            print(f"{(path.stat().st_size - before) / arguments.entries:.0f} bytes an entry")
        await verify(url)


async def verify(url: str) -> None:
    database = Database(url, SystemClock())
    await database.start()
    began = time.perf_counter()
    found: Any = await AuditTrail(database).verify()
    print(f"verified {found.entries} entries in {time.perf_counter() - began:.1f} s; fault: {found.fault}")
    await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--url", help="an empty PostgreSQL database")
    asyncio.run(main(parser.parse_args()))
