"""The one place that says what an actor may do and see (decision 0010).

Two rules stand above all others. What a caller may not know of does not exist for it: NotFound, in the same words as
for a name that was never given. What it may see but not do is NotPermitted. A member of the organization knows of a
project; of the objects in it only what a role shows: without one, the words are the same whether an object is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import DEFAULT_BY_ID, FOR_PEOPLE, ObjectType, Role, RoleAssignment
from quinta.core.connectors.model import Connector, Credentials
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.models.model import Model
from quinta.core.pipelines.model import Pipeline
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, in_project, of_user
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Project, Workspace

T = TypeVar("T")

OBJECT_KINDS: dict[ObjectType, type[Any]] = {
    ObjectType.MODEL: Model,
    ObjectType.CONNECTOR: Connector,
    ObjectType.CREDENTIALS: Credentials,
    ObjectType.PIPELINE: Pipeline,
}
"""The types whose single objects a role may be assigned on; each has ``id``, ``project_id`` and ``name``."""
_NOUNS = {kind: object_type for object_type, kind in OBJECT_KINDS.items()}

_MEMBER = frozenset({Permission.PROJECTS_GET})
_COMPUTES = frozenset({Permission.MODELS_VERSIONS_REQUESTS_CREATE, Permission.PIPELINES_REQUESTS_CREATE})


@dataclass(frozen=True, slots=True)
class Reach:
    """Where in a project an actor holds a permission: on all of it, or on the objects with these ids."""

    project: Project
    whole: bool
    object_ids: frozenset[str] = frozenset()

    def covers(self, object_id: str) -> bool:
        return self.whole or object_id in self.object_ids


async def project_for(work: UnitOfWork, actor: Actor, name: str, permission: Permission) -> Project:
    """The project called ``name``, if the actor may do ``permission`` in all of it; else NotFound or NotPermitted."""
    reach = await reach_for(work, actor, name, permission)
    if not reach.whole:
        raise _lacks(reach.project, permission, f"project '{name}'")
    return reach.project


async def project_by_id(work: UnitOfWork, actor: Actor, project_id: str, permission: Permission) -> Project:
    """Like project_for, for dialects that name a project by its id (contract versiontwo 2)."""
    project = await work.of(Project, EVERYTHING).get(id=project_id)
    reach = await _reach(work, actor, project, permission, "there is no such project")
    if not reach.whole:
        raise _lacks(reach.project, permission, "this project")
    return reach.project


async def object_for(
    work: UnitOfWork, actor: Actor, project_name: str, kind: type[T], name: str, permission: Permission
) -> tuple[Project, T]:
    """The object called ``name`` and its project, if the actor may do ``permission`` with it.

    A role on the project or on the object gives it, and covers what hangs on the object (a model's versions). ``kind``
    is one of OBJECT_KINDS.
    """
    reach = await reach_for(work, actor, project_name, permission)
    objects = work.of(kind, in_project(reach.project.id))
    if reach.whole:
        found = await objects.get(name=name)
        if found is None:
            raise NotFound(f"there is no {_NOUNS[kind]} named '{name}' in project '{project_name}'")
    else:
        found = await objects.get(name=name, id=reach.object_ids) if reach.object_ids else None
        if found is None:
            raise _lacks(reach.project, permission, f"{_NOUNS[kind]} '{name}'")
    return reach.project, found


async def objects_for(
    work: UnitOfWork, actor: Actor, project_name: str, kind: type[T], permission: Permission
) -> tuple[Project, list[T]]:
    """The objects of a kind on which the actor holds ``permission``, by name, and their project.

    NotPermitted when it holds it nowhere in the project (contract ubiops 6.3).
    """
    reach = await reach_for(work, actor, project_name, permission)
    if not reach.whole and not reach.object_ids:
        raise _lacks(reach.project, permission, f"project '{project_name}'")
    objects = work.of(kind, in_project(reach.project.id))
    if reach.whole:
        return reach.project, await objects.find(order=("name",))
    return reach.project, await objects.find(order=("name",), id=reach.object_ids)


async def organization_for(
    work: UnitOfWork, actor: Actor, name: str, *, administrator: bool = False, staff: bool = False
) -> Organization:
    """The organization called ``name``, if the actor is a member of it (and its administrator, where asked).

    ``staff``: the server's own staff is let in whether it belongs there or not.
    """
    require_person(actor)
    organization = await work.of(Organization, EVERYTHING).get(name=name)
    if organization is not None and staff and actor.is_staff:
        return organization
    membership = None if organization is None else await _membership(work, actor, organization.id)
    if organization is None:
        raise NotFound(f"there is no organization named '{name}'")
    if membership is None:
        raise NotFound(f"there is no organization named '{name}'", refusal=True, organization_id=organization.id)
    if administrator and not membership.is_admin:
        raise NotPermitted(
            f"only an administrator of the organization '{name}' may do this", organization_id=organization.id
        )
    return organization


async def workspace_by_id(
    work: UnitOfWork, actor: Actor, workspace_id: str, *, administrator: bool = False
) -> tuple[Workspace, Organization]:
    """The workspace and its organization, if the actor is a member of that (and its administrator, where asked)."""
    workspace = await work.of(Workspace, EVERYTHING).get(id=workspace_id)
    organization = None
    if workspace is not None:
        organization = await work.of(Organization, EVERYTHING).get(id=workspace.organization_id)
    if workspace is None or organization is None:
        raise NotFound("there is no such workspace")
    membership = await _membership(work, actor, organization.id)
    if membership is None:
        raise NotFound("there is no such workspace", refusal=True, organization_id=organization.id)
    if administrator and not membership.is_admin:
        raise NotPermitted(
            f"only an administrator of the organization '{organization.name}' may do this with its workspaces",
            organization_id=organization.id,
        )
    return workspace, organization


async def organizations_of(work: UnitOfWork, actor: Actor) -> list[Organization]:
    """Every organization that the actor belongs to, by name; a service user belongs to none."""
    memberships = await work.of(Membership, of_user(actor.user_id)).find()
    ids = [membership.organization_id for membership in memberships]
    return await work.of(Organization, EVERYTHING).find(id=ids, order=("name",)) if ids else []


def require_person(actor: Actor) -> None:
    """NotPermitted for a service user: it acts in its project, on no account and no organization (contract 6.1)."""
    if actor.is_service_user:
        raise NotPermitted("a service user acts within its project only, not on accounts or organizations")


def require_staff(actor: Actor) -> None:
    if not actor.is_staff:
        raise NotPermitted("only the server's own staff may do this")


async def reach_for(work: UnitOfWork, actor: Actor, project_name: str, permission: Permission) -> Reach:
    """Where the actor holds ``permission``, for what hangs on objects of several types; NotFound when it may not know
    of the project."""
    project = await work.of(Project, EVERYTHING).get(name=project_name)
    return await _reach(work, actor, project, permission, f"there is no project named '{project_name}'")


async def assigned(work: UnitOfWork, actor: Actor, project: Project, permission: Permission) -> Reach:
    """Where the actor's roles in the project give it the permission, whatever it is in the organization."""
    if actor.is_service_user and permission in FOR_PEOPLE:
        return Reach(project, whole=False)
    assignments = await work.of(RoleAssignment, in_project(project.id)).find(user_id=actor.user_id)
    own = [item.role_id for item in assignments if item.role_id not in DEFAULT_BY_ID]
    customs = await work.of(Role, in_project(project.id)).find(id=own) if own else []
    roles = DEFAULT_BY_ID | {role.id: role for role in customs}
    holding = [item for item in assignments if item.role_id in roles and permission in roles[item.role_id].permissions]
    return Reach(
        project,
        whole=any(item.object_type is ObjectType.PROJECT for item in holding),
        object_ids=frozenset(item.object_id for item in holding),
    )


async def _reach(
    work: UnitOfWork, actor: Actor, project: Project | None, permission: Permission, unknown: str
) -> Reach:
    """``unknown`` is what NotFound says, whether there is no such project or the actor may not know of it."""
    if project is None:
        raise NotFound(unknown)
    if actor.is_service_user:
        known, administers = actor.project_id == project.id, False
    else:
        membership = await _membership(work, actor, project.organization_id)
        known, administers = membership is not None, membership is not None and membership.is_admin
    if not known:
        raise NotFound(unknown, refusal=True, project_id=project.id)
    # An administrator of the organization holds all, computed at the moment of the call, so that one who is demoted
    # loses them at once (contract ubiops 6.1).
    reach = Reach(project, whole=True)
    if not administers and permission not in _MEMBER:
        reach = await assigned(work, actor, project, permission)
    if permission in _COMPUTES and (reach.whole or reach.object_ids):
        await require_active(work, project.organization_id)
    return reach


async def _membership(work: UnitOfWork, actor: Actor, organization_id: str) -> Membership | None:
    return await work.of(Membership, in_organization(organization_id)).get(user_id=actor.user_id)


async def require_active(work: UnitOfWork, organization_id: str) -> None:
    """NotPermitted while the organization is suspended or cancelled: nothing is computed for it then."""
    organization = await work.of(Organization, EVERYTHING).get(id=organization_id)
    if organization is not None and organization.status is not OrganizationStatus.ACTIVE:
        raise NotPermitted(
            f"the organization '{organization.name}' is {organization.status}: it runs no requests",
            organization_id=organization.id,
        )


def _lacks(project: Project, permission: Permission, what: str) -> NotPermitted:
    return NotPermitted(f"the permission {permission} on {what} is needed for this", project_id=project.id)
