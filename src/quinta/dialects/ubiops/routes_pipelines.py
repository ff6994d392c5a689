"""Pipelines, their objects and attachments. Requests to them are in ``routes_pipeline_requests``."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert_pipelines as convert
from quinta.dialects.ubiops.answers import InheritedEnvironmentVariableList
from quinta.dialects.ubiops.answers_pipelines import AttachmentsList, PipelineList, PipelineObjectList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.convert import inherited_variable
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes_pipelines import (
    AttachmentsCreate,
    PipelineCreate,
    PipelineObjectCreate,
    PipelineObjectUpdate,
    PipelineUpdate,
)

router = APIRouter(prefix="/projects/{project_name}/pipelines", tags=["Pipelines"])


@router.post("", status_code=201, openapi_extra=takes(PipelineCreate))
async def pipelines_create(call: Authenticated, project_name: str) -> PipelineList:
    """Makes a pipeline: what goes in. Objects and attachments come after."""
    new = convert.new_pipeline(await call.read(PipelineCreate))
    return convert.pipeline(await call.services.pipelines.create(call.actor, project_name, new))


@router.get("")
async def pipelines_list(call: Authenticated, project_name: str) -> list[PipelineList]:
    """The pipelines of the project."""
    return [convert.pipeline(view) for view in await call.services.pipelines.find(call.actor, project_name)]


@router.get("/{pipeline_name}")
async def pipelines_get(call: Authenticated, project_name: str, pipeline_name: str) -> PipelineList:
    """One pipeline."""
    return convert.pipeline(await call.services.pipelines.get(call.actor, project_name, pipeline_name))


@router.patch("/{pipeline_name}", openapi_extra=takes(PipelineUpdate))
async def pipelines_update(call: Authenticated, project_name: str, pipeline_name: str) -> PipelineList:
    """Changes what is given; fields that are mapped must stay."""
    change = convert.pipeline_change(await call.read(PipelineUpdate))
    return convert.pipeline(await call.services.pipelines.update(call.actor, project_name, pipeline_name, change))


@router.delete("/{pipeline_name}", status_code=204)
async def pipelines_delete(call: Authenticated, project_name: str, pipeline_name: str) -> None:
    """Deletes the pipeline with its objects, attachments and requests; what they refer to stays."""
    await call.services.pipelines.delete(call.actor, project_name, pipeline_name)


@router.post("/{pipeline_name}/objects", status_code=201, openapi_extra=takes(PipelineObjectCreate))
async def pipeline_objects_create(call: Authenticated, project_name: str, pipeline_name: str) -> PipelineObjectList:
    """Adds a reference to a model version or a connector."""
    new = convert.new_object(await call.read(PipelineObjectCreate))
    objects = call.services.pipeline_objects
    return convert.pipeline_object(await objects.create(call.actor, project_name, pipeline_name, new))


@router.get("/{pipeline_name}/objects")
async def pipeline_objects_list(call: Authenticated, project_name: str, pipeline_name: str) -> list[PipelineObjectList]:
    """The objects of the pipeline; its start is not among them."""
    found = await call.services.pipeline_objects.find(call.actor, project_name, pipeline_name)
    return [convert.pipeline_object(view) for view in found]


@router.get("/{pipeline_name}/objects/{name}")
async def pipeline_objects_get(
    call: Authenticated, project_name: str, pipeline_name: str, name: str
) -> PipelineObjectList:
    """One object."""
    objects = call.services.pipeline_objects
    return convert.pipeline_object(await objects.get(call.actor, project_name, pipeline_name, name))


@router.patch("/{pipeline_name}/objects/{name}", openapi_extra=takes(PipelineObjectUpdate))
async def pipeline_objects_update(
    call: Authenticated, project_name: str, pipeline_name: str, name: str
) -> PipelineObjectList:
    """Changes the name, or the version to another of the same model."""
    change = convert.object_change(await call.read(PipelineObjectUpdate))
    objects = call.services.pipeline_objects
    return convert.pipeline_object(await objects.update(call.actor, project_name, pipeline_name, name, change))


@router.delete("/{pipeline_name}/objects/{name}", status_code=204)
async def pipeline_objects_delete(call: Authenticated, project_name: str, pipeline_name: str, name: str) -> None:
    """Deletes the object with its attachments; what it refers to stays."""
    await call.services.pipeline_objects.delete(call.actor, project_name, pipeline_name, name)


@router.get("/{pipeline_name}/objects/{name}/environment-variables")
async def pipeline_object_environment_variables_list(
    call: Authenticated, project_name: str, pipeline_name: str, name: str
) -> list[InheritedEnvironmentVariableList]:
    """The variables that reach the object's code, each with what it was set on."""
    found = await call.services.pipeline_objects.variables(call.actor, project_name, pipeline_name, name)
    return [inherited_variable(view) for view in found]


@router.post("/{pipeline_name}/attachments", status_code=201, openapi_extra=takes(AttachmentsCreate))
async def pipeline_object_attachments_create(
    call: Authenticated, project_name: str, pipeline_name: str
) -> AttachmentsList:
    """Hands what one object gives to another; each field of the destination is mapped exactly once."""
    new = convert.new_attachment(await call.read(AttachmentsCreate))
    attachments = call.services.attachments
    return convert.attachment(await attachments.create(call.actor, project_name, pipeline_name, new))


@router.get("/{pipeline_name}/attachments")
async def pipeline_object_attachments_list(
    call: Authenticated, project_name: str, pipeline_name: str
) -> list[AttachmentsList]:
    """The attachments of the pipeline."""
    found = await call.services.attachments.find(call.actor, project_name, pipeline_name)
    return [convert.attachment(view) for view in found]


@router.get("/{pipeline_name}/objects/{source_name}/attachments")
async def pipeline_object_attachments_source_get(
    call: Authenticated, project_name: str, pipeline_name: str, source_name: str
) -> list[AttachmentsList]:
    """The attachments of one source; pipeline_start is one."""
    found = await call.services.attachments.find(call.actor, project_name, pipeline_name, source_name)
    return [convert.attachment(view) for view in found]


@router.get("/{pipeline_name}/objects/{source_name}/attachments/{destination_name}")
async def pipeline_object_attachments_get(
    call: Authenticated, project_name: str, pipeline_name: str, source_name: str, destination_name: str
) -> AttachmentsList:
    """One attachment."""
    attachments = call.services.attachments
    found = await attachments.get(call.actor, project_name, pipeline_name, source_name, destination_name)
    return convert.attachment(found)


@router.delete("/{pipeline_name}/objects/{source_name}/attachments/{destination_name}", status_code=204)
async def pipeline_object_attachments_delete(
    call: Authenticated, project_name: str, pipeline_name: str, source_name: str, destination_name: str
) -> None:
    """Deletes one attachment; both objects stay."""
    attachments = call.services.attachments
    await attachments.delete(call.actor, project_name, pipeline_name, source_name, destination_name)
