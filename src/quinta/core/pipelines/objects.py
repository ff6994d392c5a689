"""Objects of pipelines: references to model versions and connectors (contract ubiops 2, 3.4, 5.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quinta.core.access.model import Actor, Permission
from quinta.core.connectors.model import Connector
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.models.environment import variables_reaching
from quinta.core.models.find import version_of
from quinta.core.models.model import Model, ModelVersion, VariableLevel
from quinta.core.models.variables import VariableView, view_of_variable
from quinta.core.names import check_name
from quinta.core.pipelines.find import ObjectView, object_of, objects_of, pipeline_for, view_of, views_of
from quinta.core.pipelines.model import START, Pipeline, PipelineObject, ReferenceType
from quinta.core.pipelines.pipelines import changed
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewObject:
    """``version`` is needed for a model and must be None for a connector."""

    name: str
    reference_type: ReferenceType
    reference_name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """Members that are None stay. The reference cannot change: it may only be sent again as it is."""

    name: str | None = None
    version: str | None = None
    reference_type: ReferenceType | None = None
    reference_name: str | None = None


class PipelineObjects:
    """Use cases about the objects of a pipeline."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, actor: Actor, project_name: str, pipeline_name: str, new: NewObject) -> ObjectView:
        """Adds an object. The same model version or connector may be referred to by many (contract ubiops 5.6)."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, pipeline_name, Permission.PIPELINES_OBJECTS_CREATE)
            _check_object_name(new.name)
            version_id, connector_id = await _reference(work, pipeline, new)
            await _require_free(work, pipeline, new.name)
            item = PipelineObject(new_id(), pipeline.project_id, pipeline.id, new.name, version_id, connector_id)
            await work.of(PipelineObject, in_project(pipeline.project_id)).add(item)
            work.emit(changed(pipeline, actor))
            return await view_of(work, item)

    async def find(self, actor: Actor, project_name: str, pipeline_name: str) -> list[ObjectView]:
        """All objects but the start, oldest first."""
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, pipeline_name, Permission.PIPELINES_OBJECTS_LIST)
            return await views_of(work, await objects_of(work, pipeline))

    async def get(self, actor: Actor, project_name: str, pipeline_name: str, name: str) -> ObjectView:
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, pipeline_name, Permission.PIPELINES_OBJECTS_GET)
            return await view_of(work, await object_of(work, pipeline, name))

    async def variables(self, actor: Actor, project_name: str, pipeline_name: str, name: str) -> list[VariableView]:
        """The environment variables that reach the object's version, each with what it was set on, by name; none reach
        a connector. Secrets without their values."""
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, pipeline_name, Permission.PIPELINES_OBJECTS_GET)
            item = await object_of(work, pipeline, name)
            version = await work.of(ModelVersion, in_project(pipeline.project_id)).get(id=item.version_id or "")
            if version is None:
                return []
            model = await work.of(Model, in_project(pipeline.project_id)).get(id=version.model_id)
            found = await variables_reaching(work, pipeline.project_id, version.model_id, version.id)
        names = {
            VariableLevel.VERSION: version.name,
            VariableLevel.MODEL: "" if model is None else model.name,
            VariableLevel.PROJECT: project_name,
        }
        return [replace(view_of_variable(each), inherited_from=(each.level, names[each.level])) for each in found]

    async def update(
        self, actor: Actor, project_name: str, pipeline_name: str, name: str, change: ObjectChange
    ) -> ObjectView:
        """Changes the name, or the version to another of the same model; attachments stay (contract ubiops 5.6)."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, pipeline_name, Permission.PIPELINES_OBJECTS_UPDATE)
            item = await object_of(work, pipeline, name)
            view = await view_of(work, item)
            _refuse_fixed(view, change)
            values: dict[str, str] = {}
            if change.name is not None and change.name != item.name:
                _check_object_name(change.name)
                await _require_free(work, pipeline, change.name)
                values["name"] = change.name
            if change.version is not None and change.version != view.version:
                values["version_id"] = await _other_version(work, item, view, change.version)
            if not values:
                return view
            await work.of(PipelineObject, in_project(pipeline.project_id)).change(item.id, **values)
            work.emit(changed(pipeline, actor))
            return await view_of(work, replace(item, **values))

    async def delete(self, actor: Actor, project_name: str, pipeline_name: str, name: str) -> None:
        """Removes the object with its attachments; what it refers to stays (contract ubiops 3.4)."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, pipeline_name, Permission.PIPELINES_OBJECTS_DELETE)
            item = await object_of(work, pipeline, name)
            await work.of(PipelineObject, in_project(pipeline.project_id)).remove(id=item.id)
            work.emit(changed(pipeline, actor))


async def _reference(work: UnitOfWork, pipeline: Pipeline, new: NewObject) -> tuple[str | None, str | None]:
    """The ids of version and connector that the object refers to: one of them. InvalidInput where there is no such
    thing: it is named in the body (contract ubiops 5.2)."""
    scope = in_project(pipeline.project_id)
    if new.reference_type is ReferenceType.CONNECTOR:
        if new.version is not None:
            raise InvalidInput("a connector has no versions: leave version out", field="version")
        connector = await work.of(Connector, scope).get(name=new.reference_name)
        if connector is None:
            raise InvalidInput(f"there is no connector named '{new.reference_name[:80]}'", field="reference_name")
        return None, connector.id
    if new.version is None:
        raise InvalidInput("an object that refers to a model needs the version of the model", field="version")
    model = await work.of(Model, scope).get(name=new.reference_name)
    if model is None:
        raise InvalidInput(f"there is no model named '{new.reference_name[:80]}'", field="reference_name")
    return (await _version(work, model, new.version)).id, None


async def _version(work: UnitOfWork, model: Model, name: str) -> ModelVersion:
    try:
        return await version_of(work, model, name)
    except NotFound as missing:  # named in the body, not in the path: contract ubiops 5.2
        raise InvalidInput(missing.message, field="version") from None


async def _other_version(work: UnitOfWork, item: PipelineObject, view: ObjectView, name: str) -> str:
    if view.reference_type is ReferenceType.CONNECTOR:
        raise InvalidInput("a connector has no versions: leave version out", field="version")
    model = await work.of(Model, in_project(item.project_id)).get(name=view.reference_name)
    if model is None:
        raise InvalidInput(f"there is no model named '{view.reference_name}' any more", field="version")
    return (await _version(work, model, name)).id


def _refuse_fixed(view: ObjectView, change: ObjectChange) -> None:
    for name in ("reference_type", "reference_name"):
        asked = getattr(change, name)
        if asked is not None and asked != getattr(view, name):
            raise InvalidInput(f"{name} of an object cannot change: make another object", field=name)


def _check_object_name(name: str) -> None:
    if name == START:
        raise InvalidInput(f"'{START}' is the pipeline's own start: choose another name", field="name")
    check_name(name, "an object of a pipeline")


async def _require_free(work: UnitOfWork, pipeline: Pipeline, name: str) -> None:
    objects = work.of(PipelineObject, in_project(pipeline.project_id))
    if await objects.get(pipeline_id=pipeline.id, name=name) is not None:
        raise AlreadyExists(
            f"an object named '{name}' exists already in pipeline '{pipeline.name}'",
            field="name",
        )
