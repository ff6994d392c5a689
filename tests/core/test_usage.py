"""Usage on both databases: months and days, whole organizations, and what stays when things are deleted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.errors import NotFound, NotPermitted
from quinta.core.observation.model import MetricPoint
from quinta.core.observation.usage import Usage
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.metering import StillClock, add_user, new_tenant, record

NOW = datetime(2020, 7, 30, 12, 30, tzinfo=UTC)
BILLED = [
    *(("model_version", metric) for metric in ("gb_seconds", "requests", "input_volume", "output_volume")),
    *(("pipeline", metric) for metric in ("requests", "input_volume")),
    *(("connector", metric) for metric in ("requests", "volume")),
]
KINDS = [*BILLED, ("model_version", "instance_seconds"), ("pipeline", "volume")]
POINTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(KINDS),
        st.integers(0, 420 * 1440).map(lambda minutes: NOW - timedelta(minutes=minutes)),
        st.integers(1, 4000).map(lambda n: n / 8),
    ),
    max_size=40,
)


def months() -> list[datetime]:
    return [datetime(2019, month, 1, tzinfo=UTC) for month in range(7, 13)] + [
        datetime(2020, month, 1, tzinfo=UTC) for month in range(1, 8)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(drawn=POINTS)
async def test_as_plain_python_counts(
    database: Database, drawn: list[tuple[int, tuple[str, str], datetime, float]]
) -> None:
    """Two projects of one organization, both shown by it and each by itself."""
    tenant, actor = await new_tenant(database)
    second = Project(new_id(), tenant.organization.id, f"{tenant.project.name}-2", NOW)
    async with database.begin() as work:
        await work.of(Project, EVERYTHING).add(second)
    projects = (tenant.project, second)
    await record(
        database,
        [
            MetricPoint(projects[which].id, kind, new_id(), metric, time, value)
            for which, (kind, metric), time, value in drawn
        ],
    )
    usage = Usage(database, StillClock(NOW))

    def wanted(which: tuple[int, ...]) -> list[tuple[str, str, list[tuple[datetime, float]]]]:
        series = []
        for kind in BILLED:
            seen = [(time, value) for number, its_kind, time, value in drawn if number in which and its_kind == kind]
            seen = [(time, value) for time, value in seen if time >= months()[0]]
            if seen:
                values = [
                    (month, sum(value for time, value in seen if (time.year, time.month) == (month.year, month.month)))
                    for month in months()
                ]
                series.append((*kind, values))
        return series

    found = await usage.of_organization(actor, tenant.organization.name, None)
    assert [(item.object_type, item.metric, list(item.values)) for item in found] == wanted((0, 1))
    for number, project in enumerate(projects):
        found = await usage.of_project(actor, project.name, None)
        assert [(item.object_type, item.metric, list(item.values)) for item in found] == wanted((number,))

    days = await usage.of_days(actor, tenant.organization.name, date(2020, 2, 1))
    for item in days:
        of_day: dict[datetime, float] = {}
        for _, kind, time, value in drawn:
            if kind == (item.object_type, item.metric) and (time.year, time.month) == (2020, 2):
                day = time.replace(hour=0, minute=0)
                of_day[day] = of_day.get(day, 0) + value
        assert list(item.values) == sorted(of_day.items())
    february = {kind for _, kind, time, _ in drawn if (time.year, time.month) == (2020, 2)}
    assert [(item.object_type, item.metric) for item in days] == [kind for kind in BILLED if kind in february]


async def test_windows(database: Database) -> None:
    tenant, actor = await new_tenant(database)
    times = (NOW, NOW - timedelta(days=31), datetime(2020, 7, 1, tzinfo=UTC))
    await record(database, [MetricPoint(tenant.project.id, "connector", "c", "volume", time, 1) for time in times])
    usage = Usage(database, StillClock(NOW))

    async def project(first: date | None) -> list[tuple[datetime, float]]:
        return [pair for item in await usage.of_project(actor, tenant.project.name, first) for pair in item.values]

    assert [month for month, _ in await project(None)] == months()
    assert await project(date(2020, 6, 1)) == [(months()[-2], 1), (months()[-1], 2)]
    assert await project(date(2020, 7, 1)) == [(months()[-1], 2)]
    assert await project(date(2020, 8, 1)) == []
    (item,) = await usage.of_days(actor, tenant.organization.name, None)
    assert list(item.values) == [(datetime(2020, 7, day, tzinfo=UTC), 1) for day in (1, 30)]
    (item,) = await usage.of_days(actor, tenant.organization.name, date(2020, 6, 1))
    assert list(item.values) == [(datetime(2020, 6, 29, tzinfo=UTC), 1)]
    assert await usage.of_days(actor, tenant.organization.name, date(2020, 5, 1)) == []


async def test_what_a_deleted_project_used_is_the_organizations(database: Database) -> None:
    tenant, actor = await new_tenant(database)
    await record(database, [MetricPoint(tenant.project.id, "connector", "c", "volume", NOW, 5)])
    usage = Usage(database, StillClock(NOW))
    before = await usage.of_organization(actor, tenant.organization.name, None)
    async with database.begin() as work:
        await work.of(Project, EVERYTHING).remove(id=tenant.project.id)
    assert await usage.of_organization(actor, tenant.organization.name, None) == before != []
    with pytest.raises(NotFound):
        await usage.of_project(actor, tenant.project.name, None)


async def test_who_may_ask(database: Database) -> None:
    tenant, administrator = await new_tenant(database)
    member, stranger = await add_user(database, tenant, is_admin=False), await add_user(database)
    usage = Usage(database, StillClock(NOW))
    for ask, name in (
        (usage.of_project, tenant.project.name),
        (usage.of_organization, tenant.organization.name),
        (usage.of_days, tenant.organization.name),
    ):
        assert await ask(administrator, name, None) == []
        with pytest.raises(NotPermitted):
            await ask(member, name, None)
        with pytest.raises(NotFound):
            await ask(stranger, name, None)
