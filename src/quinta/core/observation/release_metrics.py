"""What the instances of a project use, over time (contract versiontwo 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from quinta.core.access.decide import project_by_id
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput
from quinta.core.observation.intervals import Interval, next_start, starts
from quinta.core.observation.metrics import MeteredType
from quinta.core.observation.model import MetricPoint
from quinta.core.ports import Between, Store
from quinta.core.scope import in_project
from quinta.kit.clock import Clock

MOST_POINTS: Final = 10_000

_DEFAULT_SPAN: Final = timedelta(hours=1)
_CHOSEN: Final = ((timedelta(hours=6), Interval.MINUTE), (timedelta(days=3), Interval.FIVE_MINUTES))
_INTERVALS: Final = (Interval.MINUTE, Interval.FIVE_MINUTES, Interval.HOUR)
_SECONDS: Final = "sampled_seconds"
_PERCENT: Final = 100.0


@dataclass(frozen=True, slots=True)
class ReleaseMetricQuery:
    """From the bucket that ``start`` (None: an hour before the end) lies in to the last that begins before ``end``
    (None: now). ``interval`` is a minute, five minutes or an hour; None: a minute for up to six hours, five minutes for
    up to three days, else an hour."""

    start: datetime | None = None
    end: datetime | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a bucket that begins at ``start``."""

    start: datetime
    value: float


@dataclass(frozen=True, slots=True)
class ReleaseMeans:
    """Means over all instances and jobs of a project and over the time of the bucket in which there were any, oldest
    first: ``cpu`` in percent of one core, ``memory`` in MB (2^20 bytes), resident. Buckets without samples are left
    out."""

    cpu: tuple[Mean, ...]
    memory: tuple[Mean, ...]


class ReleaseMetrics:
    """Use case: reading."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, actor: Actor, project_id: str, query: ReleaseMetricQuery) -> ReleaseMeans:
        """InvalidInput (fields ``start_time``, ``interval``) for what breaks a rule, or more than MOST_POINTS."""
        async with self._store.read() as work:
            project = await project_by_id(work, actor, project_id, Permission.MODELS_VERSIONS_METRICS_GET)
            interval, time = self._span(query)
            sums = await work.of(MetricPoint, in_project(project.id)).sums(
                "value",
                by=("metric",),
                per=("time", interval),
                object_type=MeteredType.MODEL_VERSION,
                metric=("processor_seconds", "memory_megabyte_seconds", _SECONDS),
                time=time,
            )
        sampled = sorted(
            (start, seconds) for (name, start), seconds in sums.items() if name == _SECONDS and seconds > 0
        )

        def means(name: str, factor: float) -> tuple[Mean, ...]:
            return tuple(
                Mean(start, round(factor * sums.get((name, start), 0.0) / seconds, 2)) for start, seconds in sampled
            )

        return ReleaseMeans(means("processor_seconds", _PERCENT), means("memory_megabyte_seconds", 1.0))

    def _span(self, query: ReleaseMetricQuery) -> tuple[Interval, Between]:
        """The interval, and the time from the start of its first bucket to the end of the last."""
        end = query.end or self._clock.now()
        start = query.start or end - _DEFAULT_SPAN
        if start >= end:
            raise InvalidInput("start_time must lie before end_time", field="start_time")
        interval = query.interval or next((its for span, its in _CHOSEN if end - start <= span), Interval.HOUR)
        if interval not in _INTERVALS:
            raise InvalidInput("interval must be 1m, 5m or 1h", field="interval")
        buckets = list(islice(starts(start, end, interval), MOST_POINTS + 1))
        if len(buckets) > MOST_POINTS:
            raise InvalidInput(
                f"from start_time to end_time there are more than {MOST_POINTS} points: "
                "ask for a shorter time or a longer interval",
                field="interval",
            )
        return interval, Between(buckets[0], next_start(buckets[-1], interval))
