"""The engine's state as Prometheus' families of series. What has labels of tenants is apart (decision 0020)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from quinta.core.models.model import RunnableVersion
from quinta.core.observation.queues import Queue
from quinta.engine.observation.histogram import Histogram
from quinta.engine.observation.tally import VersionTally
from quinta.engine.supervisor.snapshot import PoolSnapshot

STATES = ("starting", "ready", "busy", "stopping")
PARTS = ("queue", "run", "whole")
OF_VERSION = ("project", "model", "version")
OTHERS = ("_other", "_other", "_other")
"""Labels of what is summed; no project, model or version can have this name."""

Labels = tuple[str, ...]


def counts(prefix: str, labels: Sequence[str], rows: Mapping[Labels, VersionTally]) -> Iterator[Metric]:
    """What was counted, for each row of values of ``labels``."""
    seconds = HistogramMetricFamily(
        f"{prefix}_request_seconds",
        "Seconds of requests: waiting for an instance (queue), in the code (run), from arrival to answer (whole).",
        labels=[*labels, "part"],
    )
    starts = HistogramMetricFamily(
        f"{prefix}_cold_start_seconds",
        "Seconds from the decision to start an instance until it was ready.",
        labels=labels,
    )
    failures = CounterMetricFamily(
        f"{prefix}_request_failures",
        "Requests that ended without a result, by reason code.",
        labels=[*labels, "code"],
    )
    ends = CounterMetricFamily(
        f"{prefix}_instance_ends",
        "Instances that are gone: stopped, or the reason code of their death or of why the server killed them.",
        labels=[*labels, "code"],
    )
    for values, tally in rows.items():
        for part, histogram in zip(PARTS, (tally.waited, tally.ran, tally.whole), strict=True):
            _add(seconds, [*values, part], histogram)
        _add(starts, list(values), tally.starts)
        for reason, count in sorted(tally.failures.items()):
            failures.add_metric([*values, reason], count)
        for how, count in sorted(tally.ends.items()):
            ends.add_metric([*values, how], count)
    # For all together the failures are among quinta_failures, with those of builds and deliveries.
    return iter((seconds, starts, ends, failures) if labels else (seconds, starts, ends))


def pools(rows: Iterable[tuple[Labels, PoolSnapshot]], pending: Mapping[Labels, int]) -> Iterator[Metric]:
    """Instances and queues by version at this moment."""
    instances = GaugeMetricFamily(
        "quinta_version_instances", "Instances at this moment, by state.", labels=[*OF_VERSION, "state"]
    )
    waiting = GaugeMetricFamily(
        "quinta_version_requests_waiting", "Requests that wait in memory for an instance.", labels=OF_VERSION
    )
    sums: dict[Labels, list[int]] = {}
    for labels, pool in rows:
        row = (pool.starting, pool.ready, pool.busy, pool.stopping, pool.waiting)
        sums[labels] = [one + more for one, more in zip(sums.get(labels, [0] * len(row)), row, strict=True)]
    for labels, (*states, queued) in sums.items():
        for state, count in zip(STATES, states, strict=True):
            instances.add_metric([*labels, state], count)
        waiting.add_metric(labels, queued)
    batch = GaugeMetricFamily(
        "quinta_version_batch_requests_pending", "Batch requests that no server works on yet.", labels=OF_VERSION
    )
    for labels, count in pending.items():
        batch.add_metric(labels, count)
    return iter((instances, waiting, batch))


def queues(found: Sequence[Queue], now: datetime) -> Iterator[Metric]:
    """The queues of the database."""
    items = GaugeMetricFamily("quinta_queue_items", "Items in the database's queues.", labels=["queue", "status"])
    oldest = GaugeMetricFamily(
        "quinta_queue_oldest_seconds", "For how long the oldest item has waited (0: none waits).", labels=["queue"]
    )
    lease = GaugeMetricFamily(
        "quinta_queue_oldest_lease_seconds", "For how long a server has held the item it took first.", labels=["queue"]
    )
    lapsed = GaugeMetricFamily(
        "quinta_queue_lapsed_leases", "Items whose server went away and that no other has taken yet.", labels=["queue"]
    )
    for queue in found:
        items.add_metric([queue.name, "pending"], queue.waiting)
        items.add_metric([queue.name, "processing"], queue.working)
        oldest.add_metric([queue.name], age(queue.oldest, now) or 0.0)
        lease.add_metric([queue.name], age(queue.held_since, now) or 0.0)
        lapsed.add_metric([queue.name], queue.lapsed)
    return iter((items, oldest, lease, lapsed))


def labels_of(version: RunnableVersion) -> Labels:
    return version.project_name, version.model_name, version.version_name


def histogram(name: str, text: str, counted: Histogram) -> Metric:
    """One histogram without labels."""
    family = HistogramMetricFamily(name, text)
    _add(family, [], counted)
    return family


def age(moment: datetime | None, now: datetime) -> float | None:
    """Seconds from ``moment`` to ``now``; not less than 0, since the clocks of servers differ a little."""
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def _add(family: HistogramMetricFamily, labels: list[str], counted: Histogram) -> None:
    family.add_metric(labels, buckets=list(counted.cumulative()), sum_value=counted.seconds)
