"""Jobs on datasets: started, seen, cancelled, approved (contract dq0 4.2, 5.7, 9.4 to 9.7)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from quinta.core.access.levels import project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.approvals import approve_job
from quinta.core.commits.commits import commit_at, latest_commit, seen_projects
from quinta.core.commits.entry_points import TRANSFORM_ENTRY_POINT, EntryPoint, command_of, entry_points_of, resolved
from quinta.core.commits.job_views import CANCELLED, JobView, job_views
from quinta.core.commits.model import Commit, DataJob, DataJobKind
from quinta.core.commits.private_training import private_training
from quinta.core.datasets.attachments import datasets_for_job
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.model import Dataset
from quinta.core.datasets.sight import hidden_columns, sight_of
from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.events import Event, EventName
from quinta.core.jobs.model import JobStatus
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Contains, ObjectStore, Store, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.core.tracking.experiments import experiment_named, experiment_of_project
from quinta.core.tracking.model import (
    CheckerStatus,
    RegisteredModel,
    Run,
    RunParam,
    RunStatus,
    RunTag,
    Source,
)
from quinta.core.tracking.rules import check_experiment_name
from quinta.core.tracking.runs import add_run, end_run, make_run
from quinta.core.tracking.visibility import may_release
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

_SORTED_BY = frozenset({"created_at", "id", "kind", "updated_at"})
_FILES = frozenset({"csv", "json", "parquet"})
_MASKED = frozenset({"csv", "json"})
"""Of which columns can be left out (engine/projects/columns.py)."""
ENTRY_POINT_TAG = "mlflow.project.entryPoint"


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs; what is None does not matter. ``params`` is a part of the parameters' text."""

    paging: Paging = field(default_factory=Paging)
    project_id: str | None = None
    commit_id: str | None = None
    user_id: str | None = None
    kind: str | None = None
    params: str = ""


class DataJobs:
    """Use cases about jobs. Starting and cancelling needs the level WRITE on the project, reading USE.

    What user code put out is left out of all answers for who may not see it (core.commits.sight).
    """

    def __init__(self, store: Store, objects: ObjectStore, budgets: Budgets, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._budgets = budgets
        self._clock = clock

    async def run(
        self,
        actor: Actor,
        project_id: str,
        commit_id: str,
        entry_point: str,
        arguments: Mapping[str, str],
        *,
        experiment_name: str = "",
        kind: DataJobKind = DataJobKind.RUN,
    ) -> DataJob:
        """Queues a run of an entry point of a commit, "" being the project's latest, on all datasets that are attached.

        InvalidInput: an entry point that there is not (``ml_project_entry_point``), arguments that do not fit
        (``args``), a commit of another project (``commit_uuid``). NotPermitted: a dataset that the actor may not read.
        A private training reserves the most that it may cost: LimitReached where the budget has less.
        """
        async with self._store.begin() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            if commit_id:
                commit = await commit_at(work, actor, commit_id, PermissionLevel.WRITE)
            else:
                commit = await latest_commit(work, project)
            if commit.project_id != project.id:
                raise InvalidInput("the commit is of another project", field="commit_uuid")
            point = _entry_point(commit, entry_point)
            values = resolved(point, arguments)
            datasets = await readable_datasets(work, actor, project.id)
            job = self._new(actor, project.id, kind, datasets)
            job = replace(job, commit_id=commit.id, entry_point=entry_point, params=json.dumps(values))
            await add_job(work, actor, job)
            run = await run_of_job(work, project, job, self._clock, experiment_name)
            await self._log_start(work, run, entry_point, values)
            training = private_training(command_of(point, values))
            if training is not None and job.privacy_level > 0:
                ids = [dataset.id for dataset in training.data(datasets)]
                await self._budgets.reserve(work, ids, job.id, actor.user_id, training.cost())
            return job

    async def transform(self, actor: Actor, commit_id: str) -> DataJob:
        """Queues a run of the entry point ``transform``; errors as of ``run``."""
        async with self._store.read() as work:
            commit = await commit_at(work, actor, commit_id, PermissionLevel.WRITE)
        return await self.run(
            actor, commit.project_id, commit.id, TRANSFORM_ENTRY_POINT, {}, kind=DataJobKind.TRANSFORM
        )

    def _new(self, actor: Actor, project_id: str, kind: DataJobKind, datasets: list[Dataset]) -> DataJob:
        return new_job(actor, project_id, kind, datasets, self._clock)

    async def _log_start(self, work: UnitOfWork, run: Run, entry_point: str, values: Mapping[str, str]) -> None:
        """The arguments are words of who started the job, which the job shows; among what the platform itself says of a
        run they have no place, where a made-up name could pass for a measure."""
        await work.of(RunTag, EVERYTHING).add(
            RunTag(new_id(), run.id, ENTRY_POINT_TAG, entry_point, Source.PLATFORM),
        )
        params = [RunParam(new_id(), run.id, name, value, Source.USER) for name, value in values.items()]
        if params:
            await work.of(RunParam, EVERYTHING).add(*params)

    async def get(self, actor: Actor, number: str) -> JobView:
        async with self._store.read() as work:
            job = await job_at(work, actor, number, PermissionLevel.USE)
            return (await job_views(work, actor, [job]))[0]

    async def find(self, actor: Actor, query: JobQuery) -> Page[JobView]:
        """Newest first unless the paging says otherwise."""
        order = order_of(query.paging, _SORTED_BY, ("-created_at",))
        async with self._store.read() as work:
            conditions = await seen_projects(work, actor, query.project_id)
            given = {"commit_id": query.commit_id, "created_by": query.user_id}
            conditions |= {name: value for name, value in given.items() if value is not None}
            if query.kind is not None:
                if query.kind not in set(DataJobKind):
                    raise InvalidInput(f"there is no job type '{query.kind[:80]}'", field="job_type")
                conditions["kind"] = query.kind
            if query.params:
                conditions["params"] = Contains(query.params)
            jobs = work.of(DataJob, EVERYTHING)
            total = await jobs.count(**conditions)
            found = await jobs.find(order=order, limit=query.paging.limit, offset=query.paging.offset, **conditions)
            return Page(tuple(await job_views(work, actor, found)), total)

    async def of_runs(self, actor: Actor, run_ids: Sequence[str]) -> dict[str, JobView]:
        """What made those of the runs, which the actor may know of, that jobs made; by the run's id."""
        if not run_ids:
            return {}
        async with self._store.read() as work:
            jobs = await work.of(DataJob, EVERYTHING).find(number=list(run_ids))
            return {view.job.number: view for view in await job_views(work, actor, jobs)}

    async def log(self, actor: Actor, number: str) -> str:
        """What the job has printed so far; nothing for who may not see it, except of a job whose code never began."""
        return await self.log_of(await self.get(actor, number))

    async def log_of(self, view: JobView) -> str:
        """``log`` of a job as the actor was shown it."""
        key = view.job.log_key
        return "" if key is None else b"".join([piece async for piece in self._objects.stream(key)]).decode()

    async def cancel(self, actor: Actor, number: str, *, force: bool = False) -> bool:
        """Asks a job to stop: its code gets a signal and ten seconds, or with ``force`` none. One that waits ends at
        once. False when it has ended, or was asked before."""
        async with self._store.begin() as work:
            seen = await job_at(work, actor, number, PermissionLevel.WRITE)
            jobs = work.of(DataJob, in_project(seen.project_id))
            job = await jobs.lock(seen.id)
            if job.status.ended:
                return False
            now, tags = self._clock.now(), (f"data_job:{job.id}",)
            if job.status is JobStatus.QUEUED:
                await jobs.change(job.id, **cancelled_values(self._clock), cancelled_at=now)
                await end_run(work, job.number, RunStatus.KILLED, self._clock)
                if job.started_at is None:
                    await self._budgets.give_back(work, job.id)
                if job.kind is DataJobKind.CHECK:
                    models = work.of(RegisteredModel, in_project(job.project_id))
                    await models.change(str(job.model_id), checker_status=CheckerStatus.NONE, updated_at=now)
            elif job.cancelled_at is None:
                await jobs.change(job.id, cancelled_at=now, updated_at=now)
            elif not force:
                return False
            name = EventName.DATA_JOB_KILLED if force else EventName.DATA_JOB_CANCELLED
            work.emit(Event(name, job.id, tags, actor.user_id, job.project_id))
            return True

    async def approve(self, actor: Actor, number: str) -> JobView:
        """Releases what a job's run withholds to everybody who may read the project; for who answers for all its
        datasets. Errors as of ``approve_job``."""
        async with self._store.begin() as work:
            job = await self._to_approve(work, actor, number)
            await approve_job(work, job, self._clock, actor.user_id)
            return (await job_views(work, actor, [job]))[0]

    async def _to_approve(self, work: UnitOfWork, actor: Actor, number: str) -> DataJob:
        """A data owner need not be able to see the project of those who use its data."""
        known = parse_id(number)
        job = None if known is None else await work.of(DataJob, EVERYTHING).get(number=known)
        if job is not None and await may_release(work, actor, job):
            return job
        job = await job_at(work, actor, number, PermissionLevel.USE)
        raise NotPermitted("only who owns all datasets of the job may approve it", project_id=job.project_id)


async def job_at(work: UnitOfWork, actor: Actor, number: str, level: PermissionLevel) -> DataJob:
    """The job by its number, if the actor has at least ``level`` on its project; a data owner reads those on its data.
    NotFound if the actor may not know of it."""
    known = parse_id(number)
    job = None if known is None else await work.of(DataJob, EVERYTHING).get(number=known)
    if job is None:
        raise NotFound("there is no such job", field="job_uuid")
    try:
        await project_at(work, actor, job.project_id, level)
    except (NotFound, NotPermitted) as refusal:
        if level <= PermissionLevel.USE and await may_release(work, actor, job):
            return job
        if isinstance(refusal, NotPermitted):
            raise
        raise NotFound("there is no such job", field="job_uuid", refusal=True, project_id=job.project_id) from refusal
    return job


async def readable_datasets(work: UnitOfWork, actor: Actor, project_id: str) -> list[Dataset]:
    """What a job that the actor starts now would read. InvalidInput for tables of a database, which code in a sandbox
    without network cannot reach, and for files of which hidden columns cannot be left out."""
    datasets = await datasets_for_job(work, actor, project_id)
    for dataset in datasets:
        if dataset.kind not in _FILES:
            raise InvalidInput(
                f"the dataset '{dataset.name}' is in {dataset.kind}: runs read files ({', '.join(sorted(_FILES))}); "
                "detach it, or ask it by queries",
                field="project_uuid",
            )
    hidden = await hidden_columns(work, await sight_of(work, actor), datasets)
    for dataset in datasets:
        if hidden[dataset.id] and dataset.kind not in _MASKED:
            raise InvalidInput(
                f"the dataset '{dataset.name}' has columns that you may not see, which runs leave out of "
                f"{' and '.join(sorted(_MASKED))} files but not of {dataset.kind}: ask its owner, or detach it",
                field="project_uuid",
            )
    return datasets


def new_job(actor: Actor, project_id: str, kind: DataJobKind, datasets: list[Dataset], clock: Clock) -> DataJob:
    """A job that waits, without a command yet."""
    now = clock.now()
    return DataJob(
        id=new_id(),
        project_id=project_id,
        number=str(uuid.uuid4()),
        kind=kind,
        commit_id=None,
        model_id=None,
        entry_point="",
        params="{}",
        datasets=json.dumps([dataset.id for dataset in datasets]),
        privacy_level=max((dataset.privacy_level for dataset in datasets), default=0),
        status=JobStatus.QUEUED,
        progress=0,
        created_by=actor.user_id,
        created_at=now,
        updated_at=now,
    )


async def add_job(work: UnitOfWork, actor: Actor, job: DataJob) -> None:
    await work.of(DataJob, in_project(job.project_id)).add(job)
    tags = (f"data_job:{job.id}",)
    work.emit(Event(EventName.DATA_JOB_CREATED, job.id, tags, actor.user_id, job.project_id))


def cancelled_values(clock: Clock) -> dict[str, Any]:
    """What a job that was cancelled ends with."""
    now = clock.now()
    return {
        "status": JobStatus.FAILED,
        "error_message": CANCELLED,
        "reason": Reason.CANCELLED,
        "finished_at": now,
        "updated_at": now,
    }


def failed_values(failure: Failure) -> dict[str, Any]:
    """What a job that has failed ends with; when, is for the loop to say."""
    return {"status": JobStatus.FAILED, "error_message": failure.message, "reason": failure.reason}


async def run_of_job(work: UnitOfWork, project: Project, job: DataJob, clock: Clock, experiment_name: str = "") -> Run:
    """Adds the job's run: in the experiment of that name, which is made if it is not there; without a name in the
    project's own."""
    if experiment_name:
        name = check_experiment_name(experiment_name)
        experiment = await experiment_named(work, project, name, job.created_by, clock)
    else:
        experiment = await experiment_of_project(work, project, job.created_by, clock)
    name = job.entry_point or job.kind.value
    withheld = job.privacy_level > 0 and job.kind is not DataJobKind.QUERY
    run = make_run(
        job.number,
        experiment,
        name,
        job.created_by,
        job.created_at,
        status=RunStatus.SCHEDULED,
        job_id=job.id,
        withheld=withheld,
    )
    await add_run(work, run)
    return run


def _entry_point(commit: Commit, name: str) -> EntryPoint:
    points = entry_points_of(commit.entry_points)
    if name not in points:
        known = ", ".join(f"'{each}'" for each in points)
        raise InvalidInput(f"Could not find '{name[:80]}' among entry points [{known}]", field="ml_project_entry_point")
    return points[name]
