"""Versions of a model: making, seeing, changing, deleting (contract ubiops 2, 3.4, 5.5, 7.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import AlreadyExists, InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.models.builds import build_again
from quinta.core.models.find import version_of
from quinta.core.models.live_version import require_not_live
from quinta.core.models.model import Model, ModelVersion, VersionStatus
from quinta.core.models.references import require_no_application
from quinta.core.names import check_description, check_version_name
from quinta.core.pipelines.references import require_unused
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.core.tenancy.subscriptions import require_room_for_resource
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

LANGUAGES = ("python3.5", "python3.6", "python3.7", "python3.8")


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Defaults are those of the reference document [S] for a version with nothing but a name."""

    name: str
    language: str = "python3.7"
    memory_megabytes: int = 2048
    minimum_instances: int = 0
    maximum_instances: int = 5
    maximum_idle_seconds: int = 300
    description: str = ""


@dataclass(frozen=True, slots=True)
class VersionChange:
    """Members that are None stay as they are."""

    name: str | None = None
    language: str | None = None
    memory_megabytes: int | None = None
    minimum_instances: int | None = None
    maximum_instances: int | None = None
    maximum_idle_seconds: int | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with its model's name."""

    version: ModelVersion
    model: str


class Versions:
    """Use cases about model versions."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_name: str, model_name: str, new: NewVersion) -> VersionView:
        now = self._clock.now()
        async with self._store.begin() as work:
            project, model = await object_for(
                work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_CREATE
            )
            version = ModelVersion(
                id=new_id(),
                project_id=project.id,
                model_id=model.id,
                name=new.name,
                description=new.description,
                language=new.language,
                status=VersionStatus.INITIALISED,
                error_message="",
                memory_megabytes=new.memory_megabytes,
                minimum_instances=new.minimum_instances,
                maximum_instances=new.maximum_instances,
                maximum_idle_seconds=new.maximum_idle_seconds,
                created_at=now,
                updated_at=now,
                file_updated_at=now,
            )
            check_version(version)
            await _require_free(work, project, model, new.name)
            await require_room_for_resource(work, project)
            await work.of(ModelVersion, in_project(project.id)).add(version)
            work.emit(_event(EventName.VERSION_CREATED, version, actor))
        return VersionView(version, model.name)

    async def find(self, actor: Actor, project_name: str, model_name: str) -> list[VersionView]:
        """All versions of the model, oldest first."""
        async with self._store.read() as work:
            project, model = await object_for(
                work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_LIST
            )
            versions = await work.of(ModelVersion, in_project(project.id)).find(model_id=model.id, order=("id",))
        return [VersionView(version, model.name) for version in versions]

    async def get(self, actor: Actor, project_name: str, model_name: str, name: str) -> VersionView:
        async with self._store.read() as work:
            _, model = await object_for(work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_GET)
            version = await version_of(work, model, name)
        return VersionView(version, model.name)

    async def update(
        self, actor: Actor, project_name: str, model_name: str, name: str, change: VersionChange
    ) -> VersionView:
        """Changes what is given. Another language builds the package again; an equal one does not."""
        async with self._store.begin() as work:
            project, model = await object_for(
                work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_UPDATE
            )
            version = await version_of(work, model, name)
            values = _different(version, change)
            if not values:
                return VersionView(version, model.name)
            changed = replace(version, **values, updated_at=self._clock.now())  # type: ignore[arg-type]  # own fields
            check_version(changed)
            if changed.name != version.name:
                await _require_free(work, project, model, changed.name)
            versions = work.of(ModelVersion, in_project(project.id))
            await versions.change(version.id, **values, updated_at=changed.updated_at)
            if changed.language != version.language:
                changed = await build_again(work, changed, actor, now=changed.updated_at)
            work.emit(_event(EventName.VERSION_CHANGED, changed, actor))
        return VersionView(changed, model.name)

    async def delete(self, actor: Actor, project_name: str, model_name: str, name: str) -> None:
        """Removes the version with its requests; what runs is stopped. StateConflict while a pipeline needs it
        (contract ubiops 3.4), an application is pinned to it, or a rollout made it the live one."""
        async with self._store.begin() as work:
            project, model = await object_for(
                work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_DELETE
            )
            version = await version_of(work, model, name)
            what = f"the version '{version.name}' of model '{model.name}'"
            await require_unused(work, [version], what)
            await require_no_application(work, what, version_id=version.id)
            await require_not_live(work, model, version)
            await work.of(ModelVersion, in_project(project.id)).remove(id=version.id)
            work.emit(_event(EventName.VERSION_DELETED, version, actor))


_CHANGEABLE = tuple(VersionChange.__dataclass_fields__)


def _different(version: ModelVersion, change: VersionChange) -> dict[str, object]:
    asked = {name: getattr(change, name) for name in _CHANGEABLE}
    return {name: value for name, value in asked.items() if value is not None and value != getattr(version, name)}


def check_version(version: ModelVersion) -> None:
    """Limits of contract ubiops 5.5."""
    check_version_name(version.name)
    check_description(version.description)
    if version.language not in LANGUAGES:
        raise InvalidInput(f"language must be one of {', '.join(LANGUAGES)}", field="language")
    _check_range("memory_allocation", version.memory_megabytes, 256, 32_768)
    _check_range("maximum_instances", version.maximum_instances, 1, 20)
    _check_range("minimum_instances", version.minimum_instances, 0, version.maximum_instances)
    _check_range("maximum_idle_time", version.maximum_idle_seconds, 10, 3_600)


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        limit = "maximum_instances, here " if field == "minimum_instances" else ""
        raise InvalidInput(f"{field} must be from {least} to {limit}{most}, not {value}", field=field)


async def _require_free(work: UnitOfWork, project: Project, model: Model, name: str) -> None:
    if await work.of(ModelVersion, in_project(project.id)).get(model_id=model.id, name=name) is not None:
        raise AlreadyExists(f"a version named '{name}' of model '{model.name}' exists already", field="version")


def _event(name: EventName, version: ModelVersion, actor: Actor) -> Event:
    return Event(name, version.id, (f"version:{version.id}",), actor.user_id, version.project_id)
