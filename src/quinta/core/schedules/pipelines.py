"""Schedules of pipelines (decision 0015)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from quinta.core.access.model import Permission
from quinta.core.access.roles import ObjectType
from quinta.core.errors import NotFound, StateConflict
from quinta.core.observation.model import LogLine
from quinta.core.pipelines.batch import BatchPipelineRequests
from quinta.core.pipelines.direct import DirectPipelineRequests, TimeLimits
from quinta.core.pipelines.model import Pipeline
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Failure
from quinta.core.schedules.model import Schedule
from quinta.core.schedules.targets import Ran, RequestPermissions, ScheduledObject


class ScheduledPipelines:
    """A ScheduleTarget. The time-out of a schedule holds for the whole pipeline and for each model in it."""

    object_type = ObjectType.PIPELINE
    kind: type[Any] = Pipeline
    has_versions = False
    permissions = RequestPermissions(
        list=Permission.PIPELINES_REQUESTS_LIST,
        get=Permission.PIPELINES_REQUESTS_GET,
        create=Permission.PIPELINES_REQUESTS_CREATE,
        delete=Permission.PIPELINES_REQUESTS_DELETE,
    )

    def __init__(self, batch: BatchPipelineRequests, direct: DirectPipelineRequests) -> None:
        self._batch = batch
        self._direct = direct

    async def accept(self, work: UnitOfWork, schedule: Schedule, item: ScheduledObject, now: datetime) -> Ran:
        if not isinstance(item, Pipeline):
            raise TypeError(f"schedule {schedule.id} is of {type(item).__name__}, which is no pipeline")
        return Ran((await self._batch.accept(work, item, schedule.data)).id)

    async def runs_here(self, schedule: Schedule) -> bool:
        try:
            return await self._direct.all_run_here(schedule.project_id, schedule.object_id)
        except (NotFound, StateConflict):  # nobody can run it: this server is as good as any to say so
            return True

    async def run(self, schedule: Schedule) -> Ran:
        limits = TimeLimits(schedule.timeout_seconds, schedule.timeout_seconds)
        answer = await self._direct.run_for_nobody(
            schedule.project_id, schedule.object_id, schedule.data.encode(), limits
        )
        failures = ((run.object_name, run.answer.failure) for run in answer.runs)
        failed = next(((name, failure) for name, failure in failures if failure is not None), None)
        if failed is None:
            return Ran(answer.request_id)
        name, failure = failed
        return Ran(answer.request_id, Failure(failure.reason, f"object '{name}' failed: {failure.message}"))

    def log_line(self, schedule: Schedule, time: datetime, object_name: str, version_name: str | None) -> LogLine:
        return LogLine(schedule.project_id, time, "", True, pipeline_name=object_name)

    def with_request(self, line: LogLine, request_id: str | None) -> LogLine:
        return replace(line, pipeline_request_id=request_id)
