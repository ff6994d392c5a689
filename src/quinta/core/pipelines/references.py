"""What holds on to what: versions that pipelines need, and requests that end with their pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.connectors.model import Connector
from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.model import ModelVersion
from quinta.core.pipelines.model import Attachment, Delivery, DeliveryStatus, Pipeline, PipelineObject, PipelineRequest
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
    # Whoever accepts a pipeline request holds its versions until that is stored: it is seen here, or its caller is told
    # that a version is gone. Else the first part of it could go with its version, and nothing would ever end the whole.
    await work.of(ModelVersion, scope).lock_all(id=ids)
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


async def require_detached(work: UnitOfWork, connector: Connector, *, fields: bool = False) -> None:
    """StateConflict when an object of a pipeline refers to the connector; with ``fields``, only when something is
    attached to such an object, whose mapping would not fit other fields (as contract ubiops 10.54 has it)."""
    scope = in_project(connector.project_id)
    objects = await work.of(PipelineObject, scope).find(connector_id=connector.id, order=("id",))
    if fields and objects:
        attached = await work.of(Attachment, scope).find(destination_id=[item.id for item in objects])
        objects = [item for item in objects if item.id in {attachment.destination_id for attachment in attached}]
    if not objects:
        return
    pipeline = await work.of(Pipeline, scope).get(id=objects[0].pipeline_id)
    where = f"the object '{objects[0].name}' of pipeline '{pipeline.name if pipeline else ''}'"
    if fields:
        raise StateConflict(f"something is attached to {where}, which takes these fields: delete that attachment first")
    raise StateConflict(f"the connector '{connector.name}' is used by {where}: delete that object first")


async def end_requests(
    work: UnitOfWork, pipeline: Pipeline, actor: Actor, request_ids: Sequence[str] | None = None
) -> None:
    """Removes these of the pipeline's requests, or all, with everything of theirs; what of them runs is stopped."""
    scope = in_project(pipeline.project_id)
    runs, deliveries = work.of(Request, scope), work.of(Delivery, scope)
    # What the parts belong to first, then the parts: in this order the loops that store results lock them too.
    own: dict[str, Any] = {"pipeline_id": pipeline.id} if request_ids is None else {"id": request_ids}
    await work.of(PipelineRequest, scope).lock_all(**own)
    if request_ids is None:
        plans = await work.of(PipelineRequest, scope).distinct("plan_id", pipeline_id=pipeline.id)
        which: dict[str, Any] = {"plan_id": plans}
    else:
        which = {"pipeline_request_id": request_ids}
    ids = [run.id for run in await runs.find(status=RequestStatus.PROCESSING, **which)]
    ids += [delivery.id for delivery in await deliveries.find(status=DeliveryStatus.PROCESSING, **which)]
    await runs.lock_all(**which)
    await deliveries.lock_all(**which)
    await runs.remove(**which)
    await deliveries.remove(**which)
    if request_ids is None:
        await work.of(PipelineRequest, scope).remove(pipeline_id=pipeline.id)
    else:
        await work.of(PipelineRequest, scope).remove(pipeline_id=pipeline.id, id=request_ids)
    tags = tuple(f"request:{part}" for part in ids)
    work.emit(Event(EventName.REQUESTS_DELETED, pipeline.id, tags, actor.user_id, pipeline.project_id))
