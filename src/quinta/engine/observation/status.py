"""The status document: what ``quinta status`` shows of a running server (decision 0020)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog

from quinta.core.observation.queues import QueueName
from quinta.core.ports import Store
from quinta.engine.measurements import Sources
from quinta.engine.observation.families import STATES, labels_of
from quinta.engine.observation.histogram import quantile
from quinta.engine.observation.process import own_use
from quinta.engine.observation.stored import stored
from quinta.engine.observation.tally import VersionTally
from quinta.engine.supervisor.snapshot import PoolSnapshot

_PATIENCE_SECONDS: Final = 2.0

logger = structlog.get_logger(__name__)


class StatusReport:
    """Puts the document together. ``server`` is what the server says about itself; its clock started now."""

    def __init__(self, sources: Sources, store: Store, server: Callable[[], Mapping[str, Any]]) -> None:
        self._sources = sources
        self._store = store
        self._server = server
        self._began = sources.clock.now()
        self._since = sources.clock.monotonic()

    async def read(self) -> dict[str, Any]:
        """The document, of plain JSON values; times in seconds, sizes in bytes. ``queues``, ``builds`` and
        ``connectors`` are None when the database does not answer within two seconds."""
        now = self._sources.clock.now()
        kept = await self._stored(now)
        return {"server": self._about_server(), "versions": await self._versions(), **kept}

    def _about_server(self) -> dict[str, Any]:
        sources, backlog = self._sources, self._sources.recorder.backlog
        return {
            **self._server(),
            **sources.build,
            **own_use(),
            "started_at": self._began.isoformat(),
            "instance_memory_held_bytes": sources.supervisor.capacity.held << 20,
            "instance_memory_limit_bytes": sources.supervisor.capacity.megabytes << 20,
            "uptime_seconds": sources.clock.monotonic() - self._since,
            "event_loop_worst_lag_seconds": sources.pulse.worst_lag,
            "log_lines_buffered": backlog.lines,
            "log_lines_dropped": backlog.dropped,
            "large_json_waiting_bytes": sources.reading.waiting_bytes,
        }

    async def _versions(self) -> list[dict[str, Any]]:
        pending: Mapping[str, int] = {}
        for queue in await self._sources.queues.read() or ():
            if queue.name is QueueName.BATCH_REQUESTS:
                pending = queue.waiting_by_version
        # All of the supervisor in one piece, without waiting: versions come and go.
        pools, tallies = self._sources.supervisor.snapshot(), self._sources.supervisor.tally.versions()
        jobs: dict[str, list[PoolSnapshot]] = {}
        for job, pool in self._sources.supervisor.jobs():
            jobs.setdefault(job.version_id, []).append(pool)
        rows = []
        for version_id, version in self._sources.supervisor.versions().items():
            pool, tally = pools[version_id], tallies.get(version_id, VersionTally())
            recent = tally.recent()
            rows.append(
                {
                    **dict(zip(("project", "model", "version"), labels_of(version), strict=True)),
                    **_instances([pool, *jobs.get(version_id, ())]),
                    "maximum_instances": version.maximum_instances,
                    "waiting": pool.waiting + sum(job.waiting for job in jobs.get(version_id, ())),
                    "batch_pending": pending.get(version_id, 0),
                    "requests": tally.whole.count,
                    "failures": dict(tally.failures),
                    "recent_requests": sum(recent),
                    "p50_seconds": quantile(recent, 0.5),
                    "p95_seconds": quantile(recent, 0.95),
                    "starts": tally.starts.count,
                    "start_seconds": tally.starts.seconds,
                    "deaths": tally.deaths,
                    "ends": dict(tally.ends),
                    "crash_looping": pool.crash_looping,
                    "last_error": pool.last_error,
                    "obstacle": pool.obstacle,
                }
            )
        return sorted(rows, key=lambda row: (row["project"], row["model"], row["version"]))

    async def _stored(self, now: datetime) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._store.read() as work:
                return await stored(work, now)
        except Exception:  # the status is wanted most when the database is broken
            logger.exception("status.database_not_read")
        return {"queues": None, "builds": None, "connectors": None}


def _instances(pools: Iterable[PoolSnapshot]) -> dict[str, int]:
    """Instances by state, of a version and of the jobs that run it."""
    found = list(pools)
    return {state: sum(getattr(pool, state) for pool in found) for state in STATES}
