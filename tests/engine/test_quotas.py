"""The compute limit on both databases, with a clock that the tests set."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from quinta.core.events import Event, EventName
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project, Subscription
from quinta.engine.loops.quotas import Quotas
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.metering import StillClock, new_tenant, record
from tests.storage.rows import Tenant

LIMIT = 10_000  # what a tenant's plan allows
MONTH = datetime(2026, 2, 1, tzinfo=UTC)
NOW = MONTH + timedelta(days=12, hours=7)


@dataclass
class Lines:
    """A LogSink that keeps what it is given."""

    lines: list[LogLine] = field(default_factory=list)

    def write(self, line: LogLine) -> None:
        self.lines.append(line)

    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


async def use(database: Database, tenant: Tenant, gb_seconds: float, time: datetime = NOW) -> None:
    point = MetricPoint(tenant.project.id, "model_version", tenant.version.id, "gb_seconds", time, gb_seconds)
    await record(database, [point, replace(point, metric="requests"), replace(point, object_type="pipeline")])


async def status_of(database: Database, tenant: Tenant) -> OrganizationStatus:
    async with database.read() as work:
        organization = await work.of(Organization, EVERYTHING).get(id=tenant.organization.id)
    assert organization is not None
    return organization.status


async def set_status(database: Database, tenant: Tenant, status: OrganizationStatus) -> None:
    async with database.begin() as work:
        await work.of(Organization, EVERYTHING).change(tenant.organization.id, status=status)


async def set_limit(database: Database, tenant: Tenant, limit: int | None) -> None:
    async with database.begin() as work:
        await work.of(Subscription, EVERYTHING).change(tenant.subscription.id, gb_seconds=limit)


async def test_warned_once_then_suspended(database: Database) -> None:
    (tenant, _), (other, _) = await new_tenant(database), await new_tenant(database)
    lines = Lines()
    quotas = Quotas(database, lines, StillClock(NOW))
    await use(database, tenant, LIMIT * 0.75 - 0.5, MONTH)
    await quotas.check()
    assert (await status_of(database, tenant), lines.lines) == (OrganizationStatus.ACTIVE, [])

    await use(database, tenant, 0.5)
    await quotas.check()
    await quotas.check()
    (line,) = lines.lines
    assert (line.project_id, line.system, line.time) == (tenant.project.id, True, NOW)
    assert "has used 7500 of the 10000 GB-seconds (75 %)" in line.text
    await Quotas(database, lines, StillClock(NOW)).check()  # another server, or this one after a restart
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.ACTIVE, 1)

    await use(database, tenant, LIMIT * 0.25 - 0.5)
    await quotas.check()
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.ACTIVE, 1)
    await use(database, tenant, 0.5)
    await quotas.check()
    await quotas.check()
    assert await status_of(database, tenant) is OrganizationStatus.SUSPENDED
    assert "it is suspended and runs no requests until next month" in lines.texts()[1]
    assert len(lines.lines) == 2
    assert await status_of(database, other) is OrganizationStatus.ACTIVE


async def test_a_new_month_resumes(database: Database) -> None:
    tenant, _ = await new_tenant(database)
    clock, lines = StillClock(NOW), Lines()
    quotas = Quotas(database, lines, clock)
    await use(database, tenant, LIMIT * 2)
    await quotas.check()
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.SUSPENDED, 1)
    clock.moment = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    await quotas.check()
    assert await status_of(database, tenant) is OrganizationStatus.SUSPENDED
    clock.moment = datetime(2026, 3, 1, tzinfo=UTC)
    await quotas.check()
    assert await status_of(database, tenant) is OrganizationStatus.ACTIVE
    await use(database, tenant, LIMIT * 0.8, clock.moment)
    await quotas.check()
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.ACTIVE, 2)


@pytest.mark.parametrize("limit", [LIMIT * 4, None])
async def test_a_plan_that_allows_more_resumes(database: Database, limit: int | None) -> None:
    tenant, _ = await new_tenant(database)
    lines = Lines()
    quotas = Quotas(database, lines, StillClock(NOW))
    await use(database, tenant, LIMIT)
    await quotas.check()
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.SUSPENDED, 1)
    await set_limit(database, tenant, LIMIT + 1)
    await quotas.check()
    assert await status_of(database, tenant) is OrganizationStatus.ACTIVE
    assert ["at 100 %" in text for text in lines.texts()] == [False, True]  # near the new limit as well
    await set_limit(database, tenant, LIMIT)
    await quotas.check()
    assert await status_of(database, tenant) is OrganizationStatus.SUSPENDED
    await set_limit(database, tenant, limit)
    await quotas.check()
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.ACTIVE, 2)


async def test_all_projects_count_deleted_ones_too(database: Database) -> None:
    tenant, _ = await new_tenant(database)
    second = Project(new_id(), tenant.organization.id, f"{tenant.project.name}-2", NOW)
    async with database.begin() as work:
        await work.of(Project, EVERYTHING).add(second)
    await use(database, tenant, LIMIT * 0.5)
    await use(database, replace(tenant, project=second), LIMIT * 0.3)
    lines = Lines()
    quotas = Quotas(database, lines, StillClock(NOW))
    await quotas.check()
    assert {line.project_id for line in lines.lines} == {tenant.project.id, second.id}
    await use(database, replace(tenant, project=second), LIMIT * 0.2)
    async with database.begin() as work:
        await work.of(Project, in_organization(tenant.organization.id)).remove(id=second.id)
    await quotas.check()
    assert await status_of(database, tenant) is OrganizationStatus.SUSPENDED


async def test_a_cancelled_organization_stays_so(database: Database) -> None:
    tenant, _ = await new_tenant(database)
    quotas = Quotas(database, Lines(), StillClock(NOW))
    await set_status(database, tenant, OrganizationStatus.CANCELLED)
    for gb_seconds in (0, LIMIT):
        await use(database, tenant, gb_seconds)
        await quotas.check()
        assert await status_of(database, tenant) is OrganizationStatus.CANCELLED


async def test_several_servers_say_it_once(database: Database) -> None:
    tenant, _ = await new_tenant(database)
    await use(database, tenant, LIMIT)
    lines = Lines()
    await asyncio.gather(*(Quotas(database, lines, StillClock(NOW)).check() for _ in range(4)))
    assert (await status_of(database, tenant), len(lines.lines)) == (OrganizationStatus.SUSPENDED, 1)


@pytest.mark.parametrize("news", [EventName.ORGANIZATION_CHANGED, EventName.SUBSCRIPTION_CHANGED])
async def test_a_change_is_heard_and_wakes_the_loop(database: Database, news: EventName) -> None:
    """The loop's own change, and then one by somebody else, long before the next round."""
    tenant, _ = await new_tenant(database)
    changed = Event(EventName.ORGANIZATION_CHANGED, tenant.organization.id, (f"organization:{tenant.organization.id}",))
    await use(database, tenant, LIMIT)
    heard: asyncio.Queue[Event] = asyncio.Queue()
    database.subscribe(heard.put_nowait)
    running = asyncio.create_task(Quotas(database, Lines(), StillClock(NOW)).run())
    try:
        async with asyncio.timeout(20):
            assert await heard.get() == changed
            assert await status_of(database, tenant) is OrganizationStatus.SUSPENDED
            async with database.begin() as work:
                await work.of(Subscription, EVERYTHING).change(tenant.subscription.id, gb_seconds=LIMIT * 2)
                work.emit(replace(changed, name=news))
            assert [await heard.get(), await heard.get()] == [replace(changed, name=news), changed]
            assert await status_of(database, tenant) is OrganizationStatus.ACTIVE
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
