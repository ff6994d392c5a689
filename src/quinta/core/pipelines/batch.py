"""Batch requests to pipelines: accepted in one transaction, run later, kept until asked for (contract ubiops 5.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from quinta.core.access.model import Actor, Permission
from quinta.core.errors import NotFound, StateConflict, TooLarge
from quinta.core.files.blobs import Blobs
from quinta.core.models.model import ModelVersion
from quinta.core.pipelines.find import pipeline_for
from quinta.core.pipelines.model import START, ObjectResult, Pipeline, PipelineRequest
from quinta.core.pipelines.plan import MOST_HANDED_ON_BYTES, Plan, keep, plan_of
from quinta.core.pipelines.references import end_requests
from quinta.core.pipelines.runs import Parts
from quinta.core.ports import MeterSink, Store, UnitOfWork
from quinta.core.requests.direct import not_serving
from quinta.core.requests.listing import Listing, known_ids, require_all
from quinta.core.requests.model import OPEN, RequestStatus
from quinta.core.requests.pieces import in_pieces
from quinta.core.requests.reading import Input, Reader, read_input
from quinta.core.scope import in_project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

MOST_PER_CALL = 100
_PARENT = "pipeline_request_id"
_TEXTS = ("data", "result")
"""Of an object's result."""


@dataclass(frozen=True, slots=True)
class PipelineRequestView:
    """A request, and how its objects ended, in the order they did.

    ``results`` is empty until all have (contract ubiops 7.2).
    """

    request: PipelineRequest
    results: tuple[ObjectResult, ...]


class BatchPipelineRequests:
    """Use cases about batch requests of a pipeline."""

    def __init__(self, store: Store, reader: Reader, blobs: Blobs, meters: MeterSink, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._blobs = blobs
        self._meters = meters
        self._clock = clock

    async def create(self, actor: Actor, project_name: str, name: str, data: bytes) -> list[PipelineRequest]:
        """Accepts all items or none: ``data`` is the JSON text of a list of 1 to 100 inputs, or of one that is no list.
        Answers in their order."""
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_REQUESTS_CREATE)
            plan = await plan_of(work, pipeline)
            await _require_serving(work, plan)
        inputs = await self._reader.batch(data, pipeline.input_type, pipeline.input_fields, MOST_PER_CALL)
        async with self._store.read() as work:
            await self._blobs.inputs(work, pipeline.project_id, (item.blob_ids for item in inputs))
        requests = self._requests(plan, inputs)
        parts = await self._first_parts(plan, requests)
        async with self._store.begin() as work:
            await self._add(work, pipeline, requests, parts, actor.user_id)
        return requests

    async def accept(self, work: UnitOfWork, pipeline: Pipeline, text: str) -> PipelineRequest:
        """Accepts one input within ``work``, asked for by nobody: a schedule's."""
        blob_ids = read_input(text.encode(), pipeline.input_type, pipeline.input_fields)
        await self._blobs.inputs(work, pipeline.project_id, (blob_ids,))
        plan = await plan_of(work, pipeline)
        await _require_serving(work, plan)
        requests = self._requests(plan, [Input(text, blob_ids)])
        parts = Parts(plan)
        parts.add(requests[0].id, plan.small_inputs_after(START, text), requests[0].created_at)
        await self._add(work, pipeline, requests, parts, None)
        return requests[0]

    async def find(self, actor: Actor, project_name: str, name: str, listing: Listing) -> list[PipelineRequest]:
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_REQUESTS_LIST)
            requests = work.of(PipelineRequest, in_project(pipeline.project_id))
            return await requests.find(pipeline_id=pipeline.id, **listing.conditions())

    async def get(self, actor: Actor, project_name: str, name: str, request_id: str) -> PipelineRequestView:
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_REQUESTS_GET)
            return (await _views(work, pipeline, [await _named(work, pipeline, request_id)]))[0]

    async def collect(
        self, actor: Actor, project_name: str, name: str, request_ids: Sequence[Any]
    ) -> AsyncIterator[list[PipelineRequestView]]:
        """The requests with these ids (1 to 100) in their order; all or nothing when one is unknown (contract ubiops
        3.4). They come in pieces of about 4 MiB; one that is deleted meanwhile is left out."""
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_REQUESTS_GET)
            known = known_ids(request_ids, MOST_PER_CALL)
            scope = in_project(pipeline.project_id)
            sizes = await work.of(PipelineRequest, scope).text_bytes(("data",), id=known, pipeline_id=pipeline.id)
            require_all(known, sizes)
            results = work.of(ObjectResult, scope)
            for key, size in (await results.text_bytes(_TEXTS, by=_PARENT, pipeline_request_id=known)).items():
                sizes[key] += size
        return self._pieces(pipeline, in_pieces(known, sizes))

    async def _pieces(self, pipeline: Pipeline, pieces: list[list[str]]) -> AsyncIterator[list[PipelineRequestView]]:
        for ids in pieces:
            async with self._store.read() as work:
                requests = work.of(PipelineRequest, in_project(pipeline.project_id))
                found = {request.id: request for request in await requests.find(id=ids, pipeline_id=pipeline.id)}
                views = await _views(work, pipeline, [found[key] for key in ids if key in found])
            yield views

    async def delete(self, actor: Actor, project_name: str, name: str, request_ids: Sequence[Any]) -> None:
        """Removes requests, all or nothing; the model requests of one that has not ended are cancelled by that."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_REQUESTS_DELETE)
            known = known_ids(request_ids, MOST_PER_CALL)
            requests = work.of(PipelineRequest, in_project(pipeline.project_id))
            require_all(known, await requests.lock_all(id=known, pipeline_id=pipeline.id))
            await end_requests(work, pipeline, actor, known)

    async def delete_one(self, actor: Actor, project_name: str, name: str, request_id: str) -> None:
        """Removes one request; NotFound when there is none."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_REQUESTS_DELETE)
            await end_requests(work, pipeline, actor, [(await _named(work, pipeline, request_id)).id])

    async def _first_parts(self, plan: Plan, requests: Sequence[PipelineRequest]) -> Parts:
        """What hangs on the start of the pipeline, for each request."""
        if sum(len(request.data) for request in requests) * len(plan.after(START)) > MOST_HANDED_ON_BYTES:
            raise TooLarge(
                f"the batch gives the {len(plan.after(START))} objects at the pipeline's start more than "
                f"{MOST_HANDED_ON_BYTES} bytes together: send fewer requests at a time, or large data as blobs"
            )
        parts = Parts(plan)
        for request in requests:
            parts.add(request.id, await plan.inputs_after(START, request.data, self._reader), request.created_at)
        return parts

    async def _add(
        self,
        work: UnitOfWork,
        pipeline: Pipeline,
        requests: Sequence[PipelineRequest],
        parts: Parts,
        actor_id: str | None,
    ) -> None:
        # Between the look at the plan and this transaction a version may have gone. Where a later object needs it, code
        # would run for nothing, again and again. From here on none of them goes before this is stored.
        needed = {item.version_id for item in parts.plan.objects if item.version_id is not None}
        versions = work.of(ModelVersion, in_project(pipeline.project_id))
        if needed and len(await versions.lock_all(sharing=True, id=needed)) < len(needed):
            raise StateConflict(f"the pipeline '{pipeline.name}' was changed at this moment: try again")
        await keep(work, pipeline, parts.plan)
        await work.of(PipelineRequest, in_project(pipeline.project_id)).add(*requests)
        await parts.queue(work, actor_id)
        values = {"requests": len(requests), "input_volume": sum(len(request.data) for request in requests)}
        self._meters.add(pipeline.project_id, "pipeline", pipeline.id, values)

    def _requests(self, plan: Plan, inputs: Sequence[Input]) -> list[PipelineRequest]:
        now = self._clock.now()
        ids = sorted(new_id() for _ in inputs)
        return [
            PipelineRequest(
                id=request_id,
                project_id=plan.project_id,
                pipeline_id=plan.pipeline_id,
                plan_id=plan.id,
                status=RequestStatus.PENDING,
                data=item.text,
                error_message=None,
                created_at=now,
                updated_at=now,
            )
            for request_id, item in zip(ids, inputs, strict=True)
        ]


async def _require_serving(work: UnitOfWork, plan: Plan) -> None:
    """StateConflict unless every version of the plan has a build that serves."""
    ids = {item.version_id for item in plan.objects if item.version_id is not None}
    for version in await work.of(ModelVersion, in_project(plan.project_id)).find(id=ids, order=("id",)):
        if version.live_build_id is None:
            raise not_serving(version.name, version.status)


async def _named(work: UnitOfWork, pipeline: Pipeline, request_id: str) -> PipelineRequest:
    known = parse_id(request_id)
    requests = work.of(PipelineRequest, in_project(pipeline.project_id))
    request = None if known is None else await requests.get(id=known, pipeline_id=pipeline.id)
    if request is None:
        raise NotFound(f"there is no request with the id '{request_id[:80]}' of pipeline '{pipeline.name}'")
    return request


async def _views(
    work: UnitOfWork, pipeline: Pipeline, requests: Sequence[PipelineRequest]
) -> list[PipelineRequestView]:
    ended = [request.id for request in requests if request.status not in OPEN]
    results: defaultdict[str, list[ObjectResult]] = defaultdict(list)
    kept = work.of(ObjectResult, in_project(pipeline.project_id))
    for result in await kept.find(pipeline_request_id=ended, order=("updated_at", "id")):
        results[result.pipeline_request_id].append(result)
    return [PipelineRequestView(request, tuple(results[request.id])) for request in requests]
