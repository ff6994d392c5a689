"""Means of processor and memory over instances and time, on both databases: against a reference in plain Python."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest

from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.observation.intervals import Interval, start_of
from quinta.core.observation.model import MetricPoint
from quinta.core.observation.release_metrics import MOST_POINTS, Mean, ReleaseMeans, ReleaseMetricQuery, ReleaseMetrics
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.clocks import NOON, SteppedClock
from tests.core.metering import add_user, new_tenant, record
from tests.storage.rows import Tenant

METRICS = ("processor_seconds", "memory_megabyte_seconds", "sampled_seconds")


def random_points(tenant: Tenant, chance: Random, count: int) -> list[MetricPoint]:
    """Of two versions, within two days before noon; eighths add up without rounding."""
    points = []
    for version in (tenant.version.id, new_id()):
        for _ in range(count):
            minute = NOON - timedelta(minutes=chance.randrange(chance.choice((30, 2880))))
            points += [
                MetricPoint(tenant.project.id, "model_version", version, metric, minute, chance.randrange(1, 400) / 8)
                for metric in METRICS
            ]
    return points


def reckoned(points: list[MetricPoint], interval: Interval, start: datetime, end: datetime) -> ReleaseMeans:
    sums: defaultdict[datetime, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for point in points:
        bucket = start_of(point.time, interval)
        if start_of(start, interval) <= bucket < end:
            sums[bucket][point.metric] += point.value
    cpu = (Mean(at, round(100 * sums[at]["processor_seconds"] / sums[at]["sampled_seconds"], 2)) for at in sorted(sums))
    memory = (
        Mean(at, round(sums[at]["memory_megabyte_seconds"] / sums[at]["sampled_seconds"], 2)) for at in sorted(sums)
    )
    return ReleaseMeans(tuple(cpu), tuple(memory))


async def test_as_plain_python_reckons(database: Database) -> None:
    (tenant, actor), (other, _) = await new_tenant(database), await new_tenant(database)
    chance = Random(5)
    points = random_points(tenant, chance, 60)
    await record(database, points)
    await record(database, random_points(other, chance, 5))
    await record(database, [replace(point, object_type="pipeline") for point in points])
    metrics = ReleaseMetrics(database, SteppedClock())
    for span, chosen in (
        (timedelta(hours=1), Interval.MINUTE),
        (timedelta(hours=6), Interval.MINUTE),
        (timedelta(hours=6, seconds=1), Interval.FIVE_MINUTES),
        (timedelta(days=3), Interval.FIVE_MINUTES),
        (timedelta(days=4), Interval.HOUR),
    ):
        start = NOON - span
        found = await metrics.get(actor, tenant.project.id, ReleaseMetricQuery(start))
        assert found == reckoned(points, chosen, start, NOON)
        assert found.cpu
        for interval in (Interval.MINUTE, Interval.FIVE_MINUTES, Interval.HOUR):
            query = ReleaseMetricQuery(start + timedelta(seconds=17), NOON - timedelta(minutes=7), interval)
            found = await metrics.get(actor, tenant.project.id, query)
            assert found == reckoned(points, interval, start, NOON - timedelta(minutes=7))
    lastly = await metrics.get(actor, tenant.project.id, ReleaseMetricQuery())
    assert lastly == reckoned(points, Interval.MINUTE, NOON - timedelta(hours=1), NOON)


async def test_a_busy_and_an_idle_instance_make_one_mean(database: Database) -> None:
    tenant, actor = await new_tenant(database)
    minute = NOON - timedelta(minutes=5)
    busy, idle = (30.0, 30 * 1024.0, 30.0), (0.0, 30 * 512.0, 30.0)
    for version_id, values in ((tenant.version.id, busy), (new_id(), idle)):
        points = [
            MetricPoint(tenant.project.id, "model_version", version_id, metric, minute, value)
            for metric, value in zip(METRICS, values, strict=True)
        ]
        await record(database, points)
    found = await ReleaseMetrics(database, SteppedClock()).get(actor, tenant.project.id, ReleaseMetricQuery())
    assert found == ReleaseMeans((Mean(minute, 50.0),), (Mean(minute, 768.0),))


async def test_nothing_measured_is_nothing_shown(database: Database) -> None:
    tenant, actor = await new_tenant(database)
    await record(database, [MetricPoint(tenant.project.id, "model_version", "v", "requests", NOON, 1)])
    metrics = ReleaseMetrics(database, SteppedClock(NOON + timedelta(minutes=1)))
    assert await metrics.get(actor, tenant.project.id, ReleaseMetricQuery()) == ReleaseMeans((), ())


async def test_who_may_ask(database: Database) -> None:
    tenant, administrator = await new_tenant(database)
    metrics, query = ReleaseMetrics(database, SteppedClock()), ReleaseMetricQuery()
    assert await metrics.get(administrator, tenant.project.id, query) == ReleaseMeans((), ())
    with pytest.raises(NotPermitted, match=r"models\.versions\.metrics\.get"):
        await metrics.get(await add_user(database, tenant, is_admin=False), tenant.project.id, query)
    with pytest.raises(NotFound, match="no such project"):
        await metrics.get(await add_user(database), tenant.project.id, query)


MOST = ReleaseMetricQuery(NOON - timedelta(minutes=MOST_POINTS), NOON, Interval.MINUTE)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (replace(MOST, start=NOON), "start_time"),
        (replace(MOST, end=MOST.start), "start_time"),
        (replace(MOST, interval=Interval.DAY), "interval"),
        (replace(MOST, end=NOON + timedelta(microseconds=1)), "interval"),
    ],
)
async def test_what_is_refused(database: Database, query: ReleaseMetricQuery, field: str) -> None:
    tenant, actor = await new_tenant(database)
    metrics = ReleaseMetrics(database, SteppedClock())
    assert await metrics.get(actor, tenant.project.id, MOST) == ReleaseMeans((), ())
    with pytest.raises(InvalidInput) as refused:
        await metrics.get(actor, tenant.project.id, query)
    assert refused.value.field == field
