"""Reading a project's log (contract ubiops 2, 5.5, 8.5, 10.17-10.19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.observation.model import LogLine
from quinta.core.ports import Between, Repository, Store
from quinta.core.scope import in_project
from quinta.kit.clock import Clock
from quinta.kit.ids import first_log_id

_MOST_LINES = 500
_LONGEST_RANGE_SECONDS = 86_400
_FILTERS = (
    "model_name",
    "version_name",
    "request_id",
    "connector_name",
    "pipeline_name",
    "pipeline_object_name",
    "pipeline_request_id",
    "system",
)


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines: those that match every filter given, within ``range_seconds`` of the start point, nearest first.

    The start point is the line ``start_id``, else ``start``, else now; it belongs to the answer. A negative range
    looks into the past.
    """

    model_name: str | None = None
    version_name: str | None = None
    request_id: str | None = None
    connector_name: str | None = None
    pipeline_name: str | None = None
    pipeline_object_name: str | None = None
    pipeline_request_id: str | None = None
    system: bool | None = None
    start_id: str | None = None
    start: datetime | None = None
    range_seconds: int = -21_600
    limit: int = 50


class Logs:
    """Use case: reading."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, actor: Actor, project_name: str, query: LogQuery) -> list[LogLine]:
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.LOGS_LIST)
            _check(query)
            lines = work.of(LogLine, in_project(project.id))
            filters: dict[str, Any] = {name: value for name in _FILTERS if (value := getattr(query, name)) is not None}
            if query.start_id is None:
                return await _near(lines, query, query.start or self._clock.now(), filters)
            first = await lines.get(id=query.start_id)
            if first is None:
                raise NotFound(f"there is no log line with the id '{query.start_id}'")
            # The line itself is in the answer whatever the filters say.
            return [first, *await _near(lines, query, first.time, filters, beyond=first.id)][: query.limit]


async def _near(
    lines: Repository[LogLine], query: LogQuery, moment: datetime, filters: dict[str, Any], beyond: str | None = None
) -> list[LogLine]:
    """The lines from ``moment`` on (from the line with the id ``beyond`` on, without it), nearest first.

    Ids sort by time, so that a range of ids is one of time: the range, the order and the limit are one walk along an
    index, however many lines there are (benchmarks/logs.py).
    """
    span = timedelta(seconds=query.range_seconds)
    inclusive = timedelta(microseconds=1)
    if query.range_seconds < 0:
        ids = Between(first_log_id(moment + span), beyond or first_log_id(moment + inclusive))
        order = "-id"
    else:
        start = first_log_id(moment) if beyond is None else beyond + "0"
        ids = Between(start, first_log_id(moment + span + inclusive))
        order = "id"
    return await lines.find(order=(order,), limit=query.limit, id=ids, **filters)


def _check(query: LogQuery) -> None:
    if not 1 <= query.limit <= _MOST_LINES:
        raise InvalidInput(f"limit must be from 1 to {_MOST_LINES}, not {query.limit}", field="limit")
    if query.range_seconds == 0 or abs(query.range_seconds) > _LONGEST_RANGE_SECONDS:
        raise InvalidInput(
            f"date_range must be from -{_LONGEST_RANGE_SECONDS} to {_LONGEST_RANGE_SECONDS} seconds and not 0, "
            f"not {query.range_seconds}",
            field="date_range",
        )
    if query.version_name is not None and query.model_name is None:
        raise InvalidInput("the filter model_version needs the filter model_name beside it", field="model_version")
    if query.pipeline_object_name is not None and query.pipeline_name is None:
        raise InvalidInput(
            "the filter pipeline_object_name needs the filter pipeline_name beside it", field="pipeline_object_name"
        )
