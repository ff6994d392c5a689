"""Blobs: files that live for hours or days and travel in and out of requests (contract ubiops 2, 3.4, 4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.files.model import Blob
from quinta.core.files.references import require_no_record
from quinta.core.models.packages import Download
from quinta.core.ports import Between, ObjectStore, Store, UnitOfWork
from quinta.core.requests.outcome import BlobInput
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

DEFAULT_TTL_SECONDS = 259_200
_SHORTEST_TTL_SECONDS = 900
_MOST_LISTED = 1_000


class Blobs:
    """Use cases about blobs."""

    def __init__(self, store: Store, objects: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock

    async def check_create(self, actor: Actor, project_name: str, ttl_seconds: int = DEFAULT_TTL_SECONDS) -> Project:
        """Raises what ``create`` would raise before it looks at the file, else answers where the blob will be: to be
        asked before a body is received, so that nobody fills the disk with what is refused in the end."""
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.BLOBS_CREATE)
        if not _SHORTEST_TTL_SECONDS <= ttl_seconds <= DEFAULT_TTL_SECONDS:
            raise InvalidInput(
                f"blob-ttl must be from {_SHORTEST_TTL_SECONDS} to {DEFAULT_TTL_SECONDS} seconds, not {ttl_seconds}",
                field="blob-ttl",
            )
        return project

    async def create(
        self,
        actor: Actor,
        project_name: str,
        path: Path,
        file_name: str,
        content_type: str,
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
    ) -> Blob:
        """Stores the content of ``path``; the caller keeps the file."""
        project = await self.check_create(actor, project_name, ttl_seconds)
        return await self.keep(project.id, path, file_name, content_type, ttl_seconds, actor_id=actor.user_id)

    async def keep(
        self,
        project_id: str,
        path: Path,
        file_name: str,
        content_type: str = "application/octet-stream",
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
        *,
        actor_id: str | None = None,
    ) -> Blob:
        """Stores a file as a blob of the project, without asking who does it: for what the server itself keeps."""
        now = self._clock.now()
        blob_id = new_id()
        blob = Blob(
            id=blob_id,
            project_id=project_id,
            file_name=file_name,
            content_type=content_type,
            size=path.stat().st_size,
            object_key=f"projects/{project_id}/blobs/{blob_id}",
            ttl_seconds=ttl_seconds,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl_seconds),
        )
        await self._objects.put_file(blob.object_key, path)
        async with self._store.begin() as work:
            await work.of(Blob, in_project(project_id)).add(blob)
            work.emit(Event(EventName.BLOB_CREATED, blob.id, (), actor_id, project_id))
        return blob

    async def find(
        self, actor: Actor, project_name: str, count: int = -50, start: datetime | None = None
    ) -> list[Blob]:
        """Up to ``|count|`` blobs, oldest first: until ``start`` (or now) when negative, else from it."""
        now = self._clock.now()
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.BLOBS_LIST)
            if count == 0 or abs(count) > _MOST_LISTED:
                raise InvalidInput(f"range must be from 1 to {_MOST_LISTED}, or negative, not {count}", field="range")
            blobs = work.of(Blob, in_project(project.id))
            alive = Between(start=now + timedelta(microseconds=1))
            if count > 0:
                created = Between(start=start)
                return await blobs.find(order=("created_at", "id"), limit=count, expires_at=alive, created_at=created)
            created = Between(end=None if start is None else start + timedelta(microseconds=1))
            newest = await blobs.find(order=("-created_at", "-id"), limit=-count, expires_at=alive, created_at=created)
        return newest[::-1]

    async def open(self, actor: Actor, project_name: str, blob_id: str) -> Download:
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.BLOBS_GET)
            blob = await self._alive(work, project.id, blob_id)
        return Download(blob.file_name, blob.content_type, blob.size, self._objects.stream(blob.object_key))

    async def delete(self, actor: Actor, project_name: str, blob_id: str) -> None:
        """StateConflict while a data record points at it."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.BLOBS_DELETE)
            blob = await self._alive(work, project.id, blob_id)
            blobs = work.of(Blob, in_project(project.id))
            await blobs.lock_all(id=blob.id)  # from here on no record points at it anew
            await require_no_record(work, f"the blob '{blob.id}'", target_id=blob.id)
            await blobs.remove(id=blob.id)
            work.emit(Event(EventName.BLOB_DELETED, blob.id, (), actor.user_id, project.id))
        await self._objects.delete(blob.object_key)

    async def inputs(self, work: UnitOfWork, project_id: str, blob_ids: Iterable[Mapping[str, str]]) -> dict[str, Blob]:
        """The blobs that inputs name, by id; ``blob_ids`` has the ids by field, for each input.

        InvalidInput for one that is not there; an expired blob, or another project's, is one (contract ubiops 10.44).
        """
        named = {blob_id: field for ids in blob_ids for field, blob_id in ids.items()}
        if not named:
            return {}
        alive = Between(start=self._clock.now() + timedelta(microseconds=1))  # at its moment it is gone
        found = await work.of(Blob, in_project(project_id)).find(id=list(named), expires_at=alive)
        blobs = {blob.id: blob for blob in found}
        for blob_id, field in named.items():
            if blob_id not in blobs:
                raise InvalidInput(f"field '{field}' names a blob that does not exist: {blob_id}", field=field)
        return blobs

    async def present(self, project_id: str, blob_ids: Mapping[str, str]) -> dict[str, Blob]:
        """``inputs`` of one input, by field, in a unit of work of its own."""
        if not blob_ids:
            return {}
        async with self._store.read() as work:
            blobs = await self.inputs(work, project_id, (blob_ids,))
        return {field: blobs[blob_id] for field, blob_id in blob_ids.items()}

    def as_input(self, blob: Blob, field: str) -> BlobInput:
        """The blob as the engine takes it."""

        async def fetch(path: Path) -> None:
            await self._objects.fetch(blob.object_key, path)

        return BlobInput(field, blob.id, blob.file_name, fetch)

    async def _alive(self, work: UnitOfWork, project_id: str, blob_id: str) -> Blob:
        known = parse_id(blob_id)
        blob = None if known is None else await work.of(Blob, in_project(project_id)).get(id=known)
        if blob is None or blob.expires_at <= self._clock.now():
            raise NotFound(f"there is no blob with the id '{blob_id[:80]}'")
        return blob
