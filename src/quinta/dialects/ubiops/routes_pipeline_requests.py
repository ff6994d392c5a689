"""Direct and batch requests to pipelines."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from quinta.core.pipelines.batch import MOST_PER_CALL
from quinta.core.pipelines.direct import TimeLimits
from quinta.core.requests.listing import Listing
from quinta.dialects.base.hang_ups import UntilHangUp
from quinta.dialects.base.lists import list_response
from quinta.dialects.ubiops import convert_pipelines as convert
from quinta.dialects.ubiops.answers_pipelines import (
    BatchPipelineRequestCreateResponse,
    BatchPipelineRequestListResponse,
    BatchPipelineRequestResultList,
    PipelineRequestList,
)
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes_data, takes_ids
from quinta.dialects.ubiops.parameters import WholeNumber, listing

router = APIRouter(prefix="/projects/{project_name}/pipelines/{pipeline_name}", tags=["Pipeline requests"])


def _limits(pipeline_timeout: WholeNumber = 3_600, model_timeout: WholeNumber = 300) -> TimeLimits:
    return TimeLimits(pipeline_timeout, model_timeout)


@router.post("/request", response_model=PipelineRequestList, openapi_extra=takes_data())
async def pipelines_request(
    call: Authenticated, project_name: str, pipeline_name: str, limits: Annotated[TimeLimits, Depends(_limits)]
) -> Response:
    """Runs one request through the pipeline and waits for the answers of all objects."""
    data = await call.read_data()
    direct = call.services.direct_pipelines
    with UntilHangUp(call.request.receive):
        answer = await direct.run(call.actor, project_name, pipeline_name, data, limits)
    return _json(convert.answer_text(answer))


@router.post("/request-batch", openapi_extra=takes_data(most=MOST_PER_CALL))
async def batch_pipeline_requests_create(
    call: Authenticated, project_name: str, pipeline_name: str
) -> list[BatchPipelineRequestCreateResponse]:
    """Queues 1 to 100 requests, all or none; a single object or string is a batch of one."""
    data = await call.read_data()
    made = await call.services.batch_pipelines.create(call.actor, project_name, pipeline_name, data)
    return [convert.created_request(item) for item in made]


@router.get("/request-batch")
async def batch_pipeline_requests_list(
    call: Authenticated, project_name: str, pipeline_name: str, which: Annotated[Listing, Depends(listing)]
) -> list[BatchPipelineRequestListResponse]:
    """The pipeline's batch requests."""
    found = await call.services.batch_pipelines.find(call.actor, project_name, pipeline_name, which)
    return [convert.listed_request(item) for item in found]


@router.get("/request-batch/{pipeline_request_id}", response_model=BatchPipelineRequestResultList)
async def batch_pipeline_request_get(
    call: Authenticated, project_name: str, pipeline_name: str, pipeline_request_id: str
) -> Response:
    """One batch request, with the results of its objects once all have ended."""
    batch = call.services.batch_pipelines
    return _json(convert.request_text(await batch.get(call.actor, project_name, pipeline_name, pipeline_request_id)))


@router.delete("/request-batch/{pipeline_request_id}", status_code=204)
async def batch_pipeline_request_delete(
    call: Authenticated, project_name: str, pipeline_name: str, pipeline_request_id: str
) -> None:
    """Deletes one batch request; what has not ended of it is cancelled."""
    await call.services.batch_pipelines.delete_one(call.actor, project_name, pipeline_name, pipeline_request_id)


@router.post(
    "/request-batch-collect",
    response_model=list[BatchPipelineRequestResultList],
    openapi_extra=takes_ids(MOST_PER_CALL),
)
async def batch_pipeline_requests_batch_collect(call: Authenticated, project_name: str, pipeline_name: str) -> Response:
    """Up to 100 batch requests by their ids, all or none."""
    ids = await call.read_ids()
    found = await call.services.batch_pipelines.collect(call.actor, project_name, pipeline_name, ids)
    return await list_response([convert.request_text(item) for item in piece] async for piece in found)


@router.post("/request-batch-delete", status_code=201, openapi_extra=takes_ids(MOST_PER_CALL))
async def batch_pipeline_requests_batch_delete(
    call: Authenticated, project_name: str, pipeline_name: str
) -> dict[str, Any]:
    """Deletes up to 100 batch requests by their ids, all or none."""
    await call.services.batch_pipelines.delete(call.actor, project_name, pipeline_name, await call.read_ids())
    return {}


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
