"""Pipelines: making, seeing, changing, deleting (contract ubiops 2, 3.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quinta.core.access.decide import object_for, objects_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import RoleAssignment
from quinta.core.errors import AlreadyExists, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.fields import check_fields_of
from quinta.core.models.model import Field, ValueType
from quinta.core.names import check_description, check_name
from quinta.core.pipelines.find import lock
from quinta.core.pipelines.model import Attachment, Pipeline
from quinta.core.pipelines.references import end_requests
from quinta.core.ports import Store, UnitOfWork
from quinta.core.schedules.model import Schedule
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.core.tenancy.subscriptions import require_room_for_resource
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewPipeline:
    name: str
    input_type: ValueType
    input_fields: tuple[Field, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class PipelineChange:
    """Members that are None stay."""

    name: str | None = None
    description: str | None = None
    input_type: ValueType | None = None
    input_fields: tuple[Field, ...] | None = None


@dataclass(frozen=True, slots=True)
class PipelineView:
    """A pipeline with its project's name."""

    pipeline: Pipeline
    project: str


class Pipelines:
    """Use cases about pipelines."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_name: str, new: NewPipeline) -> PipelineView:
        """Makes a pipeline without objects. It counts as a resource of the plan (contract ubiops 9.2)."""
        now = self._clock.now()
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.PIPELINES_CREATE)
            check_name(new.name, "a pipeline")
            check_description(new.description)
            check_fields_of("input", new.input_type, new.input_fields)
            await _require_free(work, project, new.name)
            await require_room_for_resource(work, project)
            pipeline = Pipeline(
                id=new_id(),
                project_id=project.id,
                name=new.name,
                description=new.description,
                input_type=new.input_type,
                input_fields=new.input_fields,
                created_at=now,
                updated_at=now,
            )
            await work.of(Pipeline, in_project(project.id)).add(pipeline)
            work.emit(changed(pipeline, actor, EventName.PIPELINE_CREATED))
        return PipelineView(pipeline, project.name)

    async def find(self, actor: Actor, project_name: str) -> list[PipelineView]:
        """The pipelines of the project that the actor may list, by name."""
        async with self._store.read() as work:
            project, found = await objects_for(work, actor, project_name, Pipeline, Permission.PIPELINES_LIST)
        return [PipelineView(pipeline, project.name) for pipeline in found]

    async def get(self, actor: Actor, project_name: str, name: str) -> PipelineView:
        async with self._store.read() as work:
            project, pipeline = await object_for(work, actor, project_name, Pipeline, name, Permission.PIPELINES_GET)
        return PipelineView(pipeline, project.name)

    async def update(self, actor: Actor, project_name: str, name: str, change: PipelineChange) -> PipelineView:
        """Changes what is given. Plain drops the fields, structured replaces them all (contract ubiops 3.4); what is
        mapped from the pipeline's start must stay as it is (10.54)."""
        async with self._store.begin() as work:
            project, pipeline = await object_for(work, actor, project_name, Pipeline, name, Permission.PIPELINES_UPDATE)
            pipeline = await lock(work, pipeline)
            values = _different(pipeline, change)
            if not values:
                return PipelineView(pipeline, project.name)
            changed_pipeline = replace(pipeline, **values, updated_at=self._clock.now())  # type: ignore[arg-type]  # own fields
            check_name(changed_pipeline.name, "a pipeline")
            check_description(changed_pipeline.description)
            check_fields_of("input", changed_pipeline.input_type, changed_pipeline.input_fields)
            if changed_pipeline.name != pipeline.name:
                await _require_free(work, project, changed_pipeline.name)
            await _require_mapped(work, pipeline, changed_pipeline)
            pipelines = work.of(Pipeline, in_project(project.id))
            await pipelines.change(pipeline.id, **values, updated_at=changed_pipeline.updated_at)
            work.emit(changed(changed_pipeline, actor))
        return PipelineView(changed_pipeline, project.name)

    async def delete(self, actor: Actor, project_name: str, name: str) -> None:
        """Removes the pipeline with its objects, attachments, requests, schedules and the roles assigned on it; what
        its requests still run is stopped. What the objects refer to stays."""
        async with self._store.begin() as work:
            project, pipeline = await object_for(work, actor, project_name, Pipeline, name, Permission.PIPELINES_DELETE)
            await end_requests(work, pipeline, actor)
            await work.of(RoleAssignment, in_project(project.id)).remove(object_id=pipeline.id)
            await work.of(Schedule, in_project(project.id)).remove(object_id=pipeline.id)
            await work.of(Pipeline, in_project(project.id)).remove(id=pipeline.id)
            work.emit(changed(pipeline, actor, EventName.PIPELINE_DELETED))


def changed(pipeline: Pipeline, actor: Actor, name: EventName = EventName.PIPELINE_CHANGED) -> Event:
    """The event of a change of the pipeline, or of what it is put together from."""
    return Event(name, pipeline.id, (f"pipeline:{pipeline.id}",), actor.user_id, pipeline.project_id)


def _different(pipeline: Pipeline, change: PipelineChange) -> dict[str, object]:
    asked: dict[str, object] = {
        "name": change.name,
        "description": change.description,
        "input_type": change.input_type,
        "input_fields": change.input_fields,
    }
    if change.input_type is ValueType.PLAIN and change.input_fields is None:
        asked["input_fields"] = ()
    return {name: value for name, value in asked.items() if value is not None and value != getattr(pipeline, name)}


async def _require_mapped(work: UnitOfWork, before: Pipeline, after: Pipeline) -> None:
    """StateConflict when what is attached to the start would not get what it gets now."""
    if (before.input_type, before.input_fields) == (after.input_type, after.input_fields):
        return
    attachments = await work.of(Attachment, in_project(before.project_id)).find(pipeline_id=before.id, source_id=None)
    if attachments and before.input_type is not after.input_type:
        raise StateConflict(
            f"objects are attached to the start of pipeline '{before.name}', which hands them {before.input_type} "
            "data: delete these attachments first"
        )
    types = {field.name: field.data_type for field in before.input_fields}
    kept = {field.name for field in after.input_fields if types.get(field.name) is field.data_type}
    for link in (link for attachment in attachments for link in attachment.mapping):
        if link.source not in kept:
            raise StateConflict(
                f"the field '{link.source}' of pipeline '{before.name}' is mapped to an object: it must stay, with its "
                "type, until the attachment is deleted"
            )


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(Pipeline, in_project(project.id)).get(name=name) is not None:
        raise AlreadyExists(f"a pipeline named '{name}' exists already in project '{project.name}'", field="name")
