"""A project's log by level and component (contract versiontwo 5.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nlargest
from typing import Any, Final

from quinta.core.access.decide import project_by_id
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.ports import Between, Contains, Differs, Repository, Store
from quinta.core.scope import in_project
from quinta.kit.clock import Clock
from quinta.kit.ids import first_log_id

PLATFORM: Final = "platform"
MOST_LINES: Final = 1_000
LONGEST_SEARCH: Final = 200

_DEFAULT_SPAN: Final = timedelta(hours=1)
_TICK: Final = timedelta(microseconds=1)
_ID: Final = re.compile(r"[0-9a-f]{24}")
_FROM_LEVEL: Final[Mapping[LogLevel, tuple[Mapping[str, Any], ...]]] = {
    LogLevel.DEBUG: ({},),
    LogLevel.INFO: ({"level": Differs(LogLevel.DEBUG)},),  # without a level too
    LogLevel.WARN: ({"level": LogLevel.WARN}, {"level": LogLevel.ERROR}),  # each has an index of its own
    LogLevel.ERROR: ({"level": LogLevel.ERROR},),
}


@dataclass(frozen=True, slots=True)
class ReleaseLogQuery:
    """Lines from ``start`` (None: an hour before the end) to before ``end`` (None: now), of ``level`` and graver ones,
    of exactly this component, with ``search`` in their text, upper or lower case. At most ``limit``, the newest;
    ``before`` is the id of a line, and only older ones are wanted."""

    start: datetime | None = None
    end: datetime | None = None
    level: LogLevel = LogLevel.DEBUG
    component: str | None = None
    search: str | None = None
    limit: int = 100
    before: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseLogLine:
    """One line: ``component`` is the connector that it is about, else the model whose code wrote it, else the pipeline
    that it is about, else PLATFORM. A line that names no level has ``info``."""

    id: str
    time: datetime
    level: LogLevel
    component: str
    text: str


@dataclass(frozen=True, slots=True)
class ReleaseLogPage:
    """Lines in the order of time; ``older`` is what ``ReleaseLogQuery.before`` has to be for more, None when these are
    all."""

    lines: tuple[ReleaseLogLine, ...]
    older: str | None


class ReleaseLogs:
    """Use case: reading."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, actor: Actor, project_id: str, query: ReleaseLogQuery) -> ReleaseLogPage:
        """InvalidInput (fields ``limit``, ``cursor``, ``search``, ``end_time``) for what breaks a rule."""
        async with self._store.read() as work:
            project = await project_by_id(work, actor, project_id, Permission.LOGS_LIST)
            _check(query)
            lines = work.of(LogLine, in_project(project.id))
            found: list[LogLine] = []
            # No condition has an "or" in it: each question walks along an index and stops at the limit.
            for component in _of_component(query.component):
                for level in _FROM_LEVEL[query.level]:
                    found += await self._newest(lines, query, {**component, **level})
        newest = nlargest(query.limit, found, key=lambda line: line.id)
        more = len(found) > len(newest)
        return ReleaseLogPage(tuple(map(_shown, reversed(newest))), newest[-1].id if more else None)

    async def _newest(
        self, lines: Repository[LogLine], query: ReleaseLogQuery, conditions: dict[str, Any]
    ) -> list[LogLine]:
        """One more than is asked for, so that it shows whether there are more."""
        end = query.end or self._clock.now() + _TICK
        start = query.start or end - _DEFAULT_SPAN
        ids = Between(first_log_id(start), min(query.before or first_log_id(end), first_log_id(end)))
        if query.search is not None:
            conditions["text"] = Contains(query.search)
        return await lines.find(order=("-id",), limit=query.limit + 1, id=ids, **conditions)


def component_of(line: LogLine) -> str:
    """What a line is of; see ReleaseLogLine."""
    if line.connector_name is not None:
        return line.connector_name
    if line.model_name is not None:
        return PLATFORM if line.system else line.model_name
    return line.pipeline_name or PLATFORM


def _of_component(name: str | None) -> list[dict[str, Any]]:
    """Conditions of which no line meets two: those lines for which ``component_of`` answers the name."""
    if name is None:
        return [{}]
    of_no_connector: dict[str, Any] = {"connector_name": None}
    found = [
        {"connector_name": name},
        {**of_no_connector, "model_name": name, "system": False},
        {**of_no_connector, "model_name": None, "pipeline_name": name},
    ]
    if name == PLATFORM:
        found += [
            {**of_no_connector, "model_name": Differs(None), "system": True},
            {**of_no_connector, "model_name": None, "pipeline_name": None},
        ]
    return found


def _shown(line: LogLine) -> ReleaseLogLine:
    return ReleaseLogLine(line.id, line.time, line.level or LogLevel.INFO, component_of(line), line.text)


def _check(query: ReleaseLogQuery) -> None:
    if not 1 <= query.limit <= MOST_LINES:
        raise InvalidInput(f"limit must be from 1 to {MOST_LINES}, not {query.limit}", field="limit")
    if query.before is not None and not _ID.fullmatch(query.before):
        raise InvalidInput("cursor must be one that an answer had as next_cursor", field="cursor")
    if query.search is not None and not 1 <= len(query.search) <= LONGEST_SEARCH:
        raise InvalidInput(f"search must have from 1 to {LONGEST_SEARCH} characters", field="search")
    if query.start is not None and query.end is not None and query.end <= query.start:
        raise InvalidInput("end_time must lie after start_time", field="end_time")
