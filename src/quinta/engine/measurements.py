"""The server's own measurements for Prometheus (design, "GET /metrics"; decision 0020)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.queues import Queue, QueueName
from quinta.engine.failures import failure_series
from quinta.engine.observation.families import OF_VERSION, OTHERS, counts, histogram, labels_of, pools, queues
from quinta.engine.observation.pulse import Pulse
from quinta.engine.observation.queues import QueueReader
from quinta.engine.observation.tally import VersionTally, together
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.engine.supervisor.snapshot import PoolSnapshot
from quinta.engine.supervisor.supervisor import Supervisor
from quinta.kit.clock import Clock

MOST_LABELLED: Final = 50
"""Versions with series of their own, about 90 each; a database of series suffers from more. The rest is summed."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What can be asked about at any moment. ``gauges`` answers values by name, such as ``{"builds_in_flight": 1}``."""

    supervisor: Supervisor
    recorder: Recorder
    failures: FailureCounts
    reading: ReadingProcess
    queues: QueueReader
    pulse: Pulse
    clock: Clock
    gauges: Callable[[], Mapping[str, float]]
    build: Mapping[str, str]


class Measurements:
    """The page: sums of everything counted since the server started, and the state of this moment."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._process = ProcessCollector(registry=None)
        self._labelled: list[str] = []  # ids of the versions with series of their own

    async def text(self, *, by_version: bool = False) -> bytes:
        """The page in Prometheus' text format. ``by_version`` adds series with the names of tenants in their labels."""
        found = await self._sources.queues.read()
        families = [*self._totals(), *self._now(), *self._stored(found), *self._process.collect()]
        if by_version:
            families += self._versions(found or [])
        registry = CollectorRegistry()
        registry.register(_Collected(families))
        # In a thread: 4,000 series take about 30 ms, and requests go on meanwhile.
        return await asyncio.to_thread(generate_latest, registry)

    def _totals(self) -> Iterator[Metric]:
        sources = self._sources
        for (object_type, metric), value in sorted(sources.recorder.totals.items()):
            yield CounterMetricFamily(
                f"quinta_{object_type}_{metric}", f"Sum of {metric} of every {object_type}.", value=value
            )
        yield failure_series(sources.failures.totals)
        yield from counts("quinta", [], {(): sources.supervisor.tally.total()})
        yield histogram(
            "quinta_event_loop_lag_seconds", "How late the event loop was, four times a second.", sources.pulse.lag
        )
        yield CounterMetricFamily(
            "quinta_log_lines_dropped",
            "Log lines that came faster than they could be stored.",
            sources.recorder.backlog.dropped,
        )
        yield InfoMetricFamily("quinta_build", "What runs here.", value=dict(sources.build))

    def _now(self) -> Iterator[Metric]:
        sources = self._sources
        backlog = sources.recorder.backlog
        capacity = sources.supervisor.capacity
        values = {
            **sources.gauges(),
            "instance_memory_held_bytes": capacity.held << 20,
            "instance_memory_limit_bytes": capacity.megabytes << 20,
            "log_lines_buffered": backlog.lines,
            "log_bytes_buffered": backlog.held_bytes,
            "large_json_waiting_bytes": sources.reading.waiting_bytes,
            "event_loop_worst_lag_seconds": sources.pulse.worst_lag,
        }
        for name, value in values.items():
            yield GaugeMetricFamily(f"quinta_{name}", f"{name} at this moment.".replace("_", " "), value=value)

    def _stored(self, found: list[Queue] | None) -> Iterator[Metric]:
        up = 0 if found is None else 1
        yield GaugeMetricFamily("quinta_database_up", "Whether the database answers (1) or not (0).", value=up)
        if found is not None:
            yield from queues(found, self._sources.clock.now())

    def _versions(self, found: list[Queue]) -> Iterator[Metric]:
        supervisor = self._sources.supervisor
        tallies, serving = supervisor.tally.versions(), supervisor.versions()
        labels = {version_id: labels_of(serving[version_id]) for version_id in self._choose(tallies, set(serving))}
        rest = [tally for version_id, tally in tallies.items() if version_id not in labels]
        rows = {labels[version_id]: tallies.get(version_id, VersionTally()) for version_id in labels}
        yield from counts("quinta_version", OF_VERSION, {**rows, OTHERS: together((supervisor.tally.others, *rest))})
        pending: dict[tuple[str, ...], int] = {}
        for queue in found:
            if queue.name is QueueName.BATCH_REQUESTS:
                for version_id, count in queue.waiting_by_version.items():
                    row = labels.get(version_id, OTHERS)
                    pending[row] = pending.get(row, 0) + count
        shown = [(labels.get(version_id, OTHERS), pool) for version_id, pool in supervisor.snapshot().items()]
        # With the version that it runs, and not one series for each job.
        shown += [(labels.get(version.version_id, OTHERS), pool) for version, pool in supervisor.jobs()]
        yield from pools(shown, pending)

    def _choose(self, tallies: Mapping[str, VersionTally], serving: set[str]) -> list[str]:
        """Those that had series of their own keep them as long as they are there, so that these do not come and go;
        free places are given by use."""
        kept = [version_id for version_id in self._labelled if version_id in serving]
        used = {version_id: tallies[version_id].whole.count if version_id in tallies else 0 for version_id in serving}
        more = sorted(serving.difference(kept), key=lambda version_id: -used[version_id])
        self._labelled = (kept + more)[:MOST_LABELLED]
        return self._labelled


class _Collected(Collector):
    """Families that are there already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def gauges_of(found: Sequence[PoolSnapshot]) -> dict[str, float]:
    """How many instances of all pools are in which state, and how much waits for them."""
    return {
        "instances_ready": sum(pool.ready for pool in found),
        "instances_busy": sum(pool.busy for pool in found),
        "instances_starting": sum(pool.starting for pool in found),
        "instances_stopping": sum(pool.stopping for pool in found),
        "requests_waiting": sum(pool.waiting for pool in found),
    }
