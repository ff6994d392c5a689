"""Data held here that a record points at: found, measured, and kept for as long as the record does (decision 0026)."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from quinta.core.access.clients import ClientName, ClientRight, client_for
from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.files.find import repository_named
from quinta.core.files.model import Blob, RecordTarget, Repository, TargetKind
from quinta.core.files.stored import EMPTY_ZIP
from quinta.core.models.model import Application
from quinta.core.ports import ObjectStore, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Client, Organization, Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

PROTOCOL = "quinta"
"""What an element of a record's protocols says when its path names something of ours."""
MOST_TARGETS = 20
"""Each is read once to its end when the record is made."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a blob that a record points at goes."""
_FIELD = "protocols"


@dataclass(frozen=True, slots=True)
class Found:
    """A target as it will be in ``record_targets``; ``object_key`` is where its content is, if it has any. ``checksum``
    is empty while it is not known."""

    target: RecordTarget
    object_key: str | None


def paths_in(protocols: str | None) -> tuple[str, ...]:
    """The paths of our data in a JSON text of a record's protocols, each once. InvalidInput (field ``protocols``) for a
    text that is no JSON, a path that is no text, and too many of them."""
    if protocols is None or f'"{PROTOCOL}"' not in protocols:
        return ()
    try:
        value = json.loads(protocols)
    except (ValueError, RecursionError):
        raise InvalidInput("the protocols are no valid JSON", field=_FIELD) from None
    elements = value if isinstance(value, list) else []
    paths = [its.get("path") for its in elements if isinstance(its, dict) and its.get("protocol") == PROTOCOL]
    texts = [path for path in paths if isinstance(path, str)]
    if len(texts) != len(paths):
        raise InvalidInput(f"an element with the protocol {PROTOCOL} needs a path that is a text", field=_FIELD)
    if len(texts) > MOST_TARGETS:
        raise InvalidInput(f"{len(texts)} paths of the protocol {PROTOCOL}: at most {MOST_TARGETS}", field=_FIELD)
    return tuple(dict.fromkeys(texts))


class Targets:
    """Finds and measures what records point at."""

    def __init__(self, objects: ObjectStore, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock

    async def find(self, work: UnitOfWork, actor: Actor, paths: Sequence[str]) -> list[Found]:
        """What the paths name, with the checksums that other records know. InvalidInput for a path of something that
        the actor may not read, in the same words as for what does not exist."""
        found = [await self._find(work, actor, path) for path in paths]
        ids = [its.target.target_id for its in found]
        known = await work.of(RecordTarget, EVERYTHING).find(target_id=ids) if ids else []
        measured = {target.target_id: target for target in known}
        return [
            replace(its, target=replace(its.target, size=same.size, checksum=same.checksum))
            if (same := measured.get(its.target.target_id))
            else its
            for its in found
        ]

    async def measure(self, found: Sequence[Found]) -> list[RecordTarget]:
        """The targets with size and checksum. Reads what is not known yet: to be called outside of a transaction."""
        return [its.target if its.target.checksum else await self._measure(its) for its in found]

    async def _measure(self, found: Found) -> RecordTarget:
        digest, size = hashlib.sha256(), 0
        try:
            async for piece in self._pieces(found.object_key):
                size += len(piece)
                await asyncio.to_thread(digest.update, piece)
        except NotFound:
            raise _unknown(found.target.path) from None
        return replace(found.target, size=size, checksum=digest.hexdigest())

    async def _pieces(self, key: str | None) -> AsyncIterator[bytes]:
        if key is None:
            yield EMPTY_ZIP
            return
        async for piece in self._objects.stream(key):
            yield piece

    async def _find(self, work: UnitOfWork, actor: Actor, path: str) -> Found:
        try:
            match [unquote(part) for part in path.split("/")]:
                case ["projects", project, "blobs", blob_id]:
                    return await self._blob(work, actor, path, project, blob_id)
                case ["projects", project, "repositories", number]:
                    return await _repository(work, actor, path, await _client_of(work, project), number)
                case ["clients", organization, application, client, "repositories", number]:
                    name = ClientName(organization, application, client)
                    return await _repository(work, actor, path, name, number)
        except (NotFound, NotPermitted):
            pass
        raise _unknown(path)

    async def _blob(self, work: UnitOfWork, actor: Actor, path: str, project_name: str, blob_id: str) -> Found:
        project = await project_for(work, actor, project_name, Permission.BLOBS_GET)
        blob = await work.of(Blob, EVERYTHING).get(id=parse_id(blob_id), project_id=project.id)
        if blob is None or blob.expires_at <= self._clock.now():
            raise NotFound("there is no such blob")
        return Found(_target(TargetKind.BLOB, path, blob), blob.object_key)


async def exchange(work: UnitOfWork, old: Sequence[RecordTarget], new: Sequence[RecordTarget]) -> None:
    """Removes targets of a record and stores others. From here to the end of the unit of work nobody deletes what the
    new ones are; InvalidInput when somebody has or is about to. Blobs that a record points at stay past their time;
    those that none points at any more go when it is over."""
    # Projects first and all in one order, as deletions lock them, so that none waits for another for ever.
    projects = {target.project_id for target in new}
    there = set(await work.of(Project, EVERYTHING).lock_all(sharing=True, id=projects)) if projects else set()
    blobs = await _locked(work, Blob, TargetKind.BLOB, (*old, *new))
    there.update(blobs, await _locked(work, Repository, TargetKind.REPOSITORY, new, is_going=False))
    for target in new:
        if not {target.project_id, target.target_id} <= there:
            raise _unknown(target.path)
    rows = work.of(RecordTarget, EVERYTHING)
    if old:
        await rows.remove(id=[target.id for target in old])
    await rows.add(*new)
    held = set(await rows.distinct("target_id", target_id=blobs)) if blobs else set()
    for blob in await work.of(Blob, EVERYTHING).find(id=blobs) if blobs else ():
        own_end = blob.created_at + timedelta(seconds=blob.ttl_seconds)
        await work.of(Blob, EVERYTHING).change(blob.id, expires_at=NEVER if blob.id in held else own_end)


async def _locked(
    work: UnitOfWork, kind: type[Any], of_kind: TargetKind, targets: Sequence[RecordTarget], **conditions: Any
) -> list[str]:
    ids = {target.target_id for target in targets if target.kind is of_kind}
    return await work.of(kind, EVERYTHING).lock_all(id=ids, **conditions) if ids else []


async def _client_of(work: UnitOfWork, project_name: str) -> ClientName:
    """The names of the client that the project is; NotFound when it is none."""
    project = await work.of(Project, EVERYTHING).get(name=project_name)
    client = None if project is None else await work.of(Client, EVERYTHING).get(project_id=project.id)
    if client is None:
        raise NotFound(f"there is no project named '{project_name}' that is a client's")
    organization = await work.of(Organization, EVERYTHING).get(id=client.organization_id)
    application = await work.of(Application, EVERYTHING).get(id=client.application_id)
    if organization is None or application is None:  # never: a client goes with either
        raise NotFound(f"the client '{client.name}' is gone")
    return ClientName(organization.name, application.name, client.name)


async def _repository(work: UnitOfWork, actor: Actor, path: str, client: ClientName, number: str) -> Found:
    place = await client_for(work, actor, client, ClientRight.READ_REPOSITORY)
    repository = await repository_named(work, place.project.id, number)
    if repository.is_going:
        raise NotFound(f"the repository '{number}' is being deleted")
    return Found(_target(TargetKind.REPOSITORY, path, repository), repository.archive_key)


def _target(kind: TargetKind, path: str, item: Blob | Repository) -> RecordTarget:
    """Neither ever changes: its last change is that it was made. ``record_id`` is for the record to set."""
    return RecordTarget(new_id(), "", item.project_id, kind, item.id, path, 0, "", item.created_at)


def _unknown(path: str) -> InvalidInput:
    return InvalidInput(
        f"there is no data at the path '{path[:200]}' that you may read: projects/<project>/blobs/<id>, "
        "projects/<project>/repositories/<number> or clients/<organization>/<application>/<client>/repositories/"
        "<number> is expected",
        field=_FIELD,
    )
