"""The roles of a project: the default ones, and those it makes itself (contract ubiops 2, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import DEFAULT_BY_NAME, DEFAULT_ROLES, FOR_PEOPLE, Role, RoleAssignment, cannot_apply
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.names import check_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project, User
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Members that are None stay; ``permissions`` replaces the whole list."""

    name: str | None = None
    permissions: Sequence[str] | None = None


class Roles:
    """Use cases about roles."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, actor: Actor, project_name: str, name: str, permissions: Sequence[str]) -> Role:
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_CREATE)
            check_name(name, "a role")
            await _require_free(work, project, name)
            role = Role(new_id(), project.id, name, _permissions(permissions))
            await work.of(Role, in_project(project.id)).add(role)
            work.emit(Event(EventName.ROLE_CREATED, role.id, (), actor.user_id, project.id))
        return role

    async def find(self, actor: Actor, project_name: str) -> list[Role]:
        """The default roles, then the project's own by name."""
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_LIST)
            return [*DEFAULT_ROLES, *await work.of(Role, in_project(project.id)).find(order=("name",))]

    async def get(self, actor: Actor, project_name: str, name: str) -> Role:
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_GET)
            return await _role(work, project, name)

    async def update(self, actor: Actor, project_name: str, name: str, change: RoleChange) -> Role:
        """Changes what is given, for everyone who has the role, at once. StateConflict for a default role, and for
        permissions that one who has it may not have (a service user) or where it is assigned on a single object."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_UPDATE)
            role = await _own_role(work, project, name)
            values: dict[str, object] = {}
            if change.name is not None and change.name != role.name:
                check_name(change.name, "a role")
                await _require_free(work, project, change.name)
                values["name"] = change.name
            if change.permissions is not None:
                values["permissions"] = _permissions(change.permissions)
            if not values:
                return role
            role = replace(role, **values)  # type: ignore[arg-type]  # own fields, set above
            assignments = await work.of(RoleAssignment, in_project(project.id)).find(role_id=role.id)
            await _require_fitting(work, role, assignments)
            await work.of(Role, in_project(project.id)).change(role.id, **values)
            work.emit(_event(EventName.ROLE_CHANGED, role, assignments, actor))
        return role

    async def delete(self, actor: Actor, project_name: str, name: str) -> None:
        """Removes the role, and takes it from everyone who has it (contract ubiops 6.3)."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_DELETE)
            role = await _own_role(work, project, name)
            assignments = await work.of(RoleAssignment, in_project(project.id)).find(role_id=role.id)
            await work.of(RoleAssignment, in_project(project.id)).remove(role_id=role.id)
            await work.of(Role, in_project(project.id)).remove(id=role.id)
            work.emit(_event(EventName.ROLE_DELETED, role, assignments, actor))


async def role_named(work: UnitOfWork, project: Project, name: str) -> Role | None:
    """A default role, or one of the project's own."""
    return DEFAULT_BY_NAME.get(name) or await work.of(Role, in_project(project.id)).get(name=name)


async def _role(work: UnitOfWork, project: Project, name: str) -> Role:
    role = await role_named(work, project, name)
    if role is None:
        raise NotFound(f"there is no role named '{name}' in project '{project.name}'")
    return role


async def _own_role(work: UnitOfWork, project: Project, name: str) -> Role:
    role = await _role(work, project, name)
    if role.is_default:
        raise StateConflict(f"'{name}' is a default role, which can be neither changed nor deleted: make one of yours")
    return role


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await role_named(work, project, name) is not None:
        raise AlreadyExists(f"a role named '{name}' exists already in project '{project.name}'", field="name")


async def _require_fitting(work: UnitOfWork, role: Role, assignments: Sequence[RoleAssignment]) -> None:
    for object_type in {item.object_type for item in assignments}:
        if refused := cannot_apply(role.permissions, object_type):
            raise StateConflict(
                f"the role is assigned on a single {object_type}, where {refused[0]} means nothing: withdraw it first"
            )
    refused = [permission for permission in role.permissions if permission in FOR_PEOPLE]
    users = [item.user_id for item in assignments]
    for user in await work.of(User, EVERYTHING).find(id=users) if users and refused else []:
        if user.project_id is not None:
            raise StateConflict(f"the role is assigned to a service user, which may not hold {refused[0]}")


def _permissions(names: Sequence[str]) -> tuple[Permission, ...]:
    """In the order given, each once; InvalidInput names one that there is not."""
    try:
        return tuple(dict.fromkeys(map(Permission, names)))
    except ValueError:
        unknown = next(name for name in names if name not in set(Permission))
        raise InvalidInput(f"there is no permission named '{unknown[:80]}'", field="permissions") from None


def _event(name: EventName, role: Role, assignments: Sequence[RoleAssignment], actor: Actor) -> Event:
    tags = tuple(sorted({f"user:{item.user_id}" for item in assignments}))
    return Event(name, role.id, tags, actor.user_id, role.project_id)
