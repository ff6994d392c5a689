"""Buffers for log lines and metric points, and the one writer that stores them in batches.

Nothing on the path of a request waits for the database on account of a log line or a count: ``write`` and ``add`` touch
memory only. The writer stores what has gathered a few times a second. While the database cannot be reached, at most
``MOST_LINES`` lines are kept; beyond that the newest are dropped and their number is logged.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from quinta.core.errors import NotFound
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_log_id

MOST_LINES = 100_000
_LINES_PER_TRANSACTION = 2_000
_MINUTE = 60

logger = structlog.get_logger(__name__)

_Series = tuple[str, str, str, str]  # project, object type, object id, metric


class Recorder:
    """A LogSink and a MeterSink over a store."""

    def __init__(self, store: Store, clock: Clock, *, interval_seconds: float = 0.25) -> None:
        self._store = store
        self._clock = clock
        self._interval = interval_seconds
        self._lines: list[LogLine] = []
        self._dropped = 0
        self._sums: defaultdict[int, defaultdict[_Series, float]] = defaultdict(lambda: defaultdict(float))

    def write(self, line: LogLine) -> None:
        """Takes a line; its id is given here, so that lines sort in the order they came."""
        if len(self._lines) >= MOST_LINES:
            self._dropped += 1
            return
        self._lines.append(replace(line, id=new_log_id(int(line.time.timestamp() * 1_000_000))))

    def add(self, project_id: str, object_type: str, object_id: str, metric: str, value: float) -> None:
        """Adds to the current minute."""
        minute = int(self._clock.now().timestamp()) // _MINUTE
        self._sums[minute][(project_id, object_type, object_id, metric)] += value

    async def run(self) -> None:
        """Stores what gathers until cancelled; what is left then is stored by ``flush``."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.flush()
            except Exception:
                logger.exception("recorder.flush_failed", lines=len(self._lines))
                await asyncio.sleep(1.0)

    async def flush(self) -> None:
        """Stores everything taken so far."""
        while self._lines:
            lines = self._lines[:_LINES_PER_TRANSACTION]
            await self._store_lines(lines)
            del self._lines[: len(lines)]
        if self._dropped:
            logger.warning("recorder.lines_dropped", lines=self._dropped)
            self._dropped = 0
        await self._store_points()

    async def _store_lines(self, lines: list[LogLine]) -> None:
        try:
            async with self._store.begin() as work:
                await work.of(LogLine, EVERYTHING).add(*lines)
        except NotFound:  # a project was deleted meanwhile: its lines go, the others stay
            async with self._store.begin() as work:
                projects = {line.project_id for line in lines}
                known = {project.id for project in await work.of(Project, EVERYTHING).find(id=list(projects))}
                await work.of(LogLine, EVERYTHING).add(*(line for line in lines if line.project_id in known))

    async def _store_points(self) -> None:
        sums, self._sums = self._sums, defaultdict(lambda: defaultdict(float))
        points = [
            MetricPoint(*series, time=datetime.fromtimestamp(minute * _MINUTE, UTC), value=value)
            for minute, values in sums.items()
            for series, value in values.items()
        ]
        if not points:
            return
        try:
            async with self._store.begin() as work:
                await work.add_metric_points(points)
        except Exception:
            for point in points:
                series = (point.project_id, point.object_type, point.object_id, point.metric)
                self._sums[int(point.time.timestamp()) // _MINUTE][series] += point.value
            raise
