"""Runs: making, seeing, ending and deleting them (contract dq0 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob
from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging, check_page, order_of
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.core.tracking.experiments import experiment_at, readable_projects, require_own
from quinta.core.tracking.logging import Batch, Pair, check_batch, record, writable_run
from quinta.core.tracking.model import Experiment, Run, RunMetric, RunStatus, Source, Stage
from quinta.core.tracking.rules import check_run_name
from quinta.core.tracking.views import RunView, views_of
from quinta.core.tracking.visibility import run_at, visible
from quinta.core.unset import UNSET, Unset
from quinta.kit.clock import Clock

SORTED_BY = frozenset({"created_at", "ended_at", "id", "name", "started_at", "status", "updated_at"})
ENDED = frozenset({RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED})


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs: of a project, an experiment, a commit, made by a user (its row's id), in a stage (None: in both)."""

    paging: Paging = field(default_factory=Paging)
    project_id: str | None = None
    experiment_id: str | None = None
    commit_id: str | None = None
    creator_id: str | None = None
    stage: Stage | None = Stage.ACTIVE


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that an outside client makes; without a name it gets one of its id, without a moment it starts now."""

    experiment_id: str
    name: str | None = None
    started_at: datetime | None = None
    tags: Sequence[Pair] = ()


class Runs:
    """Use cases about runs. Reading needs level USE on the project, or to answer for all the data that a run read;
    writing needs WRITE."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, new: NewRun) -> RunView:
        """Makes a run that the caller itself carries out and writes to. StateConflict: its experiment is deleted."""
        batch = Batch(tags=new.tags)
        check_batch(batch)
        name = None if not new.name else check_run_name(new.name)
        async with self._store.begin() as work:
            experiment, project = await experiment_at(work, actor, new.experiment_id, PermissionLevel.WRITE)
            if experiment.stage is Stage.DELETED:
                raise StateConflict("the experiment is deleted: restore it first", project_id=project.id)
            run_id = str(uuid4())
            run = make_run(run_id, experiment, name, actor.user_id, self._clock.now())
            run = replace(run, started_at=new.started_at or run.started_at)
            await add_run(work, run)
            await record(work, run, batch, Source.USER)
            return (await views_of(work, actor, [run]))[0]

    async def get(self, actor: Actor, run_id: str) -> RunView:
        """The run, deleted or not."""
        async with self._store.read() as work:
            run = await run_at(work, actor, run_id, PermissionLevel.USE)
            return (await views_of(work, actor, [run]))[0]

    async def find(self, actor: Actor, query: RunQuery) -> Page[RunView]:
        """Those of projects that the actor may read, newest first unless the paging says otherwise."""
        order = order_of(query.paging, SORTED_BY, ("-created_at",))
        async with self._store.read() as work:
            conditions: dict[str, Any] = {"project_id": list(await readable_projects(work, actor, query.project_id))}
            if query.experiment_id is not None:
                conditions["experiment_id"] = query.experiment_id
            if query.commit_id is not None:
                conditions["job_id"] = await work.of(DataJob, EVERYTHING).values("id", commit_id=query.commit_id)
            if query.creator_id is not None:
                conditions["created_by"] = query.creator_id
            if query.stage is not None:
                conditions["stage"] = query.stage
            runs = work.of(Run, EVERYTHING)
            found = await runs.find(order=order, limit=query.paging.limit, offset=query.paging.offset, **conditions)
            return Page(tuple(await views_of(work, actor, found)), await runs.count(**conditions))

    async def history(self, actor: Actor, run_id: str, key: str, paging: Paging) -> Page[RunMetric]:
        """All values of a metric that the actor is shown, by step, then time; none, if the run has no such metric."""
        check_page(paging)
        async with self._store.read() as work:
            run = await run_at(work, actor, run_id, PermissionLevel.USE)
            shown = await visible(work, actor, run)
            metrics = work.of(RunMetric, EVERYTHING)
            wanted: dict[str, Any] = {
                "run_id": run.id,
                "key": key,
                "source": [source for source in Source if shown.permits(source)],
            }
            order = ("step", "timestamp", "id")
            found = await metrics.find(order=order, limit=paging.limit, offset=paging.offset, **wanted)
            return Page(tuple(found), await metrics.count(**wanted))

    async def change(
        self,
        actor: Actor,
        run_id: str,
        *,
        status: RunStatus | Unset = UNSET,
        ended_at: datetime | Unset | None = UNSET,
        name: str | Unset = UNSET,
    ) -> RunView:
        """Says how a run goes that the caller carries out, or names it anew. A run that has ended without saying when
        has ended now. NotPermitted for one that a job writes."""
        if not isinstance(name, Unset):
            check_run_name(name)
        async with self._store.begin() as work:
            run = await writable_run(work, actor, run_id)
            given = {"status": status, "ended_at": ended_at, "name": name}
            values: dict[str, Any] = {key: value for key, value in given.items() if not isinstance(value, Unset)}
            if values.get("status") in ENDED and "ended_at" not in values:
                values["ended_at"] = self._clock.now()
            changed = await _change(work, run, values, EventName.RUN_CHANGED, actor.user_id, self._clock)
            return (await views_of(work, actor, [changed]))[0]

    async def delete(self, actor: Actor, run_id: str) -> RunView:
        """What it logged stays, and comes back with it. Deleting it again changes nothing.

        NotPermitted for who neither made it nor manages the project.
        """
        return await self._set_stage(actor, run_id, Stage.DELETED, EventName.RUN_DELETED)

    async def restore(self, actor: Actor, run_id: str) -> RunView:
        """Who may delete it may restore it."""
        return await self._set_stage(actor, run_id, Stage.ACTIVE, EventName.RUN_RESTORED)

    async def _set_stage(self, actor: Actor, run_id: str, stage: Stage, event: EventName) -> RunView:
        async with self._store.begin() as work:
            run = await run_at(work, actor, run_id, PermissionLevel.WRITE)
            project = await work.of(Project, EVERYTHING).get(id=run.project_id)
            assert project is not None  # the run's row refers to it
            await require_own(work, actor, run.created_by, project)
            run = await work.of(Run, EVERYTHING).lock(run.id)
            if run.stage is not stage:
                run = await _change(work, run, {"stage": stage}, event, actor.user_id, self._clock)
            return (await views_of(work, actor, [run]))[0]


def make_run(
    run_id: str,
    experiment: Experiment,
    name: str | None,
    creator_id: str | None,
    now: datetime,
    *,
    status: RunStatus = RunStatus.RUNNING,
    job_id: str | None = None,
    withheld: bool = False,
) -> Run:
    """A run of the experiment. A job's has the job's number for its ``run_id`` and the id of its row for ``job_id``; it
    is ``withheld`` where the job reads data above privacy level 0."""
    return Run(
        id=run_id,
        project_id=experiment.project_id,
        experiment_id=experiment.id,
        name=name or f"run-{run_id[:8]}",
        status=status,
        stage=Stage.ACTIVE,
        created_by=creator_id,
        started_at=now,
        created_at=now,
        updated_at=now,
        job_id=job_id,
        withheld=withheld,
    )


async def add_run(work: UnitOfWork, run: Run) -> None:
    """Writes a new run, whoever asks."""
    await work.of(Run, in_project(run.project_id)).add(run)
    work.emit(Event(EventName.RUN_CREATED, run.id, (), run.created_by, run.project_id))


async def end_run(work: UnitOfWork, run_id: str, status: RunStatus, clock: Clock) -> None:
    """Writes how the run of a job, whose row the caller has locked, has ended; a job without a run has none to end."""
    run = await work.of(Run, EVERYTHING).get(id=run_id)
    if run is None:
        return
    values: dict[str, Any] = {"status": status}
    if status in ENDED:
        values["ended_at"] = clock.now()
    await _change(work, run, values, EventName.RUN_CHANGED, None, clock)


async def _change(
    work: UnitOfWork, run: Run, values: dict[str, Any], event: EventName, actor_id: str | None, clock: Clock
) -> Run:
    """The run with those values; nothing is written where they are there already."""
    if all(getattr(run, name) == value for name, value in values.items()):
        return run
    values = {**values, "updated_at": clock.now()}
    await work.of(Run, in_project(run.project_id)).change(run.id, **values)
    work.emit(Event(event, run.id, (), actor_id, run.project_id))
    return replace(run, **values)
