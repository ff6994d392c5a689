"""Buffers for log lines and metric points, and the one writer that stores them in batches.

Nothing on the path of a request waits for the database on account of a log line or a count: ``write`` and ``add`` touch
memory only. The writer stores what has gathered a few times a second. When lines come faster than they can be stored,
or the database cannot be reached, at most ``MOST_BYTES`` are kept, and of one project at most half of what the others
leave, so that a flood does not wash away the lines of others; the newest are dropped then, and the project's log says
how many. Lines of the platform, which are few, may take all that is left: they say what became of the others.
Each transaction takes as much of every project as there is room for, so that nobody's lines wait behind a flood.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import structlog

from quinta.core.errors import NotFound, Unavailable
from quinta.core.observation.levels import level_of_platform
from quinta.core.observation.model import LogLevel, LogLine, MetricPoint
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_log_id

MOST_BYTES = 64 << 20
_LINE_BYTES = 640
"""What a line takes in memory beside its text: names, ids and the object itself."""
_LINES_PER_TRANSACTION = 2_000
_TELL_SECONDS = 5.0

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
        self._lines: dict[str, deque[LogLine]] = {}  # by project
        self._held: defaultdict[str, int] = defaultdict(int)  # by project: bytes of its lines that wait here
        self._held_in_all = 0
        self._dropped: defaultdict[str, int] = defaultdict(int)  # by project: lines that nobody was told of yet
        self._dropped_in_all = 0
        self._told = clock.monotonic()
        self._storing = asyncio.Lock()
        self._turns: set[asyncio.Task[list[LogLine]]] = set()
        self._sums: dict[_Object, defaultdict[str, float]] = {}
        self._totals: defaultdict[tuple[str, str], float] = defaultdict(float)

    @property
    def totals(self) -> Mapping[tuple[str, str], float]:
        """What was stored since this process started, by object type and metric."""
        return self._totals

    @property
    def backlog(self) -> Backlog:
        """What waits to be stored at this moment."""
        return Backlog(self._waiting(None), self._held_in_all, self._dropped_in_all)

    def write(self, line: LogLine) -> None:
        """Takes a line; its id is given here, so that lines sort in the order they came, and the level of a line of the
        platform that has none yet."""
        size, held = _size(line), self._held.get(line.project_id, 0)
        left = MOST_BYTES - self._held_in_all
        if size > (left if line.system else (held + left) // 2 - held):
            self._dropped[line.project_id] += 1
            self._dropped_in_all += 1
            return
        self._held[line.project_id] = held + size
        self._held_in_all += size
        lines = self._lines.get(line.project_id)
        if lines is None:
            lines = self._lines[line.project_id] = deque()
        level = level_of_platform(line.text) if line.system and line.level is None else line.level
        lines.append(replace(line, id=new_log_id(line.time), level=level))

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
                logger.warning("recorder.store_unavailable", lines=self.backlog.lines, error=error.message)
                await asyncio.sleep(1.0)
            except Exception:
                logger.exception("recorder.flush_failed", lines=self.backlog.lines)
                await asyncio.sleep(1.0)

    async def flush(self, project_id: str | None = None) -> None:
        """Stores everything taken so far, or all of one project: then a flood of another keeps nobody waiting."""
        left = self._waiting(project_id)
        more = True
        while more:
            # Whoever waits may be cancelled, a turn may not: what it has stored would be stored again.
            turn = asyncio.create_task(self._store_turn())
            self._turns.add(turn)
            turn.add_done_callback(self._ended)
            lines = await asyncio.shield(turn)
            left -= sum(project_id in (None, line.project_id) for line in lines)
            more = left > 0 and self._waiting(project_id) > 0
            if self._dropped and (not more or self._clock.monotonic() - self._told >= _TELL_SECONDS):
                self._tell_dropped()

    async def _store_turn(self) -> list[LogLine]:
        """One transaction of lines, which are answered, and one of points."""
        async with self._storing:
            if lines := self._turn():
                await self._store_lines(lines)
                self._let_go(lines)
            await self._store_points()
        return lines

    def _ended(self, turn: asyncio.Task[list[LogLine]]) -> None:
        self._turns.discard(turn)
        if not turn.cancelled():
            turn.exception()  # told to whoever waited; if nobody does any more, the next turn meets the same

    def _waiting(self, project_id: str | None) -> int:
        """How many lines wait to be stored: all, or those of one project."""
        if project_id is None:
            return sum(map(len, self._lines.values()))
        return len(self._lines.get(project_id, ()))

    def _tell_dropped(self) -> None:
        dropped, self._dropped, self._told = self._dropped, defaultdict(int), self._clock.monotonic()
        logger.warning("recorder.lines_dropped", lines=sum(dropped.values()))
        for project_id, lines in dropped.items():
            text = f"{lines} lines of output were dropped: they came faster than the server can store them"
            self.write(LogLine(project_id, self._clock.now(), text, system=True, level=LogLevel.WARN))

    def _turn(self) -> list[LogLine]:
        """What the next transaction stores: the oldest lines of each project, as many of each as there is room for
        when all get the same. They stay here until they are stored."""
        turn: list[LogLine] = []
        waiting = sorted(self._lines.values(), key=len)
        for position, lines in enumerate(waiting):
            share = (_LINES_PER_TRANSACTION - len(turn)) // (len(waiting) - position)
            turn += islice(lines, max(share, 1))
        return turn

    def _let_go(self, stored: list[LogLine]) -> None:
        for line in stored:
            project_id, size = line.project_id, _size(line)
            self._lines[project_id].popleft()
            self._held_in_all -= size
            self._held[project_id] -= size
            if not self._lines[project_id]:
                del self._lines[project_id], self._held[project_id]

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
