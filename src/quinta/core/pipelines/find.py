"""From names to objects and attachments, within a pipeline the caller was let into."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.connectors.model import Connector, ConnectorInput
from quinta.core.errors import NotFound
from quinta.core.models.model import Model, ModelVersion, ValueType
from quinta.core.pipelines.model import START, Attachment, Pipeline, PipelineObject, ReferenceType
from quinta.core.pipelines.rules import Side
from quinta.core.ports import UnitOfWork
from quinta.core.scope import in_project


@dataclass(frozen=True, slots=True)
class ObjectView:
    """An object with what it refers to, by the names that has now, and what it takes and gives."""

    item: PipelineObject
    reference_type: ReferenceType
    reference_name: str
    version: str | None
    takes: Side
    gives: Side | None


async def pipeline_for(
    work: UnitOfWork, actor: Actor, project_name: str, name: str, permission: Permission
) -> Pipeline:
    """The pipeline, if the actor may do ``permission`` with it."""
    _, pipeline = await object_for(work, actor, project_name, Pipeline, name, permission)
    return pipeline


async def object_of(work: UnitOfWork, pipeline: Pipeline, name: str) -> PipelineObject:
    found = await work.of(PipelineObject, in_project(pipeline.project_id)).get(pipeline_id=pipeline.id, name=name)
    if found is None:
        raise NotFound(f"there is no object named '{name[:80]}' in pipeline '{pipeline.name}'")
    return found


async def objects_of(work: UnitOfWork, pipeline: Pipeline) -> list[PipelineObject]:
    """All objects, oldest first."""
    return await work.of(PipelineObject, in_project(pipeline.project_id)).find(pipeline_id=pipeline.id, order=("id",))


async def attachments_of(work: UnitOfWork, pipeline: Pipeline) -> list[Attachment]:
    """All attachments, oldest first."""
    return await work.of(Attachment, in_project(pipeline.project_id)).find(pipeline_id=pipeline.id, order=("id",))


async def view_of(work: UnitOfWork, item: PipelineObject) -> ObjectView:
    return (await views_of(work, [item]))[0]


async def views_of(work: UnitOfWork, items: list[PipelineObject]) -> list[ObjectView]:
    """Objects of one project with what they refer to, in their order."""
    if not items:
        return []
    scope = in_project(items[0].project_id)
    found = await work.of(ModelVersion, scope).find(id=[item.version_id for item in items if item.version_id])
    versions = {version.id: version for version in found}
    used = await work.of(Model, scope).find(id=list({version.model_id for version in found}))
    models = {model.id: model for model in used}
    stores = await work.of(Connector, scope).find(id=[item.connector_id for item in items if item.connector_id])
    connectors = {connector.id: connector for connector in stores}
    return [
        _of_connector(item, connectors[item.connector_id or ""])
        if item.version_id is None
        else _of_model(item, models[versions[item.version_id].model_id], versions[item.version_id])
        for item in items
    ]


def start_of(pipeline: Pipeline) -> Side:
    """What the pipeline hands to the objects that are attached to its start."""
    return Side(START, pipeline.input_type, pipeline.input_fields)


async def lock(work: UnitOfWork, pipeline: Pipeline) -> Pipeline:
    """From here to the end of the unit of work nobody else changes how the pipeline is put together: two attachments
    that are right each for itself could close a circle. Answers the pipeline as it is then."""
    return await work.of(Pipeline, in_project(pipeline.project_id)).lock(pipeline.id)


def _of_model(item: PipelineObject, model: Model, version: ModelVersion) -> ObjectView:
    return ObjectView(
        item,
        ReferenceType.MODEL,
        model.name,
        version.name,
        Side(item.name, model.input_type, model.input_fields),
        Side(item.name, model.output_type, model.output_fields),
    )


def _of_connector(item: PipelineObject, connector: Connector) -> ObjectView:
    takes = Side(
        item.name, ValueType.STRUCTURED, connector.input_fields, is_blob=connector.input_type is ConnectorInput.BLOB
    )
    return ObjectView(item, ReferenceType.CONNECTOR, connector.name, None, takes, None)
