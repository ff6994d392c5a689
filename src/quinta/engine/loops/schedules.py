"""Makes the requests of schedules when they are due: each due time once, whatever number of servers look at it.

Rules (decision 0015): the due time moves on in the transaction that takes it. A batch request is made in that same
transaction: both happen, or neither. A direct request runs after it, so a server that ends meanwhile takes the run
with it: at most once. Times that passed while nobody looked make one run, not one each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from quinta.core.errors import NotPermitted, QuintaError, StateConflict, Unavailable
from quinta.core.models.model import ModelVersion
from quinta.core.observation.model import LogLine
from quinta.core.ports import Between, LogSink, Store, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.schedules.cron import next_time
from quinta.core.schedules.model import Schedule
from quinta.core.schedules.targets import Ran, ScheduledObject, ScheduleTarget
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.kit.clock import Clock

logger = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
"""A crontab line counts in minutes: a second late is on time."""
MOST_AT_A_TIME = 500
_PATIENCE = timedelta(minutes=15)
"""How long a direct request waits for a server that has the version's build."""
MOST_DIRECT = 64
"""Direct requests of schedules under way on this server; others that are due wait for another server, or their turn."""


class Scheduler:
    """Looks every second for what is due. ``close`` ends it."""

    def __init__(self, store: Store, targets: Iterable[ScheduleTarget], logs: LogSink, clock: Clock) -> None:
        self._store = store
        self._targets = {target.object_type: target for target in targets}
        self._logs = logs
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Direct requests under way."""
        return len(self._running)

    async def run(self) -> None:
        """Works until closed."""
        while not self._closing.is_set():
            try:
                await self.turn()
            except Unavailable as error:
                logger.warning("schedules.store_unavailable", error=error.message)
            except Exception:
                logger.exception("schedules.turn_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._closing.wait()

    async def close(self, grace: float) -> None:
        """Takes nothing more, gives direct requests ``grace`` seconds to end, then cancels them."""
        self._closing.set()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def turn(self) -> int:
        """Starts everything that is due now and that this server can run; returns how many due times it took."""
        now = self._clock.now()
        async with self._store.read() as work:
            due: list[Schedule] = []
            for batch in (True, False):  # apart, so that direct ones that wait for their server keep none of these out
                due += await work.of(Schedule, EVERYTHING).find(
                    batch=batch, next_run_at=_until(now), order=("next_run_at", "id"), limit=MOST_AT_A_TIME
                )
        taken = 0
        for schedule in due:
            try:
                taken += await self._start(schedule, now)
            except Unavailable:
                raise
            except Exception:
                logger.exception("schedules.start_failed", schedule=schedule.id)
        return taken

    async def _start(self, due: Schedule, now: datetime) -> bool:
        """Takes one due time and makes its request; False when it is not this server's."""
        target = self._targets[due.object_type]
        here = due.batch or await target.runs_here(due)
        if not due.batch and (len(self._running) >= MOST_DIRECT or not (here or _is_late(due, now))):
            return False
        async with self._store.begin() as work:
            schedules = work.of(Schedule, EVERYTHING)
            locked = await schedules.take(id=due.id, batch=due.batch, next_run_at=_until(now))
            if not locked:
                return False  # another server has it, or it was changed or deleted a moment ago
            (schedule,) = locked
            await schedules.change(schedule.id, next_run_at=next_time(schedule.crontab, now))
            item = await work.of(target.kind, in_project(schedule.project_id)).get(id=schedule.object_id)
            if item is None:  # deleted while the schedule was made
                await schedules.remove(id=schedule.id)
                return False
            line = await _line(work, target, schedule, item, now)
            try:
                await _require_runnable(work, schedule, here=here)
                ran = await target.accept(work, schedule, item, now) if schedule.batch else None
            except Unavailable:
                raise
            except QuintaError as refusal:
                ran = Ran(None, _refused(refusal))
        if ran is None:
            self._begin(target, schedule, line)
        else:
            self._tell(target, line, schedule, ran, "made this batch request")
        return True

    def _begin(self, target: ScheduleTarget, schedule: Schedule, line: LogLine) -> None:
        task = asyncio.create_task(self._run(target, schedule, line), name=f"schedule:{schedule.id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, target: ScheduleTarget, schedule: Schedule, line: LogLine) -> None:
        try:
            ran = await target.run(schedule)
        except asyncio.CancelledError:
            failure = Failure(Reason.SERVER_STOPPING, "the server stopped")
            self._log(line, schedule, f"its request was cut short: {failure}")
            raise
        except QuintaError as refusal:
            ran = Ran(None, _refused(refusal))
        except Exception:
            logger.exception("schedules.run_failed", schedule=schedule.id)
            ran = Ran(None, Failure(Reason.GIVEN_UP, "the server failed at it; its own log says more"))
        self._tell(target, line, schedule, ran, "made this direct request, with success")

    def _tell(self, target: ScheduleTarget, line: LogLine, schedule: Schedule, ran: Ran, success: str) -> None:
        said = success
        if ran.error is not None:
            said = f"made no request: {ran.error}" if ran.request_id is None else f"its request failed: {ran.error}"
        self._log(target.with_request(line, ran.request_id), schedule, said)

    def _log(self, line: LogLine, schedule: Schedule, said: str) -> None:
        self._logs.write(replace(line, time=self._clock.now(), text=f"schedule '{schedule.name}': {said}"))


async def _line(
    work: UnitOfWork, target: ScheduleTarget, schedule: Schedule, item: ScheduledObject, now: datetime
) -> LogLine:
    """A log line with the names of what the schedule is for, as they are now."""
    version = None
    if schedule.version_id is not None:
        version = await work.of(ModelVersion, in_project(schedule.project_id)).get(id=schedule.version_id)
    return target.log_line(schedule, now, item.name, None if version is None else version.name)


async def _require_runnable(work: UnitOfWork, schedule: Schedule, *, here: bool) -> None:
    """NotPermitted where the organization runs no requests (contract ubiops 6.4), StateConflict where no server that
    can run a direct one has come in time."""
    project = await work.of(Project, EVERYTHING).get(id=schedule.project_id)
    organization = None if project is None else await work.of(Organization, EVERYTHING).get(id=project.organization_id)
    if organization is not None and organization.status is not OrganizationStatus.ACTIVE:
        text = f"the organization '{organization.name}' is {organization.status}"
        raise NotPermitted(text, reason=Reason.ORGANIZATION_SUSPENDED)
    if not here:
        raise StateConflict("the server that has the version's build was not there in time")


def _refused(error: QuintaError) -> Failure:
    return Failure(error.reason or Reason.REQUEST_REFUSED, error.message)


def _until(now: datetime) -> Between:
    return Between(end=now + timedelta(microseconds=1))


def _is_late(schedule: Schedule, now: datetime) -> bool:
    return schedule.next_run_at is not None and now - schedule.next_run_at > _PATIENCE
