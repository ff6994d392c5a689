"""Batch requests. The direct request is in ``direct``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from quinta.core.requests.batch import MOST_PER_CALL, Target
from quinta.core.requests.listing import Listing
from quinta.dialects.base.lists import list_response
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import (
    BatchModelRequestCreateResponse,
    BatchModelRequestListResponse,
    BatchModelRequestResultList,
)
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes_data, takes_ids
from quinta.dialects.ubiops.parameters import listing

router = APIRouter(prefix="/projects/{project_name}/models/{model_name}/versions/{version}", tags=["Model requests"])


def _target(project_name: str, model_name: str, version: str) -> Target:
    return Target(project_name, model_name, version)


TargetVersion = Annotated[Target, Depends(_target)]


@router.post("/request-batch", openapi_extra=takes_data(most=MOST_PER_CALL))
async def batch_model_requests_create(
    call: Authenticated, target: TargetVersion
) -> list[BatchModelRequestCreateResponse]:
    """Queues 1 to 250 requests, all or none; a single object or string is a batch of one."""
    data = await call.read_data()
    return [convert.created_request(item) for item in await call.services.batch.create(call.actor, target, data)]


@router.get("/request-batch")
async def batch_model_requests_list(
    call: Authenticated, target: TargetVersion, which: Annotated[Listing, Depends(listing)]
) -> list[BatchModelRequestListResponse]:
    """The version's batch requests."""
    return [convert.listed_request(item) for item in await call.services.batch.find(call.actor, target, which)]


@router.get("/request-batch/{request_id}", response_model=BatchModelRequestResultList)
async def batch_model_requests_get(call: Authenticated, target: TargetVersion, request_id: str) -> Response:
    """One batch request with its data and result."""
    return _json(convert.request_text(await call.services.batch.get(call.actor, target, request_id)))


@router.delete("/request-batch/{request_id}", status_code=204)
async def batch_model_requests_delete(call: Authenticated, target: TargetVersion, request_id: str) -> None:
    """Deletes one batch request; one that has not ended is cancelled."""
    await call.services.batch.delete_one(call.actor, target, request_id)


@router.post(
    "/request-batch-collect", response_model=list[BatchModelRequestResultList], openapi_extra=takes_ids(MOST_PER_CALL)
)
async def batch_model_requests_batch_collect(call: Authenticated, target: TargetVersion) -> Response:
    """Up to 250 batch requests by their ids, all or none."""
    found = await call.services.batch.collect(call.actor, target, await call.read_ids())
    return await list_response([convert.request_text(item) for item in piece] async for piece in found)


@router.post("/request-batch-delete", status_code=201, openapi_extra=takes_ids(MOST_PER_CALL))
async def batch_model_requests_batch_delete(call: Authenticated, target: TargetVersion) -> dict[str, Any]:
    """Deletes up to 250 batch requests by their ids, all or none."""
    await call.services.batch.delete(call.actor, target, await call.read_ids())
    return {}


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
