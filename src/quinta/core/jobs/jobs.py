"""Jobs: one-shot runs of a client's application on a repository's inputs (contract vbrain 5)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from quinta.core.access.clients import ClientName, ClientRight, Place, client_for
from quinta.core.access.model import Actor
from quinta.core.errors import NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.files.find import repository_named
from quinta.core.files.keys import job_key
from quinta.core.files.model import Repository
from quinta.core.files.stored import StoredArchives
from quinta.core.jobs.logs import EXECUTION_LOG, execution_log
from quinta.core.jobs.model import Job, JobStatus
from quinta.core.jobs.remove import job_keys, remove_jobs
from quinta.core.models.packages import Download
from quinta.core.observation.model import LogLine
from quinta.core.ports import Store, UnitOfWork
from quinta.core.requests.reading import Reader
from quinta.core.scope import in_project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

_MOST_LINES = 50_000
"""Of a run the supervisor keeps 10,000 lines and 1 MiB; a job has few runs."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job with the number of its repository."""

    job: Job
    repository_number: str


class Jobs:
    """Use cases about jobs of a client.

    Each raises NotFound by ``field`` and NotPermitted as core.access.clients.client_for does, and NotFound with the
    field ``repository_id`` or ``job_id`` for a number that the client has not.
    """

    def __init__(self, store: Store, stored: StoredArchives, reader: Reader, clock: Clock) -> None:
        self._store = store
        self._stored = stored
        self._reader = reader
        self._clock = clock

    async def check_create(self, actor: Actor, client: ClientName, repository_number: str) -> tuple[Place, Repository]:
        """Raises what ``create`` would raise before it looks at what was sent, else answers where the job will be."""
        async with self._store.read() as work:
            place = await client_for(work, actor, client, ClientRight.CREATE_JOB)
            return place, await repository_named(work, place.project.id, repository_number)

    async def create(
        self,
        actor: Actor,
        client: ClientName,
        repository_number: str,
        *,
        params: str | None,
        metadata: str,
        upload: Path | None,
        file_name: str,
    ) -> Job:
        """Queues a run. ``params``, a checked text of a JSON object, go over the repository's by their top-level names,
        and the files in ``upload``, which the caller keeps, over its files (contract vbrain 5.2).

        InvalidInput and TooLarge (field ``file``) as core.ports.Archives.take_in; nothing is left of it then.
        """
        place, repository = await self.check_create(actor, client, repository_number)
        merged = await self._reader.overlaid(repository.params or "{}", params or "{}")
        job_id = new_id()
        key = job_key(place.project.id, job_id, "overlay")
        async with self._stored.kept(upload, file_name, key) as files, self._store.begin() as work:
            place = await client_for(work, actor, client, ClientRight.CREATE_JOB)
            job = self._new(actor, place, repository, job_id, merged, metadata, key if files else None)
            repositories = work.of(Repository, in_project(place.project.id))
            if not await repositories.lock_all(sharing=True, id=repository.id):
                raise NotFound(f"the repository '{repository.number}' was deleted meanwhile", field="repository_id")
            await work.of(Job, in_project(place.project.id)).add(job)
            work.emit(Event(EventName.JOB_CREATED, job.id, (), actor.user_id, job.project_id))
        return job

    def _new(
        self,
        actor: Actor,
        place: Place,
        repository: Repository,
        job_id: str,
        params: str,
        metadata: str,
        overlay_key: str | None,
    ) -> Job:
        now = self._clock.now()
        return Job(
            id=job_id,
            project_id=place.project.id,
            repository_id=repository.id,
            application_id=place.application.id,
            number=str(uuid.uuid4()),
            params=params,
            metadata=metadata,
            overlay_key=overlay_key,
            status=JobStatus.QUEUED,
            created_by=actor.email,
            created_at=now,
            updated_at=now,
        )

    async def find(self, actor: Actor, client: ClientName, repository_number: str) -> list[str]:
        """The numbers of the repository's jobs, newest first."""
        async with self._store.read() as work:
            place = await client_for(work, actor, client, ClientRight.READ_JOB)
            repository = await repository_named(work, place.project.id, repository_number)
            jobs = work.of(Job, in_project(place.project.id))
            return await jobs.values("number", order=("-created_at", "-id"), repository_id=repository.id)

    async def get(self, actor: Actor, client: ClientName, number: str) -> JobView:
        async with self._store.read() as work:
            job = await _job_for(work, actor, client, number, ClientRight.READ_JOB)
            repositories = work.of(Repository, in_project(job.project_id))
            numbers = await repositories.values("number", id=job.repository_id)
        if not numbers:  # it went, and the job with it, since the job was read
            raise _no_job(number)
        return JobView(job, numbers[0])

    async def output(self, actor: Actor, client: ClientName, number: str) -> Download:
        """A zip of the files that the application left; StateConflict unless the job finished."""
        async with self._store.read() as work:
            job = await _job_for(work, actor, client, number, ClientRight.READ_JOB)
        if job.status is not JobStatus.FINISHED:
            raise StateConflict(f"the job is {job.status}: only one that finished has an output")
        return await self._stored.download(job.output_key, f"{job.number}.zip")

    async def logs(self, actor: Actor, client: ClientName, number: str) -> Download:
        """A zip of the job's logs; while it has none that are kept, of the lines that are stored so far."""
        async with self._store.read() as work:
            job = await _job_for(work, actor, client, number, ClientRight.READ_JOB)
            lines = []
            if job.logs_key is None:
                stored = work.of(LogLine, in_project(job.project_id))
                lines = await stored.find(order=("id",), limit=_MOST_LINES, request_id=job.id)
        file_name = f"{job.number}.zip"
        if not lines:
            return await self._stored.download(job.logs_key, file_name)
        return await self._stored.download_text(execution_log(lines), EXECUTION_LOG, file_name)

    async def delete(self, actor: Actor, client: ClientName, number: str) -> None:
        """Removes the files, then the job; one that runs is cancelled by that. Unavailable when a file cannot be
        removed: the job is still there and can be deleted again (contract vbrain 5.5)."""
        async with self._store.read() as work:
            job = await _job_for(work, actor, client, number, ClientRight.DELETE_JOB)
        await self._stored.remove(job_keys(job.project_id, job.id))
        async with self._store.begin() as work:
            if not await remove_jobs(work, actor, job.project_id, id=job.id):
                raise _no_job(number)


async def _job_for(work: UnitOfWork, actor: Actor, client: ClientName, number: str, right: ClientRight) -> Job:
    place = await client_for(work, actor, client, right)
    known = parse_id(number)
    job = None if known is None else await work.of(Job, in_project(place.project.id)).get(number=known)
    if job is None:
        raise _no_job(number)
    return job


def _no_job(number: str) -> NotFound:
    return NotFound(f"there is no job '{number[:80]}'", field="job_id")
