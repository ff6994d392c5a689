"""Models: making, seeing, changing, deleting (contract ubiops 2, 3.4, 5.4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from quinta.core.access.decide import object_for, objects_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import RoleAssignment
from quinta.core.errors import AlreadyExists, InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.models.fields import check_fields_of
from quinta.core.models.model import Field, Model, ModelVersion, ValueType
from quinta.core.models.references import require_no_application
from quinta.core.names import check_description, check_name
from quinta.core.pipelines.references import require_unused
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewModel:
    name: str
    input_type: ValueType
    output_type: ValueType
    input_fields: tuple[Field, ...] = ()
    output_fields: tuple[Field, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class ModelChange:
    """Members that are None stay. Types and fields cannot change: they may only be sent again as they are."""

    name: str | None = None
    description: str | None = None
    input_type: ValueType | None = None
    output_type: ValueType | None = None
    input_fields: tuple[Field, ...] | None = None
    output_fields: tuple[Field, ...] | None = None


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model with its project's name and how many versions it has."""

    model: Model
    project: str
    number_of_versions: int


class Models:
    """Use cases about models."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_name: str, new: NewModel) -> ModelView:
        now = self._clock.now()
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.MODELS_CREATE)
            check_name(new.name, "a model")
            check_description(new.description)
            check_fields_of("input", new.input_type, new.input_fields)
            check_fields_of("output", new.output_type, new.output_fields)
            await _require_free(work, project, new.name)
            model = Model(
                id=new_id(),
                project_id=project.id,
                name=new.name,
                description=new.description,
                input_type=new.input_type,
                output_type=new.output_type,
                input_fields=new.input_fields,
                output_fields=new.output_fields,
                created_at=now,
                updated_at=now,
            )
            await work.of(Model, in_project(project.id)).add(model)
            work.emit(_event(EventName.MODEL_CREATED, model, actor))
        return ModelView(model, project.name, 0)

    async def find(self, actor: Actor, project_name: str) -> list[ModelView]:
        """The models of the project that the actor may list, by name."""
        async with self._store.read() as work:
            project, models = await objects_for(work, actor, project_name, Model, Permission.MODELS_LIST)
            versions = await work.of(ModelVersion, in_project(project.id)).find()
        counts = Counter(version.model_id for version in versions)
        return [ModelView(model, project.name, counts[model.id]) for model in models]

    async def get(self, actor: Actor, project_name: str, name: str) -> ModelView:
        async with self._store.read() as work:
            return await _view(work, *await object_for(work, actor, project_name, Model, name, Permission.MODELS_GET))

    async def update(self, actor: Actor, project_name: str, name: str, change: ModelChange) -> ModelView:
        """Changes name and description; anything else must equal what is stored (contract ubiops 3.4)."""
        async with self._store.begin() as work:
            project, model = await object_for(work, actor, project_name, Model, name, Permission.MODELS_UPDATE)
            _refuse_fixed(model, change)
            values: dict[str, str] = {}
            if change.name is not None and change.name != model.name:
                check_name(change.name, "a model")
                await _require_free(work, project, change.name)
                values["name"] = change.name
            if change.description is not None and change.description != model.description:
                values["description"] = check_description(change.description)
            if values:
                now = self._clock.now()
                await work.of(Model, in_project(project.id)).change(model.id, **values, updated_at=now)
                model = replace(model, **values, updated_at=now)  # type: ignore[arg-type]  # only str fields, above
                work.emit(_event(EventName.MODEL_CHANGED, model, actor))
            return await _view(work, project, model)

    async def delete(self, actor: Actor, project_name: str, name: str) -> None:
        """Removes the model with all versions and the roles assigned on it; what runs is stopped. StateConflict while
        a pipeline needs a version of it (contract ubiops 3.4) or an application runs it."""
        async with self._store.begin() as work:
            _, model = await object_for(work, actor, project_name, Model, name, Permission.MODELS_DELETE)
            await remove_model(work, model, actor.user_id)


async def remove_model(work: UnitOfWork, model: Model, actor_id: str | None) -> None:
    """As ``Models.delete``, in the name of that user or, with None, the operator's."""
    scope, what = in_project(model.project_id), f"the model '{model.name}'"
    versions = await work.of(ModelVersion, scope).find(model_id=model.id)
    await require_unused(work, versions, what)
    await require_no_application(work, what, model_id=model.id)
    for version in versions:
        work.emit(Event(EventName.VERSION_DELETED, version.id, (f"version:{version.id}",), actor_id, model.project_id))
    await work.of(RoleAssignment, scope).remove(object_id=model.id)
    await work.of(Model, scope).remove(id=model.id)
    work.emit(Event(EventName.MODEL_DELETED, model.id, (f"model:{model.id}",), actor_id, model.project_id))


async def _view(work: UnitOfWork, project: Project, model: Model) -> ModelView:
    count = await work.of(ModelVersion, in_project(project.id)).count(model_id=model.id)
    return ModelView(model, project.name, count)


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(Model, in_project(project.id)).get(name=name) is not None:
        raise AlreadyExists(f"a model named '{name}' exists already in project '{project.name}'", field="name")


def _refuse_fixed(model: Model, change: ModelChange) -> None:
    for name in ("input_type", "output_type", "input_fields", "output_fields"):
        asked = getattr(change, name)
        if asked is not None and asked != getattr(model, name):
            raise InvalidInput(f"{name} of a model cannot change: make another model", field=name)


def _event(name: EventName, model: Model, actor: Actor) -> Event:
    return Event(name, model.id, (f"model:{model.id}",), actor.user_id, model.project_id)
