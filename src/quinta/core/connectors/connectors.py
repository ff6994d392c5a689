"""Connectors: making, seeing, changing, deleting (contract ubiops 2, 3.4, 7.3, 9.1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from quinta.core.access.decide import object_for, objects_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import RoleAssignment
from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.configuration import Given, checked, shown
from quinta.core.connectors.credentials import known_type, refuse_another_type
from quinta.core.connectors.model import (
    BLOB_FIELD,
    Connector,
    ConnectorInput,
    ConnectorStatus,
    ConnectorType,
    Credentials,
    Parameter,
)
from quinta.core.connectors.verification import PENDING, verify_connector
from quinta.core.errors import AlreadyExists, InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.models.model import Field
from quinta.core.names import check_field_name, check_name
from quinta.core.pipelines.references import require_detached
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.core.tenancy.subscriptions import require_room_for_resource
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewConnector:
    """``credentials`` by name, of the same type."""

    name: str
    type: str
    credentials: str
    configuration: Given
    input_fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectorChange:
    """Members that are None stay. The type may only be sent again as it is; parameters that are not given stay;
    ``input_fields`` replaces the whole list."""

    name: str | None = None
    type: str | None = None
    credentials: str | None = None
    configuration: Given | None = None
    input_fields: tuple[Field, ...] | None = None


@dataclass(frozen=True, slots=True)
class ConnectorView:
    """A connector with the names of its project and credentials, and the values that may be shown."""

    connector: Connector
    project: str
    credentials: str
    configuration: dict[str, str | None]


class Connectors:
    """Use cases about connectors."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_name: str, new: NewConnector) -> ConnectorView:
        now = self._clock.now()
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.CONNECTORS_CREATE)
            check_name(new.name, "a connector")
            type_ = known_type(new.type)
            kind = KINDS[type_]
            values = checked(kind.configuration, new.configuration)
            fields = _checked_fields(kind.input_type, new.input_fields)
            await _require_free(work, project, new.name)
            credentials = await _credentials(work, project, type_, new.credentials)
            await require_room_for_resource(work, project)
            item = Connector(
                id=new_id(),
                project_id=project.id,
                name=new.name,
                type=type_,
                credentials_id=credentials.id,
                configuration=_parameters(values),
                input_type=kind.input_type,
                input_fields=fields,
                status=ConnectorStatus.PENDING_VERIFICATION,
                error_message="",
                created_at=now,
                updated_at=now,
            )
            await work.of(Connector, in_project(project.id)).add(item)
            await verify_connector(work, item, now)
            work.emit(_event(EventName.CONNECTOR_CREATED, item, actor))
        return _view(project, item, credentials.name)

    async def find(self, actor: Actor, project_name: str) -> list[ConnectorView]:
        """The connectors of the project that the actor may list, by name."""
        async with self._store.read() as work:
            project, items = await objects_for(work, actor, project_name, Connector, Permission.CONNECTORS_LIST)
            names = {item.id: item.name for item in await work.of(Credentials, in_project(project.id)).find()}
        return [_view(project, item, names[item.credentials_id]) for item in items]

    async def get(self, actor: Actor, project_name: str, name: str) -> ConnectorView:
        async with self._store.read() as work:
            project, item = await object_for(work, actor, project_name, Connector, name, Permission.CONNECTORS_GET)
            return _view(project, item, await _credentials_name(work, item))

    async def update(self, actor: Actor, project_name: str, name: str, change: ConnectorChange) -> ConnectorView:
        """Changes what is given. Anything but another name is verified; a configuration sent again as it was is
        verified again when the last look failed (decision 0014)."""
        async with self._store.begin() as work:
            project, item = await object_for(work, actor, project_name, Connector, name, Permission.CONNECTORS_UPDATE)
            item = await work.of(Connector, in_project(project.id)).lock(item.id)  # values are merged
            refuse_another_type(item.type, change.type)
            now = self._clock.now()
            values: dict[str, object] = {}
            if change.name is not None and change.name != item.name:
                check_name(change.name, "a connector")
                await _require_free(work, project, change.name)
                values["name"] = change.name
            verified = await _verified_values(work, project, item, change)
            if "input_fields" in verified:
                await require_detached(work, item, fields=True)
            values |= verified
            if values:
                await work.of(Connector, in_project(project.id)).change(item.id, **values, updated_at=now)
                item = replace(item, **values, updated_at=now)  # type: ignore[arg-type]  # own fields only, above
                if verified:
                    await verify_connector(work, item, now)
                work.emit(_event(EventName.CONNECTOR_CHANGED, item, actor))
            return _view(project, item, await _credentials_name(work, item))

    async def delete(self, actor: Actor, project_name: str, name: str) -> None:
        """Removes the connector and the roles assigned on it; what it has written stays where it is. StateConflict
        while an object of a pipeline refers to it."""
        async with self._store.begin() as work:
            project, item = await object_for(work, actor, project_name, Connector, name, Permission.CONNECTORS_DELETE)
            await require_detached(work, item)
            await work.of(RoleAssignment, in_project(project.id)).remove(object_id=item.id)
            await work.of(Connector, in_project(project.id)).remove(id=item.id)
            work.emit(_event(EventName.CONNECTOR_DELETED, item, actor))


async def _verified_values(
    work: UnitOfWork, project: Project, item: Connector, change: ConnectorChange
) -> dict[str, object]:
    """The fields to set that call for a new look, with the status that goes with it; none when nothing changes."""
    kind = KINDS[item.type]
    values: dict[str, object] = {}
    if change.credentials is not None:
        credentials = await _credentials(work, project, item.type, change.credentials)
        if credentials.id != item.credentials_id:
            values["credentials_id"] = credentials.id
    if change.configuration is not None:
        stored = {parameter.name: parameter.value for parameter in item.configuration}
        configuration = _parameters(checked(kind.configuration, change.configuration, stored))
        if configuration != item.configuration or item.status is ConnectorStatus.FAILED_VERIFICATION:
            values["configuration"] = configuration
    if change.input_fields is not None and change.input_fields != item.input_fields:
        fields = _checked_fields(kind.input_type, change.input_fields)
        if fields != item.input_fields:
            values["input_fields"] = fields
    return values | PENDING if values else {}


def _checked_fields(input_type: ConnectorInput, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Structured needs at least one field, with different names; files go into the one field they have."""
    if input_type is ConnectorInput.BLOB:
        if fields:
            raise InvalidInput(
                "a connector for blobs has the field 'blob' only: leave input_fields out", field="input_fields"
            )
        return (BLOB_FIELD,)
    if not fields:
        raise InvalidInput("a structured connector needs at least one field", field="input_fields")
    for name, count in Counter(check_field_name(field.name) for field in fields).items():
        if count > 1:
            raise InvalidInput(f"input_fields names '{name}' {count} times", field="input_fields")
    return fields


def _parameters(values: dict[str, str]) -> tuple[Parameter, ...]:
    """No parameter of a connector is protected: nothing is sealed."""
    return tuple(Parameter(name, value) for name, value in values.items())


async def _credentials(work: UnitOfWork, project: Project, type_: ConnectorType, name: str) -> Credentials:
    found = await work.of(Credentials, in_project(project.id)).get(name=name)
    if found is None:
        raise InvalidInput(
            f"there are no credentials named '{name[:80]}' in project '{project.name}'", field="credentials"
        )
    if found.type is not type_:
        raise InvalidInput(f"the credentials '{found.name}' are of type {found.type}, not {type_}", field="credentials")
    return found


async def _credentials_name(work: UnitOfWork, item: Connector) -> str:
    found = await work.of(Credentials, in_project(item.project_id)).get(id=item.credentials_id)
    return "" if found is None else found.name


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(Connector, in_project(project.id)).get(name=name) is not None:
        raise AlreadyExists(f"a connector named '{name}' exists already in project '{project.name}'", field="name")


def _view(project: Project, item: Connector, credentials: str) -> ConnectorView:
    return ConnectorView(item, project.name, credentials, shown(KINDS[item.type].configuration, item.configuration))


def _event(name: EventName, item: Connector, actor: Actor) -> Event:
    return Event(name, item.id, (f"connector:{item.id}",), actor.user_id, item.project_id)
