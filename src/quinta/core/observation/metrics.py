"""Metrics of a project's objects over time (contract ubiops 9.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from quinta.core.access.decide import objects_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.connectors.model import Connector
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.models.model import Model, ModelVersion
from quinta.core.observation.intervals import Interval, next_start, starts
from quinta.core.observation.model import MetricPoint
from quinta.core.pipelines.model import Pipeline
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project

MOST_BUCKETS = 50_000
"""A month of minutes is 44,640."""


class MeteredType(StrEnum):
    """What is metered; the recorded points carry these words."""

    MODEL_VERSION = "model_version"
    PIPELINE = "pipeline"
    CONNECTOR = "connector"


@dataclass(frozen=True, slots=True)
class _Formula:
    """``value`` makes a bucket's value of the sums of the recorded metrics ``of`` and its length in seconds."""

    of: tuple[str, ...]
    value: Callable[[Mapping[str, float], float], float]


def _sum(name: str) -> tuple[str, _Formula]:
    return name, _Formula((name,), lambda sums, _: sums[name])


def _mean_compute(sums: Mapping[str, float], _: float) -> float:
    completed = sums["requests"] - sums["failed_requests"]
    return sums["compute_seconds"] / completed if completed > 0 else 0.0


_METRICS: dict[MeteredType, dict[str, _Formula]] = {
    MeteredType.MODEL_VERSION: {
        **dict(map(_sum, ("requests", "input_volume", "output_volume", "outputs", "gb_seconds", "active_time"))),
        "compute": _Formula(("compute_seconds", "requests", "failed_requests"), _mean_compute),
        "instances": _Formula(("instance_seconds",), lambda sums, seconds: sums["instance_seconds"] / seconds),
    },
    MeteredType.PIPELINE: dict(map(_sum, ("requests", "input_volume", "object_requests"))),
    MeteredType.CONNECTOR: dict(map(_sum, ("requests", "volume"))),
}
_PERMISSIONS = {
    MeteredType.MODEL_VERSION: Permission.MODELS_VERSIONS_METRICS_GET,
    MeteredType.PIPELINE: Permission.PIPELINES_METRICS_GET,
    MeteredType.CONNECTOR: Permission.CONNECTORS_METRICS_GET,
}
_HOLDERS: dict[MeteredType, type[Any]] = {
    MeteredType.MODEL_VERSION: Model,
    MeteredType.PIPELINE: Pipeline,
    MeteredType.CONNECTOR: Connector,
}
"""What a role is held on that lets see the metrics of one object."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Which metric, of one object (UUID in canonical form) or of all of the type together, from the bucket that
    ``start`` lies in to the last that begins before ``end``."""

    metric: str
    object_type: str
    start: datetime
    end: datetime
    interval: Interval = Interval.HOUR
    object_id: str | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The value of a metric from ``start`` to ``end``."""

    start: datetime
    end: datetime
    value: float


class Metrics:
    """Use case: reading."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, actor: Actor, project_name: str, query: MetricQuery) -> list[Bucket]:
        """One bucket for each interval, oldest first; 0 where nothing happened.

        Sums, but for the means ``compute`` (seconds for each completed request) and ``instances`` (over the whole
        bucket). InvalidInput for a metric that the type has not, or more than ``MOST_BUCKETS``; NotFound for an object
        that the project has not.
        """
        object_type, formula = _meaning(query)
        async with self._store.read() as work:
            project = await _enter(work, actor, project_name, object_type, query.object_id)
            buckets = _buckets(query)
            conditions: dict[str, object] = {"object_type": object_type, "metric": formula.of}
            if query.object_id is not None:
                conditions["object_id"] = query.object_id
            if not buckets:
                return []
            time = Between(buckets[0][0], buckets[-1][1])
            sums = await work.of(MetricPoint, in_project(project.id)).sums(
                "value", by=("metric",), per=("time", query.interval), time=time, **conditions
            )
        return [
            Bucket(
                start,
                end,
                formula.value(
                    {name: sums.get((name, start), 0.0) for name in formula.of}, (end - start).total_seconds()
                ),
            )
            for start, end in buckets
        ]


def _meaning(query: MetricQuery) -> tuple[MeteredType, _Formula]:
    if query.object_type not in list(MeteredType):
        raise InvalidInput(
            f"object_type must be one of {', '.join(MeteredType)}, not '{query.object_type[:80]}'", field="object_type"
        )
    object_type = MeteredType(query.object_type)
    formula = _METRICS[object_type].get(query.metric)
    if formula is None:
        names = ", ".join(_METRICS[object_type])
        raise InvalidInput(
            f"there is no metric '{query.metric[:80]}' of a {object_type}; its metrics are {names}", field="metric"
        )
    return object_type, formula


def _buckets(query: MetricQuery) -> list[tuple[datetime, datetime]]:
    if query.end < query.start:
        raise InvalidInput("end_time must not lie before start_time", field="end_time")
    buckets: list[tuple[datetime, datetime]] = []
    for start in starts(query.start, query.end, query.interval):
        if len(buckets) == MOST_BUCKETS:
            raise InvalidInput(
                f"from start_time to end_time there are more than {MOST_BUCKETS} times a {query.interval}: "
                "ask for a shorter time or a longer interval",
                field="interval",
            )
        buckets.append((start, next_start(start, query.interval)))
    return buckets


async def _enter(
    work: UnitOfWork, actor: Actor, project_name: str, object_type: MeteredType, object_id: str | None
) -> Project:
    """The project, if the actor may see these metrics in it; NotFound for an object that it has not.

    For one object a role on it is enough, for a version one on its model (contract ubiops 6.3). What a caller has no
    such role on is as if it were not there.
    """
    permission = _PERMISSIONS[object_type]
    if object_id is None:
        return await project_for(work, actor, project_name, permission)
    project, holders = await objects_for(work, actor, project_name, _HOLDERS[object_type], permission)
    holder_id: str | None = object_id
    if object_type is MeteredType.MODEL_VERSION:
        version = await work.of(ModelVersion, in_project(project.id)).get(id=object_id)
        holder_id = None if version is None else version.model_id
    if holder_id not in {holder.id for holder in holders}:
        raise NotFound(f"there is no {object_type} with the id '{object_id}' in the project")
    return project
