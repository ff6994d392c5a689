"""Releasing what a job's run withholds to everybody who may read the project (contract dq0 5.7)."""

from __future__ import annotations

from quinta.core.commits.model import DataJob
from quinta.core.errors import NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tracking.model import Run
from quinta.kit.clock import Clock
from quinta.kit.ids import parse_id


async def approve_job(work: UnitOfWork, job: DataJob, clock: Clock, by: str | None) -> None:
    """Releases it in the name of ``by`` (None: the operator); callers check who may. Again is no error.

    StateConflict while the job has not ended: nobody approves what is not there. NotFound where it has no run.
    """
    if not job.status.ended:
        raise StateConflict("the job has not ended: look at what it put out before you approve it")
    runs = work.of(Run, in_project(job.project_id))
    run = await runs.get(id=job.number)
    if run is None:
        raise NotFound("the job has no run", field="run_uuid")
    if run.approved_at is None:
        now = clock.now()
        await runs.change(run.id, approved_at=now, updated_at=now)
        work.emit(Event(EventName.RUN_APPROVED, run.id, (), by, job.project_id))


async def approve_as_operator(store: Store, clock: Clock, number: str) -> DataJob:
    """``approve_job`` for the job of a run, by the run's number, where its data's owners cannot; NotFound for none."""
    known = parse_id(number)
    async with store.begin() as work:
        job = None if known is None else await work.of(DataJob, EVERYTHING).get(number=known)
        if job is None:
            raise NotFound(f"there is no run '{number[:80]}' of a job on data", field="run_uuid")
        await approve_job(work, job, clock, None)
        return job
