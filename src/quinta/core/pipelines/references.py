"""What holds on to what: versions that pipelines need, and requests that end with their pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from quinta.core.access.model import Actor
from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.model import ModelVersion
from quinta.core.pipelines.model import Pipeline, PipelineObject, PipelineRequest
from quinta.core.pipelines.plan import Plan
from quinta.core.ports import UnitOfWork
from quinta.core.requests.model import OPEN, Request, RequestStatus
from quinta.core.scope import in_project


async def require_unused(work: UnitOfWork, versions: Sequence[ModelVersion], what: str) -> None:
    """StateConflict when an object of a pipeline refers to one of the versions, or a pipeline request that has not
    ended will run one (contract ubiops 3.4). ``what`` is to be deleted: "the model 'x'"."""
    if not versions:
        return
    scope, ids = in_project(versions[0].project_id), {version.id for version in versions}
    objects = await work.of(PipelineObject, scope).find(version_id=ids, order=("id",), limit=1)
    if objects:
        pipeline = await work.of(Pipeline, scope).get(id=objects[0].pipeline_id)
        raise StateConflict(
            f"{what} is used by the object '{objects[0].name}' of pipeline '{pipeline.name if pipeline else ''}': "
            "delete that object first"
        )
    plans = await work.of(PipelineRequest, scope).distinct("plan_id", status=OPEN)
    for plan in await work.of(Plan, scope).find(id=plans) if plans else []:
        if any(item.version_id in ids for item in plan.objects):
            raise StateConflict(
                f"{what} is needed by requests to pipeline '{plan.pipeline_name}' that have not ended: wait for them, "
                "or delete them first"
            )


async def end_requests(
    work: UnitOfWork, pipeline: Pipeline, actor: Actor, request_ids: Sequence[str] | None = None
) -> None:
    """Removes these of the pipeline's requests, or all, with everything of theirs; what of them runs is stopped."""
    scope = in_project(pipeline.project_id)
    runs = work.of(Request, scope)
    if request_ids is None:
        plans = await work.of(PipelineRequest, scope).distinct("plan_id", pipeline_id=pipeline.id)
        running = await runs.find(plan_id=plans, status=RequestStatus.PROCESSING) if plans else []
        await work.of(PipelineRequest, scope).remove(pipeline_id=pipeline.id)
    else:
        running = await runs.find(pipeline_request_id=request_ids, status=RequestStatus.PROCESSING)
        # Runs first, then what they belong to: in this order the loop that stores results locks them too.
        await runs.remove(pipeline_request_id=request_ids)
        await work.of(PipelineRequest, scope).remove(pipeline_id=pipeline.id, id=request_ids)
    tags = tuple(f"request:{run.id}" for run in running)
    work.emit(Event(EventName.REQUESTS_DELETED, pipeline.id, tags, actor.user_id, pipeline.project_id))
