"""Credentials: making, seeing, changing, deleting (contract ubiops 2, 3.4, 7.3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from quinta.core.access.decide import object_for, objects_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import RoleAssignment
from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.configuration import Given, checked, opened, sealed, shown
from quinta.core.connectors.model import Connector, ConnectorStatus, ConnectorType, Credentials
from quinta.core.connectors.verification import PENDING, verify_credentials
from quinta.core.errors import AlreadyExists, InvalidInput, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.names import check_name
from quinta.core.ports import Secrets, Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewCredentials:
    name: str
    type: str
    configuration: Given


@dataclass(frozen=True, slots=True)
class CredentialsChange:
    """Members that are None stay. The type may only be sent again as it is; parameters that are not given stay."""

    name: str | None = None
    type: str | None = None
    configuration: Given | None = None


@dataclass(frozen=True, slots=True)
class CredentialsView:
    """Credentials with their project's name, how many connectors use them, and the values that may be shown."""

    credentials: Credentials
    project: str
    reference_count: int
    configuration: dict[str, str | None]


class CredentialsKeeper:
    """Use cases about credentials."""

    def __init__(self, store: Store, clock: Clock, secrets: Secrets) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets

    async def create(self, actor: Actor, project_name: str, new: NewCredentials) -> CredentialsView:
        now = self._clock.now()
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.CREDENTIALS_CREATE)
            check_name(new.name, "credentials")
            type_ = known_type(new.type)
            rules = KINDS[type_].credentials
            values = checked(rules, new.configuration)
            await _require_free(work, project, new.name)
            item_id = new_id()
            item = Credentials(
                id=item_id,
                project_id=project.id,
                name=new.name,
                type=type_,
                configuration=sealed(rules, values, self._secrets, item_id),
                status=ConnectorStatus.PENDING_VERIFICATION,
                error_message="",
                created_at=now,
                updated_at=now,
            )
            await work.of(Credentials, in_project(project.id)).add(item)
            await verify_credentials(work, item, now)
            work.emit(_event(EventName.CREDENTIALS_CREATED, item, actor))
        return _view(project, item, 0)

    async def find(self, actor: Actor, project_name: str) -> list[CredentialsView]:
        """The credentials of the project that the actor may list, by name."""
        async with self._store.read() as work:
            project, items = await objects_for(work, actor, project_name, Credentials, Permission.CREDENTIALS_LIST)
            connectors = await work.of(Connector, in_project(project.id)).find()
        counts = Counter(connector.credentials_id for connector in connectors)
        return [_view(project, item, counts[item.id]) for item in items]

    async def get(self, actor: Actor, project_name: str, name: str) -> CredentialsView:
        async with self._store.read() as work:
            project, item = await object_for(work, actor, project_name, Credentials, name, Permission.CREDENTIALS_GET)
            return _view(project, item, await _references(work, item))

    async def update(self, actor: Actor, project_name: str, name: str, change: CredentialsChange) -> CredentialsView:
        """Changes name and values. Other values are verified, and so is every connector that signs in with them;
        values sent again are verified again when the last look failed (decision 0014)."""
        async with self._store.begin() as work:
            project, item = await object_for(
                work, actor, project_name, Credentials, name, Permission.CREDENTIALS_UPDATE
            )
            item = await work.of(Credentials, in_project(project.id)).lock(item.id)  # values are merged
            refuse_another_type(item.type, change.type)
            now = self._clock.now()
            values: dict[str, object] = {}
            if change.name is not None and change.name != item.name:
                check_name(change.name, "credentials")
                await _require_free(work, project, change.name)
                values["name"] = change.name
            values |= self._changed_configuration(item, change)
            verify = values.keys() & {"configuration", "status"}
            if values:
                await work.of(Credentials, in_project(project.id)).change(item.id, **values, updated_at=now)
                item = replace(item, **values, updated_at=now)  # type: ignore[arg-type]  # own fields only, above
                if verify:
                    await verify_credentials(work, item, now)
                work.emit(_event(EventName.CREDENTIALS_CHANGED, item, actor))
            return _view(project, item, await _references(work, item))

    async def delete(self, actor: Actor, project_name: str, name: str) -> None:
        """Removes the credentials and the roles assigned on them. StateConflict while a connector uses them."""
        async with self._store.begin() as work:
            project, item = await object_for(
                work, actor, project_name, Credentials, name, Permission.CREDENTIALS_DELETE
            )
            if count := await _references(work, item):
                raise StateConflict(
                    f"the credentials '{item.name}' are used by {count} connectors: delete these, or give them others"
                )
            await work.of(RoleAssignment, in_project(project.id)).remove(object_id=item.id)
            await work.of(Credentials, in_project(project.id)).remove(id=item.id)
            work.emit(_event(EventName.CREDENTIALS_DELETED, item, actor))

    def _changed_configuration(self, item: Credentials, change: CredentialsChange) -> dict[str, object]:
        """The fields to set for the values given; none when they are as they were and had passed."""
        if change.configuration is None:
            return {}
        rules = KINDS[item.type].credentials
        stored = self._opened(item, change.configuration)
        values = checked(rules, change.configuration, stored)
        if values == stored and item.status is not ConnectorStatus.FAILED_VERIFICATION:
            return {}
        return PENDING | {"configuration": sealed(rules, values, self._secrets, item.id)}

    def _opened(self, item: Credentials, given: Given) -> dict[str, str]:
        """The present values; those that are replaced anyway need not open, so that a lost key can be made good."""
        rules = [rule for rule in KINDS[item.type].credentials if given.get(rule.name) is None]
        return opened(rules, item.configuration, self._secrets, item.id)


def known_type(name: str) -> ConnectorType:
    """The type of that name; InvalidInput when there is none."""
    try:
        return ConnectorType(name)
    except ValueError:
        raise InvalidInput(
            f"there is no type of connector '{name[:80]}': there are {', '.join(ConnectorType)}", field="type"
        ) from None


def refuse_another_type(present: ConnectorType, asked: str | None) -> None:
    if asked is not None and asked != present:
        raise InvalidInput(f"the type cannot change: it is {present}", field="type")


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(Credentials, in_project(project.id)).get(name=name) is not None:
        raise AlreadyExists(f"credentials named '{name}' exist already in project '{project.name}'", field="name")


async def _references(work: UnitOfWork, item: Credentials) -> int:
    return await work.of(Connector, in_project(item.project_id)).count(credentials_id=item.id)


def _view(project: Project, item: Credentials, references: int) -> CredentialsView:
    return CredentialsView(item, project.name, references, shown(KINDS[item.type].credentials, item.configuration))


def _event(name: EventName, item: Credentials, actor: Actor) -> Event:
    return Event(name, item.id, (f"credentials:{item.id}",), actor.user_id, item.project_id)
