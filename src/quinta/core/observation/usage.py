"""What projects and organizations have used, for bills: per month, and per day of one month (contract ubiops 9.4).

Usage is of types of objects, so it stays when an object is deleted; an organization's also when a project is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from quinta.core.access.decide import organization_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.observation.intervals import Interval, next_start, start_of, starts
from quinta.core.observation.metrics import MeteredType
from quinta.core.observation.model import MetricPoint
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import Scope, in_organization, in_project
from quinta.kit.clock import Clock

_BILLED = [
    (MeteredType.MODEL_VERSION, ("gb_seconds", "requests", "input_volume", "output_volume")),
    (MeteredType.PIPELINE, ("requests", "input_volume")),
    (MeteredType.CONNECTOR, ("requests", "volume")),
]


@dataclass(frozen=True, slots=True)
class UsageSeries:
    """One metric of all objects of a type: the start of each month or day with the sum, oldest first."""

    object_type: MeteredType
    metric: str
    values: tuple[tuple[datetime, float], ...]


_Sums = dict[tuple[str, str], dict[datetime, float]]  # by object type and metric, then by month or day


class Usage:
    """Use cases: reading. Series without any data in the time asked for are left out."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def of_project(self, actor: Actor, name: str, first_month: date | None) -> list[UsageSeries]:
        """Each month from ``first_month`` (None: a year ago) to the present one, zeros included."""
        async with self._store.read() as work:
            project = await project_for(work, actor, name, Permission.PROJECTS_USAGE_GET)
            return await self._per_month(work, in_project(project.id), first_month)

    async def of_organization(self, actor: Actor, name: str, first_month: date | None) -> list[UsageSeries]:
        """The same for all projects of an organization that the actor administers."""
        async with self._store.read() as work:
            organization = await organization_for(work, actor, name, administrator=True)
            return await self._per_month(work, in_organization(organization.id), first_month)

    async def of_days(self, actor: Actor, name: str, month: date | None) -> list[UsageSeries]:
        """Each day with data of one month (None: the present one), for all projects of an organization."""
        start = start_of(_midnight(month) if month else self._clock.now(), Interval.MONTH)
        async with self._store.read() as work:
            organization = await organization_for(work, actor, name, administrator=True)
            time = Between(start, next_start(start, Interval.MONTH))
            sums = await _sums(work, in_organization(organization.id), Interval.DAY, time)
        return [
            UsageSeries(kind, metric, tuple(sorted(sums[kind, metric].items())))
            for kind, metrics in _BILLED
            for metric in metrics
            if (kind, metric) in sums
        ]

    async def _per_month(self, work: UnitOfWork, scope: Scope, first_month: date | None) -> list[UsageSeries]:
        now = self._clock.now()
        present = start_of(now, Interval.MONTH)
        first = _midnight(first_month) if first_month else present.replace(year=present.year - 1)
        sums = await _sums(work, scope, Interval.MONTH, Between(first, next_start(present, Interval.MONTH)))
        months = list(starts(first, next_start(present, Interval.MONTH), Interval.MONTH))
        return [
            UsageSeries(kind, metric, tuple((month, sums[kind, metric].get(month, 0.0)) for month in months))
            for kind, metrics in _BILLED
            for metric in metrics
            if (kind, metric) in sums
        ]


async def _sums(work: UnitOfWork, scope: Scope, interval: Interval, time: Between) -> _Sums:
    found = await work.of(MetricPoint, scope).sums(
        "value",
        by=("object_type", "metric"),
        per=("time", interval),
        object_type=[kind for kind, _ in _BILLED],
        metric={metric for _, metrics in _BILLED for metric in metrics},
        time=time,
    )
    sums: _Sums = {}
    for (kind, metric, start), value in found.items():
        sums.setdefault((kind, metric), {})[start] = value
    return sums


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
