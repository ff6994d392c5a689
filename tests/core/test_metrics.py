"""Metrics on both databases: against a reference in plain Python, and what is refused beside what is answered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.observation.intervals import Interval
from quinta.core.observation.metrics import MOST_BUCKETS, Bucket, MetricQuery, Metrics
from quinta.core.observation.model import MetricPoint
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.metering import add_user, new_tenant, record

START = datetime(2024, 1, 30, 22, 58, tzinfo=UTC)  # a day, a month and a leap day are near
SPANS = {
    Interval.MINUTE: timedelta(minutes=90),
    Interval.FIVE_MINUTES: timedelta(minutes=400),
    Interval.HOUR: timedelta(hours=30),
    Interval.DAY: timedelta(days=3),
    Interval.MONTH: timedelta(days=62),
}
RECORDED = (
    "requests",
    "failed_requests",
    "input_volume",
    "output_volume",
    "outputs",
    "compute_seconds",
    "gb_seconds",
    "instance_seconds",
    "active_time",
)
MEANS = ("compute", "instances")
SUMS = ("requests", "input_volume", "output_volume", "outputs", "gb_seconds", "active_time")
MOMENTS = st.integers(-120, 62 * 1440).map(lambda minutes: START + timedelta(minutes=minutes))
# Eighths add up without rounding, in any order.
POINTS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(RECORDED), MOMENTS, st.integers(1, 4000).map(lambda n: n / 8)),
    max_size=40,
)


def floor(moment: datetime, interval: Interval) -> str:
    """A text that all moments of one interval share."""
    if interval is Interval.FIVE_MINUTES:
        return f"{moment.isoformat()[:13]}/{moment.minute // 5}"
    return moment.isoformat()[: {"minute": 16, "hour": 13, "day": 10, "month": 7}[interval]]


def expected(points: list[MetricPoint], metric: str, bucket: Bucket, interval: Interval) -> float:
    sums: defaultdict[str, float] = defaultdict(float)
    for point in points:
        if floor(point.time, interval) == floor(bucket.start, interval):
            sums[point.metric] += point.value
    if metric == "instances":
        return sums["instance_seconds"] / (bucket.end - bucket.start).total_seconds()
    if metric == "compute":
        completed = sums["requests"] - sums["failed_requests"]
        return sums["compute_seconds"] / completed if completed > 0 else 0
    return sums[metric]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    drawn=POINTS,
    metric=st.sampled_from(SUMS + MEANS),
    interval=st.sampled_from(list(Interval)),
    start=MOMENTS.map(lambda moment: moment + timedelta(seconds=17)),
    one=st.booleans(),
)
async def test_as_plain_python_counts(
    database: Database,
    drawn: list[tuple[int, str, datetime, float]],
    metric: str,
    interval: Interval,
    start: datetime,
    one: bool,
) -> None:
    tenant, actor = await new_tenant(database)
    ids = (tenant.version.id, new_id())  # the other one was deleted
    points = [MetricPoint(tenant.project.id, "model_version", ids[which], *rest) for which, *rest in drawn]  # type: ignore[arg-type]
    await record(database, points)
    await record(database, [replace(point, object_type="pipeline") for point in points])
    end = start + SPANS[interval]
    query = MetricQuery(metric, "model_version", start, end, interval, ids[0] if one else None)
    buckets = await Metrics(database).get(actor, tenant.project.name, query)
    assert buckets[0].start <= start < buckets[0].end
    assert buckets[-1].start < end <= buckets[-1].end
    assert all(before.end == after.start for before, after in pairwise(buckets))
    asked = [point for point in points if not one or point.object_id == ids[0]]
    assert [bucket.value for bucket in buckets] == [expected(asked, metric, bucket, interval) for bucket in buckets]


async def test_another_projects_points_are_not_counted(database: Database) -> None:
    (one, actor), (other, _) = await new_tenant(database), await new_tenant(database)
    for tenant in (one, other):
        await record(database, [MetricPoint(tenant.project.id, "connector", "c", "volume", START, 3)])
    query = MetricQuery("volume", "connector", START, START + timedelta(minutes=1), Interval.MONTH)
    assert [bucket.value for bucket in await Metrics(database).get(actor, one.project.name, query)] == [3]


async def test_who_may_ask(database: Database) -> None:
    tenant, administrator = await new_tenant(database)
    query = MetricQuery("requests", "model_version", START, START + timedelta(hours=1))
    metrics = Metrics(database)
    assert len(await metrics.get(administrator, tenant.project.name, query)) == 2
    member = await add_user(database, tenant, is_admin=False)
    with pytest.raises(NotPermitted, match=r"models\.versions\.metrics\.get"):
        await metrics.get(member, tenant.project.name, query)
    with pytest.raises(NotFound, match="no project named"):
        await metrics.get(await add_user(database), tenant.project.name, query)


GOOD = MetricQuery("requests", "model_version", START, START + timedelta(hours=1), Interval.MINUTE)
LONG = START + timedelta(minutes=MOST_BUCKETS)


@pytest.mark.parametrize(
    ("bad", "good", "field"),
    [
        (replace(GOOD, metric="volume"), replace(GOOD, object_type="connector", metric="volume"), "metric"),
        (replace(GOOD, metric="compute_seconds"), replace(GOOD, metric="compute"), "metric"),
        (replace(GOOD, object_type="model"), replace(GOOD, object_type="pipeline"), "object_type"),
        (replace(GOOD, end=START - timedelta(microseconds=1)), replace(GOOD, end=START), "end_time"),
        (replace(GOOD, end=LONG + timedelta(microseconds=1)), replace(GOOD, end=LONG), "interval"),
    ],
)
async def test_what_cannot_be_asked(database: Database, bad: MetricQuery, good: MetricQuery, field: str) -> None:
    tenant, actor = await new_tenant(database)
    with pytest.raises(InvalidInput) as refusal:
        await Metrics(database).get(actor, tenant.project.name, bad)
    assert refusal.value.field == field
    await Metrics(database).get(actor, tenant.project.name, good)


async def test_an_object_must_be_one_of_the_project(database: Database) -> None:
    (tenant, actor), (other, _) = await new_tenant(database), await new_tenant(database)
    metrics = Metrics(database)
    assert await metrics.get(actor, tenant.project.name, replace(GOOD, object_id=tenant.version.id))
    for object_id in (other.version.id, new_id()):
        with pytest.raises(NotFound, match=f"no model_version with the id '{object_id}'"):
            await metrics.get(actor, tenant.project.name, replace(GOOD, object_id=object_id))
    with pytest.raises(NotFound, match="no pipeline with the id"):
        await metrics.get(
            actor, tenant.project.name, replace(GOOD, object_type="pipeline", object_id=tenant.version.id)
        )
