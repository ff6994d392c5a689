"""Giving roles to users and service users, and taking them back (contract ubiops 2, 3.4, 6.1, 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quinta.core.access.custom_roles import role_named
from quinta.core.access.decide import OBJECT_KINDS, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import DEFAULT_BY_ID, FOR_PEOPLE, ObjectType, Role, RoleAssignment, cannot_apply
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.model import Membership, Project, User
from quinta.kit.ids import new_id, parse_id


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """Without an object, the role is for the whole project; ``object_name`` and ``object_type`` go together."""

    user_id: str
    role: str
    object_name: str | None = None
    object_type: ObjectType | None = None


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """An assignment with the present names of its role and object."""

    assignment: RoleAssignment
    role: str
    object_name: str


class RoleAssignments:
    """Use cases about who has which role in a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, actor: Actor, project_name: str, new: NewAssignment) -> AssignmentView:
        """Gives the role at once. InvalidInput: no such user, role or object here, or the role does not fit."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_ASSIGNMENTS_CREATE)
            if (new.object_name is None) != (new.object_type is None):
                missing = "object_name" if new.object_name is None else "object_type"
                raise InvalidInput("object_name and object_type go together: send both or neither", field=missing)
            role = await role_named(work, project, new.role)
            if role is None:
                raise InvalidInput(f"there is no role named '{new.role}' in project '{project.name}'", field="role")
            object_type = new.object_type or ObjectType.PROJECT
            object_name = new.object_name or project.name
            object_id = await _object_id(work, project, object_type, object_name)
            user = await _holder(work, project, new.user_id)
            if user is None:
                raise InvalidInput(
                    f"'{new.user_id[:80]}' is neither a member of the project's organization nor a service user of "
                    f"project '{project.name}'",
                    field="user_id",
                )
            _require_fitting(role, user, object_type)
            assignment = RoleAssignment(new_id(), project.id, user.id, role.id, object_type, object_id)
            await _require_new(work, assignment)
            await work.of(RoleAssignment, in_project(project.id)).add(assignment)
            work.emit(_event(EventName.ROLE_ASSIGNED, assignment, actor))
        return AssignmentView(assignment, role.name, object_name)

    async def get(self, actor: Actor, project_name: str, assignment_id: str) -> AssignmentView:
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_ASSIGNMENTS_GET)
            return (await _views(work, project, [await _assignment(work, project, assignment_id)]))[0]

    async def of_user(self, actor: Actor, project_name: str, user_id: str) -> list[AssignmentView]:
        """The roles of one user or service user in the project; what an administrator of the organization may do
        besides is no assignment (decision 0010)."""
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_ASSIGNMENTS_LIST)
            user = await _holder(work, project, user_id)
            if user is None:
                raise NotFound(f"there is no user with the id '{user_id[:80]}' in project '{project.name}'")
            found = await work.of(RoleAssignment, in_project(project.id)).find(user_id=user.id, order=("id",))
            return await _views(work, project, found)

    async def delete(self, actor: Actor, project_name: str, assignment_id: str) -> None:
        """Takes a role away, also one's own; it counts for nothing from the next call on."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, project_name, Permission.ROLES_ASSIGNMENTS_DELETE)
            assignment = await _assignment(work, project, assignment_id)
            await work.of(RoleAssignment, in_project(project.id)).remove(id=assignment.id)
            work.emit(_event(EventName.ROLE_WITHDRAWN, assignment, actor))


async def _object_id(work: UnitOfWork, project: Project, object_type: ObjectType, name: str) -> str:
    if object_type is ObjectType.PROJECT and name == project.name:
        return project.id
    kind = OBJECT_KINDS.get(object_type)
    found = None if kind is None else await work.of(kind, in_project(project.id)).get(name=name)
    if found is None:
        raise InvalidInput(
            f"there is no {object_type} named '{name[:80]}' in project '{project.name}'", field="object_name"
        )
    return str(found.id)


async def _holder(work: UnitOfWork, project: Project, user_id: str) -> User | None:
    """Who may have a role in the project: a member of its organization, or one of its service users."""
    known = parse_id(user_id)
    user = None if known is None else await work.of(User, EVERYTHING).get(id=known)
    if user is None or user.project_id is not None:
        return user if user is not None and user.project_id == project.id else None
    membership = await work.of(Membership, in_organization(project.organization_id)).get(user_id=user.id)
    return None if membership is None else user


def _require_fitting(role: Role, user: User, object_type: ObjectType) -> None:
    if refused := cannot_apply(role.permissions, object_type):
        raise InvalidInput(
            f"the role '{role.name}' cannot be assigned on a {object_type}: it holds {refused[0]}", field="role"
        )
    refused = [permission for permission in role.permissions if permission in FOR_PEOPLE]
    if user.project_id is not None and refused:
        raise InvalidInput(
            f"the role '{role.name}' cannot be assigned to a service user, which may not hold {refused[0]}",
            field="role",
        )


async def _require_new(work: UnitOfWork, new: RoleAssignment) -> None:
    same = {"user_id": new.user_id, "role_id": new.role_id, "object_id": new.object_id}
    if await work.of(RoleAssignment, in_project(new.project_id)).get(**same) is not None:
        raise AlreadyExists("the user has this role there already", field="role")


async def _assignment(work: UnitOfWork, project: Project, assignment_id: str) -> RoleAssignment:
    known = parse_id(assignment_id)
    found = None if known is None else await work.of(RoleAssignment, in_project(project.id)).get(id=known)
    if found is None:
        raise NotFound(f"there is no role assignment with the id '{assignment_id[:80]}' in project '{project.name}'")
    return found


async def _views(work: UnitOfWork, project: Project, items: Sequence[RoleAssignment]) -> list[AssignmentView]:
    own = {item.role_id for item in items} - DEFAULT_BY_ID.keys()
    customs = await work.of(Role, in_project(project.id)).find(id=own) if own else []
    roles = DEFAULT_BY_ID | {role.id: role for role in customs}
    names = {project.id: project.name}
    for object_type in {item.object_type for item in items} & OBJECT_KINDS.keys():
        ids = [item.object_id for item in items if item.object_type is object_type]
        for found in await work.of(OBJECT_KINDS[object_type], in_project(project.id)).find(id=ids):
            names[found.id] = found.name
    return [AssignmentView(item, roles[item.role_id].name, names[item.object_id]) for item in items]


def _event(name: EventName, assignment: RoleAssignment, actor: Actor) -> Event:
    return Event(name, assignment.id, (f"user:{assignment.user_id}",), actor.user_id, assignment.project_id)
