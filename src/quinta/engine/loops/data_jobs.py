"""The loop of jobs on datasets: commands of projects are run where the data is, each to one visible end
(contract dq0 7.3, 9.33)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from quinta.core.commits.jobs import cancelled_values, failed_values
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.commits.private_training import PrivateTraining
from quinta.core.datasets.budgets import Budgets
from quinta.core.errors import QuintaError, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.jobs.model import JobRun, JobStatus
from quinta.core.models.model import RunnableVersion, ValueType
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel
from quinta.core.ports import JobRunner, Store, UnitOfWork
from quinta.core.reasons import RETIREMENTS, TIMEOUTS, Failure, Reason
from quinta.core.requests.outcome import RunOutcome
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import CheckerStatus, Run, RunStatus, Source
from quinta.core.tracking.registry import RegisteredModels
from quinta.core.tracking.runs import end_run
from quinta.engine.builds.build import BuiltPackage, PackageBuilder
from quinta.engine.builds.errors import BuildError
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.engine.loops.jobs import at_a_time
from quinta.engine.projects.grants import Grant, grants_of
from quinta.engine.projects.journal import Journal
from quinta.engine.projects.outcomes import (
    NotOursError,
    check_of,
    clear_run,
    held,
    is_released_by_check,
    platform_files,
    write_artifact,
    write_logged,
)
from quinta.engine.projects.plans import Plan, plan_of
from quinta.engine.projects.run_files import RunFiles
from quinta.engine.supervisor.folders import ExchangeError
from quinta.engine.turns import Turns
from quinta.kit.clock import Clock

_POLICY = LeasePolicy(maximum_attempts=5)
_KINDS: Final = tuple(kind for kind in DataJobKind if kind is not DataJobKind.QUERY)
_LOG_SECONDS: Final = 5.0
_MOST_RESULT_BYTES: Final = 1 << 20
_REPORT: Final = "training.json"
_LEFT: Final = {DataJobKind.PREDICT: "predictions.json", DataJobKind.CHECK: "check.json"}

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What an operator decides about runs: ``requirements`` (lines) are in every environment beside the project's own,
    ``language`` (such as ``python3.11``) is the interpreter's; a command that is asked to stop has
    ``stop_seconds`` before it is killed."""

    requirements: tuple[str, ...] = ("numpy",)
    language: str = "python3.11"
    memory_megabytes: int = 1_024
    time_limit_seconds: float = 14_400.0
    stop_seconds: float = 10.0
    look_seconds: float = 1.0


@dataclass(slots=True)
class _Running:
    """A job under way here: whether it ``began`` to read, when it was ``asked`` to stop, what is stored of its log;
    ``withheld``: what its code says of the data is not for everybody."""

    job: DataJob
    journal: Journal
    began: bool = False
    withheld: bool = False
    asked: float | None = None
    stored_lines: int = 0
    stored_at: float = 0.0
    killed: asyncio.Event = field(default_factory=asyncio.Event)


class DataJobLoop:
    """Leases jobs and runs them. The environment is made by the loop itself, from the commit and ``settings``: packages
    and environments are there once for each content, so that a second run of a commit begins at once."""

    def __init__(
        self,
        store: Store,
        runner: JobRunner,
        builder: PackageBuilder,
        files: RunFiles,
        models: RegisteredModels,
        budgets: Budgets,
        failures: FailureCounts,
        clock: Clock,
        settings: RunSettings,
        policy: LeasePolicy = _POLICY,
    ) -> None:
        self._store = store
        self._runner = runner
        self._builder = builder
        self._files = files
        self._models = models
        self._budgets = budgets
        self._failures = failures
        self._clock = clock
        self._settings = settings
        self._running: dict[str, _Running] = {}
        self._turns: Turns[str | None] = Turns(leaves_room=True)
        work = LeasedWork(
            name="data jobs",
            kind=DataJob,
            waiting=JobStatus.QUEUED,
            working=JobStatus.STARTED,
            work=self._work,
            give_up=self._give_up,
            concurrency=at_a_time(),
            select=self._select,
            woken_by=EventName.DATA_JOB_CREATED,
            forward_only=True,
        )
        self.loop = LeasedLoop(work, store, clock, policy)
        store.subscribe(self._hear)

    async def _select(self, claim: Claim[DataJob]) -> None:
        """By turns of people, in however many projects (contract dq0 9.33)."""
        people = await claim.groups("created_by", kind=_KINDS)
        under_way = [running.job.created_by for running in self._running.values()]
        await self._turns.take(claim, people, under_way, lambda person: claim.take(1, created_by=person, kind=_KINDS))

    async def _work(self, job: DataJob) -> Ended | None:
        running = self._running[job.id] = _Running(job, Journal(job.project_id, job.id, self._clock))
        carrying = asyncio.create_task(self._carry_out(running), name=f"data job {job.id}")
        watching = asyncio.create_task(self._watch(running), name=f"watch of data job {job.id}")
        try:
            await asyncio.wait({carrying, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not carrying.done() and running.killed.is_set():
                carrying.cancel()
                await asyncio.wait({carrying})
                if carrying.cancelled():
                    return await self._cancelled(running)
            return await carrying
        except NotOursError:
            logger.info("data_jobs.taken_over", job=job.id)
            return None
        finally:
            for task in (carrying, watching):
                task.cancel()
            await asyncio.wait({carrying, watching})
            del self._running[job.id]
            await self._files.remove(job)

    async def _watch(self, running: _Running) -> None:
        """Stores how far the job is, and hears that it was cancelled; returns when it is to be killed."""
        while not running.killed.is_set():
            try:
                await self._look(running)
            except NotOursError:
                return
            except Exception:
                logger.exception("data_jobs.not_watched", job=running.job.id)
            try:
                async with asyncio.timeout(self._settings.look_seconds):
                    await running.killed.wait()
            except TimeoutError:
                continue

    async def _look(self, running: _Running) -> None:
        job, journal, now = running.job, running.journal, self._clock.monotonic()
        values: dict[str, Any] = {"progress": journal.progress}
        if len(journal) > running.stored_lines and now - running.stored_at >= _LOG_SECONDS:
            running.stored_lines, running.stored_at = len(journal), now
            values["log_key"] = await self._files.keep_log(job, journal)
        async with self._store.read() as work:
            stored = await work.of(DataJob, EVERYTHING).get(id=job.id, lease_token=job.lease_token)
        if stored is None:
            return  # taken over, which the lease tells the loop
        if any(getattr(stored, name) != value for name, value in values.items()):
            async with self._store.begin() as work:
                await held(work, job)
                # updated_at, which all see, would tell when the code says that it goes on.
                await work.of(DataJob, EVERYTHING).change(job.id, **values)
        if stored.cancelled_at is not None:
            await self._stop(running)

    async def _stop(self, running: _Running) -> None:
        """The first time asks the command, and after its grace kills it; before there is one, at once."""
        now = self._clock.monotonic()
        if running.asked is None:
            running.asked = now
            if running.began:
                await self._files.ask_to_stop(running.job)
        if not running.began or now - running.asked >= self._settings.stop_seconds:
            running.killed.set()

    async def _carry_out(self, running: _Running) -> Ended | None:
        job = running.job
        if job.cancelled_at is not None:  # before its server ended
            return await self._cancelled(running)
        async with self._store.read() as work:
            plan = await plan_of(work, job)
        if plan is None:
            return None
        if isinstance(plan, Failure):
            return await self._failed(running, plan)
        if plan.training is not None:
            outcome = await self._run(running, plan.defining(plan.training), begins=False)
            if not isinstance(outcome, RunOutcome):
                return outcome
            if not outcome.success:
                return await self._failed(running, Failure(outcome.reason, outcome.error_message or outcome.reason))
            plan = await self._defined(running, plan, plan.training)
        outcome = await self._run(running, plan, begins=True)
        return await self._take(running, plan, outcome) if isinstance(outcome, RunOutcome) else outcome

    async def _run(self, running: _Running, plan: Plan, *, begins: bool) -> RunOutcome | Ended | None:
        """Runs a plan's command; an end where it cannot be begun, None where it is not to be run now. ``begins``: what
        comes of it may come from the data."""
        job = running.job
        try:
            built = await self._build(running, plan)
            grants = await self._grants(job, plan)
            if isinstance(grants, Failure):
                return await self._failed(running, grants)
            task, given = await self._prepare(job, plan, grants)
        except BuildError as error:
            return await self._failed(running, Failure(error.reason, error.message))
        except Unavailable:
            raise
        except QuintaError as error:
            reason = error.reason or Reason.INPUT_UNAVAILABLE
            return await self._failed(running, Failure(reason, f"the inputs are not there: {error.message}"))
        if begins:
            await self._mark_begun(running, grants)
        run = JobRun(job.id, json.dumps(task).encode(), self._settings.time_limit_seconds)
        version = self._version(job, plan, built)
        outcome = await self._runner.run_job(version, run, given, running.journal)
        if outcome.reason in RETIREMENTS:
            return None  # this server stops
        if outcome.reason in TIMEOUTS and not outcome.seconds:
            running.journal.say(f"the job waits: {outcome.error_message}", LogLevel.WARN)
            return None
        return _checked(outcome)

    async def _defined(self, running: _Running, plan: Plan, training: PrivateTraining) -> Plan:
        """How the training goes on: by the definition alone; where the project wants to see rows, as its own code."""
        try:
            definition = await self._files.definition(running.job)
            wants_rows = json.loads(definition)["model"] is None
        except (ExchangeError, ValueError, TypeError, KeyError, RecursionError):
            wants_rows = True  # the training says what is wrong with it
        if wants_rows:
            running.journal.say("the project's code sees rows: what comes of the run is its own word")
            return plan
        return plan.with_definition(training, definition)

    async def _build(self, running: _Running, plan: Plan) -> BuiltPackage:
        archive = await self._files.code(running.job, plan.archive_key)
        settings = self._settings
        return await self._builder.build_project(archive, settings.language, settings.requirements, running.journal.say)

    async def _grants(self, job: DataJob, plan: Plan) -> list[Grant] | Failure:
        """Asked when the environment is there, which may have taken minutes."""
        if not plan.reads:
            return []
        async with self._store.read() as work:
            return await grants_of(work, job)

    async def _prepare(self, job: DataJob, plan: Plan, grants: list[Grant]) -> tuple[dict[str, Any], Any]:
        given = await self._files.prepare(job, grants, plan.model, plan.definition)
        task = {
            "command": plan.command,
            "run": plan.run,
            "data": given.data,
            "libraries": given.libraries,
        }
        return task, given.folders

    async def _mark_begun(self, running: _Running, grants: list[Grant]) -> None:
        """From here on what the job says may come from the data, of the level that these have now if it is higher."""
        job, now = running.job, self._clock.now()
        level = max([job.privacy_level, *(grant.dataset.privacy_level for grant in grants)])
        await clear_run(self._store, job)
        async with self._store.begin() as work:
            stored = await held(work, job)
            values = {"started_at": stored.started_at or now, "privacy_level": level, "updated_at": now}
            await work.of(DataJob, EVERYTHING).change(job.id, **values)
            runs = work.of(Run, EVERYTHING)
            if await runs.count(id=job.number):
                run = {"status": RunStatus.RUNNING, "withheld": level > 0, "started_at": now, "updated_at": now}
                await runs.change(job.number, **run)
            if job.kind is DataJobKind.CHECK:
                await self._models.set_check(work, str(job.model_id), CheckerStatus.RUNNING, "", ())
        running.began, running.withheld = True, level > 0

    def _version(self, job: DataJob, plan: Plan, built: BuiltPackage) -> RunnableVersion:
        return RunnableVersion(
            version_id=f"data-job-{job.id}",
            organization_id=plan.project.organization_id,
            project_id=plan.project.id,
            project_name=plan.project.name,
            model_name="",
            version_name="",
            revision=0,
            language=self._settings.language,
            package_digest=built.package_digest,
            environment_digest=built.environment_digest,
            model_file="",
            memory_megabytes=self._settings.memory_megabytes,
            minimum_instances=0,
            maximum_instances=1,
            maximum_idle_seconds=0,
            input_type=ValueType.STRUCTURED,
            output_type=ValueType.STRUCTURED,
            input_fields=(),
            output_fields=(),
        )

    async def _take(self, running: _Running, plan: Plan, outcome: RunOutcome) -> Ended:
        """What the command left is in the store before anybody can read that the job has ended. Where no code but the
        platform's ran, it is the platform's."""
        job, own = running.job, plan.definition is not None
        logged = await self._files.logged(job)
        if logged.left_out:
            running.journal.say(f"{logged.left_out} lines that the run logged could not be taken", LogLevel.WARN)
        await write_logged(self._store, job, logged, Source.PLATFORM if own else Source.USER)
        result: Any = None
        try:
            files = await self._files.pack(job)
            report = await self._files.left(job, _REPORT, _MOST_RESULT_BYTES) if own else None
            async for artifact in self._files.keep_artifacts(job, files, platform_files(report)):
                await write_artifact(self._store, job, artifact)
            if job.kind in _LEFT:
                result = await self._files.left(job, _LEFT[job.kind], _MOST_RESULT_BYTES)
        except Unavailable:
            raise  # nothing is wrong with it: it cannot be kept now
        except QuintaError as error:
            outcome = RunOutcome(Reason.OUTPUT_TOO_LARGE, error_message=error.message, seconds=outcome.seconds)
        stored = await self._stored(job)
        if stored is not None and stored.cancelled_at is not None:
            return await self._cancelled(running)
        if outcome.success:
            running.journal.say(f"the job finished after {outcome.seconds:.2f} s")
            return await self._ended(running, RunStatus.FINISHED, _finished(result), report=result)
        return await self._failed(running, Failure(outcome.reason, outcome.error_message or outcome.reason))

    async def _stored(self, job: DataJob) -> DataJob | None:
        async with self._store.read() as work:
            return await work.of(DataJob, EVERYTHING).get(id=job.id)

    async def _failed(self, running: _Running, failure: Failure) -> Ended:
        # Everybody sees these sums: code that reads private rows could choose among reasons.
        self._failures.add(Subject.JOB, Reason.MODEL_ERROR if running.withheld else failure.reason)
        running.journal.say(f"the job failed: {failure}")
        return await self._ended(running, RunStatus.FAILED, failed_values(failure))

    async def _cancelled(self, running: _Running) -> Ended:
        running.journal.say("the job was cancelled")
        values = cancelled_values(self._clock)
        return await self._ended(running, RunStatus.KILLED, values)

    async def _ended(self, running: _Running, status: RunStatus, values: dict[str, Any], report: Any = None) -> Ended:
        log_key = await self._files.keep_log(running.job, running.journal)
        return self._end(
            running.job, status, {"progress": running.journal.progress, **values, "log_key": log_key}, report
        )

    def _end(self, job: DataJob, status: RunStatus, values: dict[str, Any], report: Any = None) -> Ended:
        now = self._clock.now()

        async def effect(work: UnitOfWork) -> None:
            await end_run(work, job.number, status, self._clock)
            if job.kind is DataJobKind.CHECK:
                checked, text, allowed = check_of(report)
                released = allowed if await is_released_by_check(work, job) else ()
                await self._models.set_check(work, str(job.model_id), checked, text, released)
            stored = await work.of(DataJob, EVERYTHING).get(id=job.id)
            if stored is not None and stored.started_at is None:
                await self._budgets.give_back(work, job.id)  # nothing was read

        return Ended({**values, "finished_at": now, "updated_at": now}, effect)

    def _give_up(self, job: DataJob, error: str) -> Ended:
        logger.error("data_jobs.given_up", job=job.id, error=error)
        failure = Failure(Reason.GIVEN_UP, "given up after several tries; the server's own log says why")
        self._failures.add(Subject.JOB, failure.reason)
        return self._end(job, RunStatus.FAILED, failed_values(failure))

    def _hear(self, event: Event) -> None:
        if event.name in (EventName.DATA_JOB_KILLED, EventName.PROJECT_DELETED):
            for running in self._running.values():
                if {f"data_job:{running.job.id}", f"project:{running.job.project_id}"} & set(event.tags):
                    running.killed.set()


def _checked(outcome: RunOutcome) -> RunOutcome:
    """A command that fails is a job that fails, whatever it logged before (contract dq0 3.8)."""
    if not outcome.success or outcome.result is None:
        return outcome
    try:
        code = json.loads(outcome.result)["exit_code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        code = None
    if code == 0 and isinstance(code, int):
        return outcome
    if not isinstance(code, int) or not -64 < code < 256:
        return RunOutcome(Reason.PROTOCOL_BROKEN, error_message="the command has no exit code", seconds=outcome.seconds)
    reason = Reason.KILLED_BY_SIGNAL if code < 0 else Reason.MODEL_ERROR
    text = f"the command was ended by signal {-code}" if code < 0 else f"the command ended with exit code {code}"
    return RunOutcome(reason, error_message=text, seconds=outcome.seconds)


def _finished(result: Any) -> dict[str, Any]:
    text = None if result is None else json.dumps(result)
    return {
        "status": JobStatus.FINISHED,
        "progress": 100,
        "result": text,
        "error_message": None,
        "reason": Reason.COMPLETED,
    }
