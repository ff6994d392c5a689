"""What of a run an actor is shown (contract dq0 5.7)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum

from quinta.core.access.levels import project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob
from quinta.core.datasets.model import Dataset
from quinta.core.datasets.sight import Sight, sight_of
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import Run, Source, Stage

_SECRET_LEVEL = 2
"""The highest privacy level: nothing is shown without the owners' approval."""


class Shown(IntEnum):
    """How much of what a run logged an actor is shown: metrics, parameters, tags, artifacts and logs alike."""

    NOTHING = 0
    PLATFORM = 1
    EVERYTHING = 2

    def permits(self, source: Source) -> bool:
        """Whether what ``source`` wrote is shown. The text of the log is what user code printed: Source.USER."""
        return self is Shown.EVERYTHING or (self is Shown.PLATFORM and source is Source.PLATFORM)


async def visible(work: UnitOfWork, actor: Actor, run: Run) -> Shown:
    """How much of the run the actor is shown, whoever may know of the run."""
    return (await visible_of(work, actor, [run]))[run.id]


async def visible_of(work: UnitOfWork, actor: Actor, runs: Sequence[Run]) -> Mapping[str, Shown]:
    """``visible`` for many runs, by id."""
    shown = dict.fromkeys((run.id for run in runs), Shown.EVERYTHING)
    withheld = [run for run in runs if run.withheld and run.approved_at is None]
    if not withheld:
        return shown
    jobs = await _jobs_of(work, withheld)
    levels = {run.id: _level(run, jobs) for run in withheld}
    sight = await sight_of(work, actor)
    owned = await _owned(work, sight, [job for job in jobs.values() if job.privacy_level > 0])
    for run in withheld:
        if levels[run.id] > 0 and run.job_id not in owned:
            shown[run.id] = Shown.NOTHING if levels[run.id] >= _SECRET_LEVEL else Shown.PLATFORM
    return shown


async def may_release(work: UnitOfWork, actor: Actor, job: DataJob) -> bool:
    """Whether the actor answers for all data that the job read; nobody does for a job without datasets."""
    return job.id in await _owned(work, await sight_of(work, actor), [job])


async def run_at(work: UnitOfWork, actor: Actor, run_id: str, level: PermissionLevel) -> Run:
    """The run, deleted or not, if the actor has at least ``level`` on its project; NotFound or NotPermitted else.

    Who answers for all the data that it read may look at it wherever it is, so as to approve it.
    """
    run = await work.of(Run, EVERYTHING).get(id=run_id)
    if run is None:
        raise NotFound("there is no such run")
    try:
        await project_at(work, actor, run.project_id, level)
    except (NotFound, NotPermitted) as refusal:
        if level <= PermissionLevel.USE and run.job_id is not None:
            job = await work.of(DataJob, EVERYTHING).get(id=run.job_id)
            if job is not None and await may_release(work, actor, job):
                return run
        if isinstance(refusal, NotPermitted):
            raise
        raise NotFound("there is no such run", refusal=refusal.is_refusal, project_id=run.project_id) from None
    return run


async def active_run_at(work: UnitOfWork, actor: Actor, run_id: str, level: PermissionLevel) -> Run:
    """``run_at`` for runs that are not deleted: a deleted one is NotFound."""
    run = await run_at(work, actor, run_id, level)
    if run.stage is Stage.DELETED:
        raise NotFound("the run is deleted: restore it first", project_id=run.project_id)
    return run


async def _jobs_of(work: UnitOfWork, runs: Sequence[Run]) -> dict[str, DataJob]:
    ids = {run.job_id for run in runs if run.job_id is not None}
    return {job.id: job for job in await work.of(DataJob, EVERYTHING).find(id=ids)} if ids else {}


def _level(run: Run, jobs: Mapping[str, DataJob]) -> int:
    """The privacy level of what the run read; the highest where nobody knows any more."""
    job = None if run.job_id is None else jobs.get(run.job_id)
    return _SECRET_LEVEL if job is None else job.privacy_level


async def _owned(work: UnitOfWork, sight: Sight, jobs: Sequence[DataJob]) -> set[str]:
    """The ids of those jobs for every dataset of which the actor answers, and there is one."""
    read: dict[str, list[str]] = {job.id: json.loads(job.datasets) for job in jobs}
    wanted = {dataset_id for ids in read.values() for dataset_id in ids}
    datasets = await work.of(Dataset, EVERYTHING).find(id=wanted) if wanted else []
    managed = {dataset.id for dataset in datasets if sight.answers_for(dataset)}
    return {job_id for job_id, ids in read.items() if ids and managed.issuperset(ids)}
