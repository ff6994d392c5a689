"""How long the queues are, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quinta.core.models.model import Build
from quinta.core.observation.queues import Queue, QueueName
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.storage.database import Database
from tests.storage.rows import add_requests, add_tenant


async def queue(database: Database, name: QueueName, now: datetime) -> Queue:
    async with database.read() as work:
        (found,) = [queue for queue in await work.queues(now) if queue.name is name]
    return found


async def test_empty_queues_are_there(database: Database) -> None:
    async with database.read() as work:
        found = await work.queues(datetime.now(UTC))
    assert {queue.name for queue in found} == set(QueueName)
    assert [queue for queue in found if queue != Queue(queue.name, 0, 0)] == []


async def test_waiting_held_and_lapsed_requests_are_counted(database: Database) -> None:
    first, second = await add_tenant(database, "first"), await add_tenant(database, "second")
    before = datetime.now(UTC) - timedelta(seconds=1)
    await add_requests(database, first, 3)
    await add_requests(database, second, 1)
    now = datetime.now(UTC)
    found = await queue(database, QueueName.BATCH_REQUESTS, now)
    assert (found.waiting, found.working, found.lapsed, found.held_since) == (4, 0, 0, None)
    assert found.waiting_by_version == {first.version.id: 3, second.version.id: 1}
    assert found.oldest is not None
    assert before < found.oldest <= now
    async with database.begin() as work:
        lease = {"waiting": RequestStatus.PENDING, "working": RequestStatus.PROCESSING, "token": "t", "now": now}
        await work.claim(Request, **lease, until=now + timedelta(seconds=30), limit=2, version_id=first.version.id)
    found = await queue(database, QueueName.BATCH_REQUESTS, now)
    assert (found.waiting, found.working, found.lapsed, found.held_since) == (2, 2, 0, now)
    assert (await queue(database, QueueName.BATCH_REQUESTS, now + timedelta(seconds=30))).lapsed == 2
    async with database.begin() as work:
        await work.of(Request, EVERYTHING).remove(version_id=[first.version.id, second.version.id])
    assert await queue(database, QueueName.BATCH_REQUESTS, now) == Queue(QueueName.BATCH_REQUESTS, 0, 0)


async def test_builds_are_counted(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as work:
        await work.of(Build, EVERYTHING).add(tenant.build())
    found = await queue(database, QueueName.BUILDS, datetime.now(UTC))
    assert (found.waiting, found.working, found.waiting_by_version) == (1, 0, {})
