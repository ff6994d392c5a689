"""Batch requests: accepted in one transaction, run later, kept until asked for (contract ubiops 2, 5.5, 7.2, 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.files.blobs import Blobs
from quinta.core.models.find import version_of
from quinta.core.models.model import Model, ModelVersion
from quinta.core.ports import Repository, Store, UnitOfWork
from quinta.core.requests.direct import not_serving
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.requests.values import blob_fields, check_value, write_json
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

MOST_PER_CALL = 250
MOST_LISTED = 500
TIMEOUT_SECONDS = 14_400
"""A batch request's time in an instance, cold start included (contract ubiops 5.5)."""


@dataclass(frozen=True, slots=True)
class Target:
    """The version that batch requests are about, by its names."""

    project: str
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Which requests to list. ``success`` true means completed, false every other state."""

    status: RequestStatus | None = None
    success: bool | None = None
    limit: int = 50
    offset: int = 0
    newest_first: bool = True


class BatchRequests:
    """Use cases about batch requests of a model version."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    async def create(self, actor: Actor, target: Target, items: Sequence[Any]) -> list[Request]:
        """Accepts all items or none: 1 to 250 inputs, each already parsed from JSON. Answers in their order."""
        if not 1 <= len(items) <= MOST_PER_CALL:
            raise InvalidInput(f"a batch has 1 to {MOST_PER_CALL} requests, not {len(items)}")
        async with self._store.read() as work:
            project, model, version = await self._version(
                work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_CREATE
            )
            if version.live_build_id is None:
                raise not_serving(version.name, version.status)
            for number, item in enumerate(items, 1):
                what = "the request data" if len(items) == 1 else f"item {number} of the batch"
                check_value(item, model.input_type, model.input_fields, what)
            await self._blobs.inputs(work, project.id, items, blob_fields(model.input_fields))
        requests = new_requests(version, [write_json(item) for item in items], self._clock.now())
        async with self._store.begin() as work:
            await work.of(Request, in_project(project.id)).add(*requests)
            work.emit(Event(EventName.REQUESTS_CREATED, version.id, (), actor.user_id, project.id))
        return requests

    async def find(self, actor: Actor, target: Target, listing: Listing) -> list[Request]:
        if not 1 <= listing.limit <= MOST_LISTED:
            raise InvalidInput(f"limit must be from 1 to {MOST_LISTED}, not {listing.limit}", field="limit")
        if listing.offset < 0:
            raise InvalidInput(f"offset must not be negative, and is {listing.offset}", field="offset")
        wanted = {listing.status} if listing.status is not None else set(RequestStatus)
        if listing.success is not None:
            wanted &= {RequestStatus.COMPLETED} if listing.success else set(RequestStatus) - {RequestStatus.COMPLETED}
        async with self._store.read() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_LIST)
            return await work.of(Request, in_project(version.project_id)).find(
                version_id=version.id,
                status=tuple(wanted),
                order=("-id",) if listing.newest_first else ("id",),
                limit=listing.limit,
                offset=listing.offset,
            )

    async def get(self, actor: Actor, target: Target, request_id: str) -> Request:
        async with self._store.read() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_GET)
            return await _named(work, version, request_id)

    async def collect(self, actor: Actor, target: Target, request_ids: Sequence[Any]) -> list[Request]:
        """The requests with these ids (1 to 250); all or nothing when one is unknown (contract ubiops 3.4)."""
        async with self._store.read() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_GET)
            return await _all_named(work.of(Request, in_project(version.project_id)), version, request_ids)

    async def delete(self, actor: Actor, target: Target, request_ids: Sequence[Any]) -> None:
        """Removes requests, all or nothing; one that has not ended is cancelled by that."""
        async with self._store.begin() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_DELETE)
            requests = work.of(Request, in_project(version.project_id))
            found = await _all_named(requests, version, request_ids)
            await self._remove(work, version, actor, [request.id for request in found])

    async def delete_one(self, actor: Actor, target: Target, request_id: str) -> None:
        """Removes one request; NotFound when there is none."""
        async with self._store.begin() as work:
            *_, version = await self._version(work, actor, target, Permission.MODELS_VERSIONS_REQUESTS_DELETE)
            request = await _named(work, version, request_id)
            await self._remove(work, version, actor, [request.id])

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
    request = None if known is None else await requests.get(id=known, version_id=version.id)
    if request is None:
        raise NotFound(f"there is no request with the id '{request_id[:80]}' of version '{version.name}'")
    return request


async def _all_named(requests: Repository[Request], version: ModelVersion, request_ids: Sequence[Any]) -> list[Request]:
    if not 1 <= len(request_ids) <= MOST_PER_CALL:
        raise InvalidInput(f"1 to {MOST_PER_CALL} request ids are taken at a time, not {len(request_ids)}")
    known = [parse_id(request_id) for request_id in request_ids]
    for given, request_id in zip(request_ids, known, strict=True):
        if request_id is None:
            raise InvalidInput(f"'{str(given)[:80]}' is not the id (UUID) of a request")
    found = await requests.find(id=list(set(known)), version_id=version.id)
    missing = set(known) - {request.id for request in found}
    if missing:
        raise NotFound(f"there is no request with the id '{min(str(item) for item in missing)}'")
    return found
