"""Batch requests: accepted in one transaction, run later, kept until asked for (contract ubiops 2, 5.5, 7.2, 10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import NotFound
from quinta.core.events import Event, EventName
from quinta.core.files.blobs import Blobs
from quinta.core.models.find import version_of
from quinta.core.models.model import Model, ModelVersion
from quinta.core.ports import Store, UnitOfWork
from quinta.core.requests.direct import not_serving
from quinta.core.requests.listing import Listing, known_ids, require_all
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.requests.pieces import in_pieces
from quinta.core.requests.reading import Reader
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.kit.cache import TaggedCache
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

MOST_PER_CALL = 250
TIMEOUT_SECONDS = 14_400
"""A batch request's time in an instance, cold start included (contract ubiops 5.5)."""


@dataclass(frozen=True, slots=True)
class Target:
    """The version that batch requests are about, by its names."""

    project: str
    model: str
    version: str


class BatchRequests:
    """Use cases about batch requests of a model version."""

    def __init__(self, store: Store, reader: Reader, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._blobs = blobs
        self._clock = clock
        # As of direct requests: who may accept requests for what, until something of it changes.
        self._routes: TaggedCache[tuple[str, Target], tuple[Model, ModelVersion]] = TaggedCache()
        store.subscribe(self._forget)

    async def create(self, actor: Actor, target: Target, data: bytes) -> list[Request]:
        """Accepts all items or none: ``data`` is the JSON text of a list of 1 to 250 inputs, or of one that is no list.
        Answers in their order."""
        key = (actor.user_id, target)
        route = self._routes.get(key) or await self._routes.load(key, lambda: self._load(actor, target))
        model, version = route
        inputs = await self._reader.batch(data, model.input_type, model.input_fields, MOST_PER_CALL)
        if any(item.blob_ids for item in inputs):
            async with self._store.read() as work:
                await self._blobs.inputs(work, version.project_id, (item.blob_ids for item in inputs))
        requests = new_requests(version, [item.text for item in inputs], self._clock.now())
        async with self._store.begin() as work:
            await work.of(Request, in_project(version.project_id)).add(*requests)
            work.emit(Event(EventName.REQUESTS_CREATED, version.id, (), actor.user_id, version.project_id))
        return requests

    async def _load(self, actor: Actor, target: Target) -> tuple[tuple[Model, ModelVersion], Iterable[str]]:
        async with self._store.read() as work:
            project, model, version = await self._version(
                work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_CREATE
            )
        if version.live_build_id is None:
            raise not_serving(version.name, version.status)
        tags = (
            f"user:{actor.user_id}",
            f"organization:{project.organization_id}",
            f"project:{project.id}",
            f"model:{model.id}",
            f"version:{version.id}",
        )
        return (model, version), tags

    def _forget(self, event: Event) -> None:
        self._routes.forget(event.tags)

    async def find(self, actor: Actor, target: Target, listing: Listing) -> list[Request]:
        async with self._store.read() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_LIST)
            requests = work.of(Request, in_project(version.project_id))
            return await requests.find(version_id=version.id, pipeline_request_id=None, **listing.conditions())

    async def get(self, actor: Actor, target: Target, request_id: str) -> Request:
        async with self._store.read() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_GET)
            return await _named(work, version, request_id)

    async def collect(self, actor: Actor, target: Target, request_ids: Sequence[Any]) -> AsyncIterator[list[Request]]:
        """The requests with these ids (1 to 250) in their order; all or nothing when one is unknown (contract ubiops
        3.4). They come in pieces of about 4 MiB; one that is deleted meanwhile is left out."""
        async with self._store.read() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_GET)
            known = known_ids(request_ids, MOST_PER_CALL)
            requests = work.of(Request, in_project(version.project_id))
            sizes = await requests.text_bytes(("data", "result"), **_of(version, known))
            require_all(known, sizes)
        return self._pieces(version, in_pieces(known, sizes))

    async def _pieces(self, version: ModelVersion, pieces: list[list[str]]) -> AsyncIterator[list[Request]]:
        for ids in pieces:
            async with self._store.read() as work:
                found = await work.of(Request, in_project(version.project_id)).find(**_of(version, ids))
            place = {request_id: number for number, request_id in enumerate(ids)}
            yield sorted(found, key=lambda request: place[request.id])

    async def delete(self, actor: Actor, target: Target, request_ids: Sequence[Any]) -> None:
        """Removes requests, all or nothing; one that has not ended is cancelled by that."""
        async with self._store.begin() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_DELETE)
            known = known_ids(request_ids, MOST_PER_CALL)
            requests = work.of(Request, in_project(version.project_id))
            # In the order of the loops, so that neither waits for the other for ever.
            require_all(known, await requests.lock_all(**_of(version, known)))
            await self._remove(work, version, actor, known)

    async def delete_one(self, actor: Actor, target: Target, request_id: str) -> None:
        """Removes one request; NotFound when there is none."""
        async with self._store.begin() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_DELETE)
            await self._remove(work, version, actor, [(await _named(work, version, request_id)).id])

    async def _remove(self, work: UnitOfWork, version: ModelVersion, actor: Actor, ids: list[str]) -> None:
        await work.of(Request, in_project(version.project_id)).remove(id=ids)
        tags = tuple(f"request:{request_id}" for request_id in ids)
        work.emit(Event(EventName.REQUESTS_DELETED, version.id, tags, actor.user_id, version.project_id))

    async def _version(
        self, work: UnitOfWork, actor: Actor, target: Target, permission: Permission
    ) -> tuple[Project, Model, ModelVersion]:
        project, model = await object_for(work, actor, target.project, Model, target.model, permission)
        return project, model, await version_of(work, model, target.version)


def new_requests(version: ModelVersion, texts: Sequence[str], now: datetime) -> list[Request]:
    """Pending requests of the version, one for each JSON text of checked data; their ids sort in the same order."""
    ids = sorted(new_id() for _ in texts)
    return [
        Request(
            id=request_id,
            project_id=version.project_id,
            version_id=version.id,
            status=RequestStatus.PENDING,
            data=data,
            result=None,
            error_message=None,
            reason=None,
            created_at=now,
            updated_at=now,
        )
        for request_id, data in zip(ids, texts, strict=True)
    ]


async def _named(work: UnitOfWork, version: ModelVersion, request_id: str) -> Request:
    known = parse_id(request_id)
    requests = work.of(Request, in_project(version.project_id))
    request = None if known is None else await requests.get(id=known, version_id=version.id, pipeline_request_id=None)
    if request is None:
        raise NotFound(f"there is no request with the id '{request_id[:80]}' of version '{version.name}'")
    return request


def _of(version: ModelVersion, request_ids: Sequence[str]) -> dict[str, Any]:
    """Conditions: these of the version's own requests, not parts of a pipeline's."""
    return {"id": request_ids, "version_id": version.id, "pipeline_request_id": None}
