"""Taking jobs away."""

from __future__ import annotations

from typing import Any

from quinta.core.access.model import Actor
from quinta.core.events import Event, EventName
from quinta.core.files.keys import job_key
from quinta.core.jobs.model import Job
from quinta.core.ports import UnitOfWork
from quinta.core.scope import in_project


async def remove_jobs(work: UnitOfWork, actor: Actor, project_id: str, **conditions: Any) -> list[str]:
    """Removes the jobs that match; those that run are cancelled by the event. Answers the keys of what they may have in
    the object store, for after the commit."""
    jobs = work.of(Job, in_project(project_id))
    # In the order of the loop, so that neither waits for the other for ever.
    ids = await jobs.lock_all(**conditions)
    if ids:
        await jobs.remove(id=ids)
    for job_id in ids:
        work.emit(Event(EventName.JOB_DELETED, job_id, (f"job:{job_id}",), actor.user_id, project_id))
    return [key for job_id in ids for key in job_keys(project_id, job_id)]


def job_keys(project_id: str, job_id: str) -> list[str]:
    """All that a job can have in the object store; one that runs may not have it yet."""
    return [job_key(project_id, job_id, part) for part in ("output", "logs", "overlay")]
