"""Buffers for log lines and metric points, and the one writer that stores them in batches.

Nothing on the path of a request waits for the database on account of a log line or a count: ``write`` and ``add`` touch
memory only. The writer stores what has gathered a few times a second. When lines come faster than they can be stored,
or the database cannot be reached, at most ``MOST_BYTES`` are kept, and of one project at most half of what the others
leave, so that a flood does not wash away the lines of others; the newest are dropped then, and their number is logged.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import structlog

from quinta.core.errors import NotFound, Unavailable
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_log_id

MOST_BYTES = 64 << 20
_LINE_BYTES = 640
"""What a line takes in memory beside its text: names, ids and the object itself."""
_LINES_PER_TRANSACTION = 2_000

logger = structlog.get_logger(__name__)


class Backlog(NamedTuple):
    """Log lines that wait to be stored, the bytes of memory that they take, and how many were dropped so far."""

    lines: int
    held_bytes: int
    dropped: int


_Object = tuple[str, str, str]  # project, object type, object id


class Recorder:
    """A LogSink and a MeterSink over a store."""

    def __init__(self, store: Store, clock: Clock, *, interval_seconds: float = 0.25) -> None:
        self._store = store
        self._clock = clock
        self._interval = interval_seconds
        self._lines: list[LogLine] = []
        self._held: defaultdict[str, int] = defaultdict(int)  # by project: bytes of its lines that wait here
        self._held_in_all = 0
        self._dropped = 0
        self._dropped_in_all = 0
        self._sums: dict[_Object, defaultdict[str, float]] = {}
        self._totals: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._storing = asyncio.Lock()

    @property
    def totals(self) -> Mapping[tuple[str, str], float]:
        """What was stored since this process started, by object type and metric."""
        return self._totals

    @property
    def backlog(self) -> Backlog:
        """What waits to be stored at this moment."""
        return Backlog(len(self._lines), self._held_in_all, self._dropped_in_all)

    def write(self, line: LogLine) -> None:
        """Takes a line; its id is given here, so that lines sort in the order they came."""
        size, held = _size(line), self._held.get(line.project_id, 0)
        if size > (held + MOST_BYTES - self._held_in_all) // 2 - held:
            self._dropped += 1
            self._dropped_in_all += 1
            return
        self._held[line.project_id] = held + size
        self._held_in_all += size
        self._lines.append(replace(line, id=new_log_id(line.time)))

    def add(self, project_id: str, object_type: str, object_id: str, values: Mapping[str, float]) -> None:
        """Adds to the minute in which the values are stored, a quarter of a second from now."""
        sums = self._sums.get((project_id, object_type, object_id))
        if sums is None:
            sums = self._sums[(project_id, object_type, object_id)] = defaultdict(float)
        for metric, value in values.items():
            sums[metric] += value

    async def run(self) -> None:
        """Stores what gathers until cancelled; what is left then is stored by ``flush``."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.flush()
            except Unavailable as error:
                logger.warning("recorder.store_unavailable", lines=len(self._lines), error=error.message)
                await asyncio.sleep(1.0)
            except Exception:
                logger.exception("recorder.flush_failed", lines=len(self._lines))
                await asyncio.sleep(1.0)

    async def flush(self) -> None:
        """Stores everything taken so far."""
        async with self._storing:
            while self._lines:
                lines = self._lines[:_LINES_PER_TRANSACTION]
                await self._store_lines(lines)
                del self._lines[: len(lines)]
                self._let_go(lines)
            if self._dropped:
                logger.warning("recorder.lines_dropped", lines=self._dropped)
                self._dropped = 0
            await self._store_points()

    def _let_go(self, lines: list[LogLine]) -> None:
        for line in lines:
            size = _size(line)
            self._held_in_all -= size
            self._held[line.project_id] -= size
            if not self._held[line.project_id]:
                del self._held[line.project_id]

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
        sums, self._sums = self._sums, {}
        minute = self._clock.now().replace(second=0, microsecond=0)
        points = [
            MetricPoint(*metered, metric=metric, time=minute, value=value)
            for metered, values in sums.items()
            for metric, value in values.items()
        ]
        if not points:
            return
        try:
            async with self._store.begin() as work:
                await work.add_metric_points(points)
        except Exception:
            for metered, values in sums.items():
                self.add(*metered, values)
            raise
        for point in points:
            self._totals[(point.object_type, point.metric)] += point.value


def _size(line: LogLine) -> int:
    return _LINE_BYTES + len(line.text)
