"""The job loop: applications are run on the inputs of repositories, each job to one visible end (decision 0021)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple, Protocol

import structlog

from quinta.core.errors import InvalidInput, NotFound, QuintaError, TooLarge, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.files.model import Repository
from quinta.core.jobs.model import Job, JobRun, JobStatus
from quinta.core.models.applications import application_version
from quinta.core.models.live import LiveApplications
from quinta.core.models.model import Application, RunnableVersion
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.ports import JobRunner, ModelRunner, Secrets, Store, UnitOfWork
from quinta.core.reasons import RETIREMENTS, TIMEOUTS, Failure, Reason
from quinta.core.requests.outcome import RunOutcome
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.engine.loops.batches import most_runs
from quinta.engine.loops.job_files import JobFiles, Output
from quinta.engine.recorder import Recorder
from quinta.engine.turns import Turns
from quinta.kit.clock import Clock

FEWEST_AT_A_TIME = 4
_POLICY = LeasePolicy(maximum_attempts=10)
"""Of jobs whose server ends or whose inputs and results cannot be stored; tries as for batch requests."""
_NO_OUTPUT = Output(None, 0)
_WAKING = frozenset({EventName.BUILD_ENDED, EventName.APPLICATION_CHANGED, EventName.ORGANIZATION_CHANGED})

logger = structlog.get_logger(__name__)


class Runner(JobRunner, ModelRunner, Protocol):
    """The supervisor."""


def at_a_time() -> int:
    """How many jobs a server works on: two a core, since a job waits for files and for its start part of its time."""
    return max(FEWEST_AT_A_TIME, 2 * len(os.sched_getaffinity(0)))


@dataclass(slots=True)
class _Running:
    """A job under way here. ``organization_id`` is known a moment after its start."""

    project_id: str
    organization_id: str = ""


class _Plan(NamedTuple):
    """What a job needs. ``version`` is what the application runs; it counts for the client's ``project``."""

    application: Application
    version: RunnableVersion
    repository: Repository
    project: Project

    @property
    def own_version(self) -> RunnableVersion:
        """The version as one of the client's project: logs, usage and memory are that one's."""
        project = self.project
        return replace(
            self.version, project_id=project.id, project_name=project.name, organization_id=project.organization_id
        )


class JobLoop:
    """Leases jobs and runs them. ``runs_here`` says whether this server has what a version's build made."""

    def __init__(
        self,
        store: Store,
        secrets: Secrets,
        runner: Runner,
        reader: Reader,
        files: JobFiles,
        recorder: Recorder,
        failures: FailureCounts,
        clock: Clock,
        runs_here: Callable[[RunnableVersion], bool],
        policy: LeasePolicy = _POLICY,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._applications = LiveApplications(store, secrets)
        self._runner = runner
        self._reader = reader
        self._files = files
        self._recorder = recorder
        self._failures = failures
        self._clock = clock
        self._runs_here = runs_here
        self._running: dict[str, _Running] = {}
        self._turns: Turns[str] = Turns(leaves_room=True)
        self._following: set[asyncio.Task[None]] = set()
        work = LeasedWork(
            name="jobs",
            kind=Job,
            waiting=JobStatus.QUEUED,
            working=JobStatus.STARTED,
            work=self._work,
            give_up=self._give_up,
            concurrency=at_a_time(),
            select=self._select,
            woken_by=EventName.JOB_CREATED,
            cancelled_by=EventName.JOB_DELETED,
            forward_only=True,
        )
        self.loop = LeasedLoop(work, store, clock, policy)
        store.subscribe(self._hear)

    async def close(self, grace: float) -> None:
        """As ``LeasedLoop.close``; nothing reads the database any more when it returns."""
        await self.loop.close(grace=grace)
        await asyncio.gather(*self._following)

    async def _select(self, claim: Claim[Job]) -> None:
        """By turns of projects."""
        queues = await self._queues(claim)

        async def take_one(project_id: str) -> int:
            while queue := queues[project_id]:
                if await claim.take(1, project_id=project_id, application_id=queue[0]):
                    return 1
                queue.pop(0)
            return 0

        under_way = [running.project_id for running in self._running.values()]
        await self._turns.take(claim, queues, under_way, take_one)
        rows = claim.unit.of(Job, EVERYTHING)
        for job in claim.taken:
            if job.started_at is None:
                await rows.change(job.id, started_at=self._clock.now())

    async def _queues(self, claim: Claim[Job]) -> dict[str, list[str]]:
        """By project, the applications that jobs wait for and that can be run, or never will be. This is asked inside
        the transaction that claims, so it is answered from memory; what a job really runs is read when it starts."""
        queues: dict[str, list[str]] = {}
        for application_id in await claim.groups("application_id"):
            found = await self._applications.get(application_id)
            if found is None or (isinstance(found, RunnableVersion) and not self._runs_here(found)):
                continue
            for project_id in await claim.groups("project_id", application_id=application_id):
                queues.setdefault(project_id, []).append(application_id)
        return queues

    async def _work(self, job: Job) -> Ended | None:
        self._running[job.id] = _Running(job.project_id)
        try:
            return await self._carry_out(job)
        finally:
            del self._running[job.id]
            await self._files.remove(job)

    async def _carry_out(self, job: Job) -> Ended | None:
        plan = await self._plan(job)
        if plan is None:
            return None
        if isinstance(plan, Failure):
            return await self._ended(job, None, RunOutcome(plan.reason, error_message=plan.message), _NO_OUTPUT)
        self._running[job.id].organization_id = plan.project.organization_id
        self._runner.apply(plan.version)  # so that it is known by its own names to those who look at the server
        outcome = await self._run(job, plan)
        if outcome.reason in RETIREMENTS:
            return None  # this server stops
        if outcome.reason in TIMEOUTS and not outcome.seconds:
            self._say(job, plan.version, f"the job waits: {outcome.error_message}", LogLevel.WARN)
            return None
        checked, output = await self._take(job, outcome)
        self._count(job, plan, checked, output)
        return await self._ended(job, plan.version, checked, output)

    async def _plan(self, job: Job) -> _Plan | Failure | None:
        """None: not now, or never any more, since what the job hangs on is gone and the job with it."""
        async with self._store.read() as work:
            application = await work.of(Application, EVERYTHING).get(id=job.application_id)
            repository = await work.of(Repository, EVERYTHING).get(id=job.repository_id)
            project = await work.of(Project, EVERYTHING).get(id=job.project_id)
            if application is None or repository is None or project is None or not await _is_active(work, project):
                return None
            found = await application_version(work, self._secrets, application)
        if isinstance(found, RunnableVersion):
            return _Plan(application, found, repository, project) if self._runs_here(found) else None
        return found

    async def _run(self, job: Job, plan: _Plan) -> RunOutcome:
        """Runs it, and again when its instance was killed from outside, by the policy of batch requests."""
        version, limit = plan.own_version, float(plan.application.time_limit_seconds)
        for runs in count(1):
            try:
                folders = await self._files.prepare(job, plan.repository)
            except (InvalidInput, NotFound, TooLarge) as error:
                return RunOutcome(Reason.INPUT_UNAVAILABLE, error_message=f"the inputs are not there: {error.message}")
            outcome = await self._runner.run_job(version, JobRun(job.id, job.params.encode(), limit), folders)
            if runs >= most_runs(version, outcome.reason):
                break
            self._say(job, version, f"the job is run again: {outcome.error_message}", LogLevel.WARN)
        return outcome

    async def _take(self, job: Job, outcome: RunOutcome) -> tuple[RunOutcome, Output]:
        """The outcome and the stored output; another outcome where what the code left cannot be taken."""
        if not outcome.success or outcome.result is None:
            return outcome, _NO_OUTPUT
        reason = Reason.RESULT_NOT_JSON
        try:
            await self._reader.check(outcome.result)
            reason = Reason.OUTPUT_TOO_LARGE
            return outcome, await self._files.keep_output(job)
        except Unavailable:
            raise  # nothing is wrong with it: it cannot be kept now
        except QuintaError as error:
            return RunOutcome(reason, error_message=error.message, seconds=outcome.seconds), _NO_OUTPUT

    async def _ended(self, job: Job, version: RunnableVersion | None, outcome: RunOutcome, output: Output) -> Ended:
        """What was left is in the store before anybody can read that the job has ended."""
        if outcome.success:
            self._say(job, version, f"the job finished after {outcome.seconds:.2f} s")
        else:
            failure = Failure(outcome.reason, outcome.error_message or outcome.reason)
            self._failures.add(Subject.JOB, failure.reason)
            self._say(job, version, f"the job failed: {failure}")
        logs_key = await self._files.keep_logs(job)
        return self._end(outcome, output_key=output.key, logs_key=logs_key)

    def _end(self, outcome: RunOutcome, **keys: str | None) -> Ended:
        now, done = self._clock.now(), outcome.success
        return Ended(
            {
                "status": JobStatus.FINISHED if done else JobStatus.FAILED,
                "result": outcome.result.decode() if done and outcome.result is not None else None,
                "error_message": None if done else outcome.error_message,
                "reason": outcome.reason,
                "finished_at": now,
                "updated_at": now,
                **keys,
            }
        )

    def _give_up(self, job: Job, error: str) -> Ended:
        failure = Failure(Reason.GIVEN_UP, f"given up after several tries: {error}")
        self._failures.add(Subject.JOB, failure.reason)
        self._say(job, None, f"the job failed: {failure}")
        return self._end(RunOutcome(failure.reason, error_message=failure.message))

    def _count(self, job: Job, plan: _Plan, outcome: RunOutcome, output: Output) -> None:
        """As one request of the version, in the client's project."""
        size = len(job.params) + sum(file.size for file in plan.repository.files)
        values: dict[str, float] = {"requests": 1, "input_volume": size}
        if outcome.success:
            values["output_volume"] = len(outcome.result or b"") + output.size
            values["outputs"] = 1
            values["compute_seconds"] = outcome.seconds
        else:
            values["failed_requests"] = 1
        self._recorder.add(job.project_id, "model_version", plan.version.version_id, values)

    def _say(self, job: Job, version: RunnableVersion | None, text: str, level: LogLevel | None = None) -> None:
        line = LogLine(job.project_id, self._clock.now(), text, system=True, request_id=job.id, level=level)
        if version is not None:
            line = replace(line, model_name=version.model_name, version_name=version.version_name)
        self._recorder.write(line)

    def _hear(self, event: Event) -> None:
        if event.name in _WAKING:
            self.loop.wake()
        if event.name is EventName.PROJECT_DELETED:
            self._cancel(lambda running: f"project:{running.project_id}" in event.tags)
        elif event.name is EventName.ORGANIZATION_CHANGED and self._running:
            task = asyncio.create_task(self._follow(event))
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def _follow(self, event: Event) -> None:
        """An organization that is not active runs nothing: its jobs begin anew when it is again."""
        try:
            async with self._store.read() as work:
                organizations = await work.of(Organization, EVERYTHING).find(
                    id=[running.organization_id for running in self._running.values()]
                )
        except Exception:
            logger.exception("jobs.organization_not_followed", event=event.subject_id)
            return
        stopped = {each.id for each in organizations if each.status is not OrganizationStatus.ACTIVE}
        self._cancel(lambda running: running.organization_id in stopped)

    def _cancel(self, goes: Callable[[_Running], bool]) -> None:
        for job_id, running in list(self._running.items()):
            if goes(running):
                self.loop.cancel(job_id)


async def _is_active(work: UnitOfWork, project: Project) -> bool:
    organization = await work.of(Organization, EVERYTHING).get(id=project.organization_id)
    return organization is not None and organization.status is OrganizationStatus.ACTIVE
