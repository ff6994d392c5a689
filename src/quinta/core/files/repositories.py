"""Repositories: inputs and common params that jobs run on, fixed when they are made (contract vbrain 4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from quinta.core.access.clients import ClientName, ClientRight, Place, client_for
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, NotFound, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.files.find import repository_named
from quinta.core.files.keys import repository_key
from quinta.core.files.model import InputFile, Repository
from quinta.core.files.references import require_no_record
from quinta.core.files.stored import StoredArchives
from quinta.core.jobs.model import Job
from quinta.core.jobs.remove import remove_jobs
from quinta.core.models.packages import Download
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_MINUTE = timedelta(minutes=1)
_TRIES = 20


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A repository with the numbers of its jobs, newest first."""

    repository: Repository
    jobs: tuple[str, ...]


class Repositories:
    """Use cases about repositories of a client. ``zone`` is the one whose clock their numbers show.

    Each raises NotFound by ``field`` and NotPermitted as core.access.clients.client_for does.
    """

    def __init__(self, store: Store, stored: StoredArchives, clock: Clock, zone: tzinfo) -> None:
        self._store = store
        self._stored = stored
        self._clock = clock
        self._zone = zone

    async def check_create(self, actor: Actor, client: ClientName) -> Place:
        """Raises what ``create`` would raise before it looks at what was sent, else answers where the repository will
        be: to be asked before a body is received, so that nobody fills the disk with what is refused in the end."""
        async with self._store.read() as work:
            return await client_for(work, actor, client, ClientRight.CREATE_REPOSITORY)

    async def create(
        self,
        actor: Actor,
        client: ClientName,
        *,
        params: str | None,
        metadata: str,
        upload: Path | None,
        file_name: str,
    ) -> Repository:
        """Makes a repository of what is in ``upload``, which the caller keeps; ``file_name`` says by its extension what
        that is. ``params`` and ``metadata`` are checked texts of JSON objects.

        InvalidInput and TooLarge (field ``file``) as core.ports.Archives.take_in; nothing is left of it then.
        """
        place = await self.check_create(actor, client)
        repository_id = new_id()
        key = repository_key(place.project.id, repository_id)
        async with self._stored.kept(upload, file_name, key) as files:
            for _ in range(_TRIES):
                try:
                    return await self._add(actor, client, repository_id, params, metadata, files, key)
                except AlreadyExists:  # another server took the number at the same moment
                    continue
            raise Unavailable("too many repositories are made at this moment: try again")

    async def _add(
        self,
        actor: Actor,
        client: ClientName,
        repository_id: str,
        params: str | None,
        metadata: str,
        files: tuple[InputFile, ...],
        key: str,
    ) -> Repository:
        now = self._clock.now()
        async with self._store.begin() as work:
            place = await client_for(work, actor, client, ClientRight.CREATE_REPOSITORY)
            repository = Repository(
                id=repository_id,
                project_id=place.project.id,
                number=await self._free_number(work, now),
                params=params,
                metadata=metadata,
                files=files,
                archive_key=key if files else None,
                created_by=actor.email,
                created_at=now,
            )
            await work.of(Repository, in_project(place.project.id)).add(repository)
            work.emit(_event(EventName.REPOSITORY_CREATED, repository, actor))
        return repository

    async def _free_number(self, work: UnitOfWork, now: datetime) -> str:
        """YYYYMMDDhhmmss and 4 digits of the second, or the next that is above all there are: a clock may be put back,
        and a zone's is every autumn (contract vbrain 3)."""
        local = now.astimezone(self._zone)
        number = f"{local:%Y%m%d%H%M%S}{local.microsecond // 100:04}"
        later = await work.of(Repository, EVERYTHING).values(
            "number", order=("-number",), limit=1, number=Between(start=number)
        )
        return str(int(later[0]) + 1) if later else number

    async def find(
        self, actor: Actor, client: ClientName, earliest: datetime | None, latest: datetime | None
    ) -> list[str]:
        """The numbers of the repositories, newest first: of those made from the minute that begins at ``earliest`` to
        the end of the one that begins at ``latest``."""
        made = Between(start=earliest, end=None if latest is None else latest + _MINUTE)
        async with self._store.read() as work:
            place = await client_for(work, actor, client, ClientRight.READ_REPOSITORY)
            repositories = work.of(Repository, in_project(place.project.id))
            return await repositories.values("number", order=("-number",), created_at=made)

    async def get(self, actor: Actor, client: ClientName, number: str) -> RepositoryView:
        async with self._store.read() as work:
            repository = await self._to_read(work, actor, client, number)
            jobs = work.of(Job, in_project(repository.project_id))
            numbers = await jobs.values("number", order=("-created_at", "-id"), repository_id=repository.id)
        return RepositoryView(repository, tuple(numbers))

    async def input(self, actor: Actor, client: ClientName, number: str) -> Download:
        """A zip of the files; an empty one when there are none (contract vbrain 4.3)."""
        async with self._store.read() as work:
            repository = await self._to_read(work, actor, client, number)
        return await self._stored.download(repository.archive_key, f"{repository.number}.zip")

    async def delete(self, actor: Actor, client: ClientName, number: str) -> None:
        """Cancels and removes the jobs, then removes files, then the repository. Unavailable when a file cannot be
        removed: the repository is still there and can be deleted again (contract vbrain 4.4). StateConflict while a
        data record points at it."""
        async with self._store.begin() as work:
            place = await client_for(work, actor, client, ClientRight.DELETE_REPOSITORY)
            repository = await repository_named(work, place.project.id, number)
            repositories = work.of(Repository, in_project(repository.project_id))
            if await repositories.lock_all(id=repository.id):
                await require_no_record(work, f"the repository '{number}'", target_id=repository.id)
                await repositories.change(repository.id, is_going=True)  # from here on no record points at it anew
            keys = await remove_jobs(work, actor, repository.project_id, repository_id=repository.id)
        await self._stored.remove(keys)
        if repository.archive_key is not None:
            await self._stored.remove([repository.archive_key])
        async with self._store.begin() as work:
            repositories = work.of(Repository, in_project(repository.project_id))
            if not await repositories.lock_all(id=repository.id):  # from here on no job is added
                raise NotFound(f"the repository '{number}' was deleted at the same time", field="repository_id")
            # Of jobs accepted meanwhile housekeeping removes the files.
            await remove_jobs(work, actor, repository.project_id, repository_id=repository.id)
            await repositories.remove(id=repository.id)
            work.emit(_event(EventName.REPOSITORY_DELETED, repository, actor))

    async def _to_read(self, work: UnitOfWork, actor: Actor, client: ClientName, number: str) -> Repository:
        place = await client_for(work, actor, client, ClientRight.READ_REPOSITORY)
        return await repository_named(work, place.project.id, number)


def _event(name: EventName, repository: Repository, actor: Actor) -> Event:
    return Event(name, repository.id, (), actor.user_id, repository.project_id)
