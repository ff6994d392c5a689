"""What a project's instances use and say (contract versiontwo 5.4, 5.5)."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from quinta.core.observation.intervals import Interval
from quinta.core.observation.model import LogLevel
from quinta.core.observation.release_logs import MOST_LINES, ReleaseLogQuery
from quinta.core.observation.release_metrics import ReleaseMetricQuery
from quinta.dialects.versiontwo import shapes
from quinta.dialects.versiontwo.calls import Authenticated, Call
from quinta.dialects.versiontwo.convert_monitoring import log_row, metrics_body
from quinta.dialects.versiontwo.dates import moment_of
from quinta.dialects.versiontwo.documentation import LOGS, METRICS, asked
from quinta.dialects.versiontwo.errors import invalid
from quinta.dialects.versiontwo.identifiers import Noun, row_id
from quinta.dialects.versiontwo.messages import Problem
from quinta.dialects.versiontwo.pages import limit_of, line_cursor, line_in, next_part

_INTERVALS = {"1m": Interval.MINUTE, "5m": Interval.FIVE_MINUTES, "1h": Interval.HOUR}
_LEVELS = {**{str(level): level for level in LogLevel}, "warning": LogLevel.WARN}
_DEFAULT_LINES = 100

router = APIRouter(prefix="/projects/{project_id}", tags=["Monitoring"])


@router.get("/metrics", openapi_extra=asked(**METRICS))
async def metrics_get(call: Authenticated, project_id: str) -> shapes.Metrics:
    """What the project's instances used, as means over intervals; the last hour unless times are given."""
    start, end = _moment(call, "start_time"), _moment(call, "end_time")
    interval = call.query.get("interval")
    if interval is not None and interval not in _INTERVALS:
        raise invalid("interval", Problem.INVALID_VALUE)
    query = ReleaseMetricQuery(start, end, None if interval is None else _INTERVALS[interval])
    means = await call.services.release_metrics.get(call.actor, row_id(Noun.PROJECT, project_id), query)
    return metrics_body(means)


@router.get("/logs", openapi_extra=asked(**LOGS), response_model_exclude_unset=True)
async def logs_get(call: Authenticated, project_id: str) -> shapes.Logs:
    """The newest lines of the project's log, oldest first; of the last hour unless times are given. ``next_cursor``
    leads to older ones."""
    level = call.query.get("level", str(LogLevel.DEBUG))
    start, end = _moment(call, "start_time"), _moment(call, "end_time")
    if level not in _LEVELS:
        raise invalid("level", Problem.INVALID_VALUE)
    query = ReleaseLogQuery(
        start=start,
        end=end,
        level=_LEVELS[level],
        component=call.query.get("component"),
        search=call.query.get("search") or None,
        limit=limit_of(call.query, _DEFAULT_LINES, MOST_LINES),
        before=line_in(call.query),
    )
    page = await call.services.release_logs.find(call.actor, row_id(Noun.PROJECT, project_id), query)
    return shapes.Logs(logs=[log_row(line) for line in page.lines], **next_part(line_cursor(page.older)))


def _moment(call: Call, name: str) -> datetime | None:
    text = call.query.get(name)
    return None if text is None else moment_of(text, name)
