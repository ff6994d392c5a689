"""Environment variables: making, seeing, changing, deleting, on three levels (contract ubiops 2, 5.3, 10.30 to 32).

A change reaches instances without a failed request: its event makes caches forget what hangs on the variable's owner,
and the moment kept with the project makes the revision of every version that is read after it grow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from quinta.core.access.decide import object_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.models.builds import build_again
from quinta.core.models.environment import MODEL_FILE_VARIABLE, value_of, variables_reaching
from quinta.core.models.find import version_of
from quinta.core.models.model import EnvironmentVariable, Model, ModelVersion, VariableLevel
from quinta.core.names import check_variable_name
from quinta.core.ports import Repository, Secrets, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

MAXIMUM_VALUE = 65_536
MAXIMUM_BYTES = 256 * 1024
"""Of all variables of one owner, as JSON: those of three levels reach an instance in one message of at most 1 MiB."""


@dataclass(frozen=True, slots=True)
class VariableOwner:
    """What variables are set on, by its names: a project, a model of it, or a version of that."""

    project: str
    model: str | None = None
    version: str | None = None

    @property
    def level(self) -> VariableLevel:
        if self.version is not None:
            return VariableLevel.VERSION
        return VariableLevel.PROJECT if self.model is None else VariableLevel.MODEL


@dataclass(frozen=True, slots=True)
class NewVariable:
    name: str
    secret: bool
    value: str = ""


@dataclass(frozen=True, slots=True)
class VariableChange:
    """Members that are None stay as they are."""

    name: str | None = None
    secret: bool | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class VariableView:
    """A variable as it may be shown: ``value`` is None for a secret. ``inherited_from`` is the level and the name of
    what it was set on, None where that is what was asked about."""

    id: str
    name: str
    secret: bool
    value: str | None
    inherited_from: tuple[VariableLevel, str] | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """A VariableOwner that was found."""

    project: Project
    model: Model | None = None
    version: ModelVersion | None = None

    @property
    def owner(self) -> Project | Model | ModelVersion:
        return self.version or self.model or self.project

    @property
    def tag(self) -> str:
        level = "project" if self.model is None else "model" if self.version is None else "version"
        return f"{level}:{self.owner.id}"


_VERBS = ("list", "get", "create", "update", "delete")
_PERMISSIONS = {
    level: {verb: Permission(f"{path}.environment_variables.{verb}") for verb in _VERBS}
    for level, path in (
        (VariableLevel.PROJECT, "projects"),
        (VariableLevel.MODEL, "models"),
        (VariableLevel.VERSION, "models.versions"),
    )
}


class Variables:
    """Use cases about environment variables."""

    def __init__(self, store: Store, clock: Clock, secrets: Secrets) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets

    async def create(self, actor: Actor, owner: VariableOwner, new: NewVariable) -> VariableView:
        async with self._store.begin() as work:
            place, now = await self._enter(work, actor, owner, "create")
            variable = EnvironmentVariable(
                id=new_id(),
                project_id=place.project.id,
                model_id=None if place.model is None else place.model.id,
                version_id=None if place.version is None else place.version.id,
                owner_id=place.owner.id,
                name=new.name,
                value=new.value,
                secret=new.secret,
                created_at=now,
                updated_at=now,
            )
            await self._check(work, variable, new.value)
            variable = self._sealed(variable, new.value)
            await _variables(work, place).add(variable)
            await _changed(work, place, actor, EventName.VARIABLE_CREATED, variable, variable.name, now)
        return view_of_variable(variable)

    async def find(self, actor: Actor, owner: VariableOwner) -> list[VariableView]:
        """What the owner has and what it inherits, by name; a variable of its own shadows an inherited one."""
        async with self._store.read() as work:
            place = await _place(work, actor, owner, "list")
            version_id = None if place.version is None else place.version.id
            model_id = None if place.model is None else place.model.id
            found = await variables_reaching(work, place.project.id, model_id, version_id)
        names = {VariableLevel.PROJECT: place.project.name, VariableLevel.MODEL: owner.model or ""}
        return [
            replace(
                view_of_variable(variable),
                inherited_from=None if variable.level is owner.level else (variable.level, names[variable.level]),
            )
            for variable in found
        ]

    async def get(self, actor: Actor, owner: VariableOwner, variable_id: str) -> VariableView:
        """One variable of the owner itself: what it inherits is not found here."""
        async with self._store.read() as work:
            place = await _place(work, actor, owner, "get")
            return view_of_variable(await _variable(work, place, variable_id))

    async def update(
        self, actor: Actor, owner: VariableOwner, variable_id: str, change: VariableChange
    ) -> VariableView:
        """Changes what is given. A secret stays one, and keeps its value when none is given (contract ubiops 10.31)."""
        async with self._store.begin() as work:
            place, now = await self._enter(work, actor, owner, "update")
            old = await _variable(work, place, variable_id)
            if old.secret and change.secret is False:
                raise InvalidInput(
                    f"'{old.name}' is secret and stays so: delete it and make another one", field="secret"
                )
            new = replace(
                old,
                name=old.name if change.name is None else change.name,
                secret=old.secret or bool(change.secret),
                updated_at=now,
            )
            value = change.value if old.secret or change.value is not None else old.value
            if (new.name, new.secret) == (old.name, old.secret) and (value is None or _same(old, value)):
                return view_of_variable(old)
            await self._check(work, new, value)
            new = new if value is None else self._sealed(new, value)
            values = {"name": new.name, "secret": new.secret, "value": new.value, "updated_at": now}
            await _variables(work, place).change(new.id, **values)
            await _changed(work, place, actor, EventName.VARIABLE_CHANGED, new, old.name, now)
        return view_of_variable(new)

    async def delete(self, actor: Actor, owner: VariableOwner, variable_id: str) -> None:
        async with self._store.begin() as work:
            place, now = await self._enter(work, actor, owner, "delete")
            variable = await _variable(work, place, variable_id)
            await _variables(work, place).remove(id=variable.id)
            await _changed(work, place, actor, EventName.VARIABLE_DELETED, variable, variable.name, now)

    async def _enter(self, work: UnitOfWork, actor: Actor, owner: VariableOwner, verb: str) -> tuple[_Place, datetime]:
        """The place, and the moment of the change. Changes within a project take turns, and each is later than the
        one before it, whatever clocks say: so the revision of a version grows with each."""
        place = await _place(work, actor, owner, verb)
        project = await work.of(Project, EVERYTHING).lock(place.project.id)
        now, last = self._clock.now(), project.variables_changed_at
        return place, now if last is None else max(now, last + timedelta(microseconds=1))

    def _sealed(self, variable: EnvironmentVariable, value: str) -> EnvironmentVariable:
        return replace(variable, value=self._secrets.seal(value, variable.id) if variable.secret else value)

    async def _check(self, work: UnitOfWork, variable: EnvironmentVariable, value: str | None) -> None:
        """``value`` is the new one in the clear; None: it stays."""
        check_variable_name(variable.name)
        if value is not None and len(value) > MAXIMUM_VALUE:
            raise InvalidInput(f"a value has at most {MAXIMUM_VALUE} characters, not {len(value)}", field="value")
        if variable.secret and variable.name == MODEL_FILE_VARIABLE:
            raise InvalidInput(
                f"{MODEL_FILE_VARIABLE} cannot be secret: it names a file, which build logs show", field="secret"
            )
        siblings = await work.of(EnvironmentVariable, in_project(variable.project_id)).find(owner_id=variable.owner_id)
        others = [sibling for sibling in siblings if sibling.id != variable.id]
        if any(other.name == variable.name for other in others):
            raise AlreadyExists(f"an environment variable named '{variable.name}' exists already here", field="name")
        total = sum(len(json.dumps([other.name, value_of(self._secrets, other)])) for other in others)
        if value is not None and total + len(json.dumps([variable.name, value])) > MAXIMUM_BYTES:
            raise InvalidInput(
                f"all variables of one project, model or version together have at most {MAXIMUM_BYTES} bytes as JSON",
                field="value",
            )


async def _place(work: UnitOfWork, actor: Actor, owner: VariableOwner, verb: str) -> _Place:
    permission = _PERMISSIONS[owner.level][verb]
    if owner.model is None:
        return _Place(await project_for(work, actor, owner.project, permission))
    project, model = await object_for(work, actor, owner.project, Model, owner.model, permission)
    return _Place(project, model, None if owner.version is None else await version_of(work, model, owner.version))


def _variables(work: UnitOfWork, place: _Place) -> Repository[EnvironmentVariable]:
    return work.of(EnvironmentVariable, in_project(place.project.id))


async def _variable(work: UnitOfWork, place: _Place, variable_id: str) -> EnvironmentVariable:
    known = parse_id(variable_id)
    found = None if known is None else await _variables(work, place).get(id=known, owner_id=place.owner.id)
    if found is None:
        shown = variable_id[:80]
        raise NotFound(f"there is no environment variable with the id '{shown}' here (inherited ones do not count)")
    return found


async def _changed(
    work: UnitOfWork,
    place: _Place,
    actor: Actor,
    event: EventName,
    variable: EnvironmentVariable,
    old_name: str,
    now: datetime,
) -> None:
    """What follows from every change: the moment, the event, and builds where the name of the model file changed."""
    await work.of(Project, EVERYTHING).change(place.project.id, variables_changed_at=now)
    work.emit(Event(event, variable.id, (place.tag,), actor.user_id, place.project.id))
    if MODEL_FILE_VARIABLE in (variable.name, old_name):
        await _build_again(work, place, actor, now)


async def _build_again(work: UnitOfWork, place: _Place, actor: Actor, now: datetime) -> None:
    """Builds every version that the variable reaches: those below the place, unless a lower level decides otherwise."""
    if place.version is not None:
        await build_again(work, place.version, actor, now=now)
        return
    conditions: dict[str, Any] = {} if place.model is None else {"model_id": place.model.id}
    versions = await work.of(ModelVersion, in_project(place.project.id)).find(**conditions)
    named = await _variables(work, place).find(name=MODEL_FILE_VARIABLE)
    deciding = {variable.owner_id for variable in named} - {place.owner.id}
    for version in versions:
        lower = {version.id} if place.model is not None else {version.id, version.model_id}
        if not deciding & lower:
            await build_again(work, version, actor, now=now)


def _same(variable: EnvironmentVariable, value: str) -> bool:
    """Whether nothing changes. A secret's value always counts as a new one: no answer tells what the old one is."""
    return not variable.secret and variable.value == value


def view_of_variable(variable: EnvironmentVariable) -> VariableView:
    """The variable as its owner's."""
    value = None if variable.secret else variable.value
    return VariableView(variable.id, variable.name, variable.secret, value)
