"""What an actor may do in the quarantine: with datasets, with projects, and as an administrator (contract dq0 5.6).

The two rules of core.access.decide hold: what a caller may not know of, below LIST, does not exist for it (NotFound, in
the words for what was never there); what it may see but not do is NotPermitted. Levels come of roles over the server,
and nobody has a role who was not given one: an account that somebody opened through another dialect reaches no dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quinta.core.access.decide import assigned
from quinta.core.access.model import Actor, Permission
from quinta.core.access.platform_roles import (
    BaseRole,
    GrantKind,
    PermissionLevel,
    PlatformRole,
    RoleGrant,
    RoleHolder,
)
from quinta.core.datasets.model import Dataset
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import GroupMember, Membership, Project

_NEEDED = (
    (PermissionLevel.MANAGE, Permission.PROJECTS_DELETE),
    (PermissionLevel.WRITE, Permission.PROJECTS_ENVIRONMENT_VARIABLES_CREATE),
    (PermissionLevel.USE, Permission.PROJECTS_RESOURCES_GET),
)
"""What of the project's own roles stands for which level: project-admin, -editor and -viewer hold these, and no role
for one family of objects alone does."""


class Levels(dict[str, PermissionLevel]):
    """Levels by object id: those of objects with a grant of their own. ``levels[id]`` of any other is ``default``,
    which ``get`` knows nothing of."""

    def __init__(self, default: PermissionLevel, given: Mapping[str, PermissionLevel]) -> None:
        super().__init__(given)
        self.default = default

    def __missing__(self, object_id: str) -> PermissionLevel:
        return self.default


async def roles_of(work: UnitOfWork, actor: Actor) -> list[PlatformRole]:
    """The actor's roles over the server in the order that they were given in, then those of its groups. A service user
    has none: it acts within its project."""
    if actor.is_service_user:
        return []
    holders = work.of(RoleHolder, EVERYTHING)
    held = await holders.find(user_id=actor.user_id, order=("place", "id"))
    groups = await work.of(GroupMember, of_user(actor.user_id)).values("group_id")
    if groups:
        held += await holders.find(group_id=groups, order=("id",))
    ids = list(dict.fromkeys(holder.role_id for holder in held))
    roles = {role.id: role for role in await work.of(PlatformRole, EVERYTHING).find(id=ids)} if ids else {}
    return [roles[role_id] for role_id in ids]


async def level_on(work: UnitOfWork, actor: Actor, kind: GrantKind, object_id: str) -> PermissionLevel:
    """The highest that one of the actor's roles gives on the object: what it is granted there, else its own level.

    Nothing else counts here: neither who owns the object nor who administers its organization.
    """
    roles = await roles_of(work, actor)
    return _levels(roles, await _grants(work, roles, kind, object_id))[object_id]


async def levels_on(work: UnitOfWork, actor: Actor, kind: GrantKind) -> Levels:
    """``level_on`` for all objects of a kind at once."""
    roles = await roles_of(work, actor)
    return _levels(roles, await _grants(work, roles, kind))


async def standing_on(work: UnitOfWork, actor: Actor, kind: GrantKind) -> tuple[bool, Levels]:
    """``is_administrator`` and ``levels_on``, with the actor's roles read once."""
    roles = await roles_of(work, actor)
    return _administers(actor, roles), _levels(roles, await _grants(work, roles, kind))


async def is_administrator(work: UnitOfWork, actor: Actor) -> bool:
    """Whether the actor administers users, roles and everybody's data: the base role admin, or the server's staff.

    That gives no level on a project, nor what jobs learnt from others' data (contract dq0 5.6, Sight.answers_for).
    """
    return _administers(actor, await roles_of(work, actor))


async def require_administrator(work: UnitOfWork, actor: Actor) -> None:
    if not await is_administrator(work, actor):
        raise NotPermitted("only an administrator may do this: the role 'admin' is needed")


async def is_owner_role(work: UnitOfWork, actor: Actor) -> bool:
    """Whether the actor may bring data of its own: the base role owner."""
    return any(role.name == BaseRole.OWNER for role in await roles_of(work, actor))


async def project_at(work: UnitOfWork, actor: Actor, project_id: str, level: PermissionLevel) -> Project:
    """The project, if the actor has at least ``level`` on it, else NotPermitted; NotFound if it may not know of it."""
    project = await work.of(Project, EVERYTHING).get(id=project_id)
    if project is None:
        raise NotFound("there is no such project")
    held = await level_in_project(work, actor, project)
    if held < PermissionLevel.LIST:
        raise NotFound("there is no such project", refusal=True, project_id=project.id)
    if held < level:
        raise NotPermitted(
            f"this needs level {level.value} ({level.name.lower()}) on the project '{project.name}', and "
            f"{held.value} is what you have",
            project_id=project.id,
        )
    return project


async def level_in_project(work: UnitOfWork, actor: Actor, project: Project) -> PermissionLevel:
    """The higher of what the actor is in the project's organization and project, and what its roles over the server
    give. Who administers the organization, as the project's creator does, manages the project."""
    own = await _standing(work, actor, project, await _memberships(work, actor))
    if own is PermissionLevel.MANAGE:
        return own
    return max(own, await level_on(work, actor, GrantKind.PROJECT, project.id))


async def projects_at(work: UnitOfWork, actor: Actor, level: PermissionLevel) -> list[Project]:
    """Every project that the actor has at least ``level`` on, by name; LIST at the least."""
    wanted = max(level, PermissionLevel.LIST)
    memberships = await _memberships(work, actor)
    projects = work.of(Project, EVERYTHING)
    levels = await levels_on(work, actor, GrantKind.PROJECT)
    if levels.default >= wanted:
        candidates = await projects.find(order=("name",))
    else:
        granted = [project_id for project_id, given in levels.items() if given >= wanted]
        own = [actor.project_id] if actor.is_service_user else []
        found = await projects.find(id=granted + own)
        found += await projects.find(organization_id=list(memberships))
        candidates = sorted({project.id: project for project in found}.values(), key=lambda project: project.name)
    return [
        project
        for project in candidates
        if levels[project.id] >= wanted or await _standing(work, actor, project, memberships, wanted) >= wanted
    ]


async def dataset_at(work: UnitOfWork, actor: Actor, dataset_id: str, level: PermissionLevel) -> Dataset:
    """The dataset, if the actor has at least ``level`` on it: its owner and administrators manage it. NotFound when the
    actor may not know of it, and for one that was deleted, else NotPermitted."""
    dataset = await work.of(Dataset, EVERYTHING).get(id=dataset_id, deleted_at=None)
    if dataset is None:
        raise NotFound("there is no such dataset")
    held = await level_in_dataset(work, actor, dataset)
    if held < PermissionLevel.LIST:
        raise NotFound("there is no such dataset", refusal=True)
    if held < level:
        raise NotPermitted(
            f"this needs level {level.value} ({level.name.lower()}) on the dataset '{dataset.name}', and "
            f"{held.value} is what you have"
        )
    return dataset


async def level_in_dataset(work: UnitOfWork, actor: Actor, dataset: Dataset) -> PermissionLevel:
    """MANAGE for its owner and for administrators, else what roles give."""
    if dataset.owner_id == actor.user_id:
        return PermissionLevel.MANAGE
    roles = await roles_of(work, actor)
    if _administers(actor, roles):
        return PermissionLevel.MANAGE
    return _levels(roles, await _grants(work, roles, GrantKind.DATASET, dataset.id))[dataset.id]


async def _memberships(work: UnitOfWork, actor: Actor) -> dict[str, Membership]:
    """By the organization's id; a service user has none."""
    found = await work.of(Membership, of_user(actor.user_id)).find()
    return {membership.organization_id: membership for membership in found}


async def _standing(
    work: UnitOfWork,
    actor: Actor,
    project: Project,
    memberships: Mapping[str, Membership],
    wanted: PermissionLevel = PermissionLevel.MANAGE,
) -> PermissionLevel:
    """What the actor is in the project by the rules of core.access.decide: a member of the organization knows of it,
    its administrator manages it, roles in the project give what lies between. Where ``wanted`` is reached, it is not
    asked whether there is more."""
    membership = memberships.get(project.organization_id)
    if actor.is_service_user:
        if actor.project_id != project.id:
            return PermissionLevel.NONE
    elif membership is None:
        return PermissionLevel.NONE
    elif membership.is_admin:
        return PermissionLevel.MANAGE
    if wanted <= PermissionLevel.LIST:
        return PermissionLevel.LIST
    for level, permission in _NEEDED:
        if (await assigned(work, actor, project, permission)).whole:
            return level
    return PermissionLevel.LIST


def _administers(actor: Actor, roles: list[PlatformRole]) -> bool:
    if actor.is_service_user:
        return False
    return actor.is_staff or any(role.name == BaseRole.ADMIN for role in roles)


async def _grants(
    work: UnitOfWork, roles: list[PlatformRole], kind: GrantKind, object_id: str | None = None
) -> list[RoleGrant]:
    if not roles:
        return []
    conditions: dict[str, Any] = {} if object_id is None else {"object_id": object_id}
    return await work.of(RoleGrant, EVERYTHING).find(role_id=[role.id for role in roles], kind=kind, **conditions)


def _levels(roles: list[PlatformRole], grants: list[RoleGrant]) -> Levels:
    default = max((role.level for role in roles), default=PermissionLevel.NONE)
    by_role: dict[str, dict[str, int]] = {role.id: {} for role in roles}
    for grant in grants:
        by_role[grant.role_id][grant.object_id] = grant.level
    given = {
        object_id: PermissionLevel(max(by_role[role.id].get(object_id, role.level) for role in roles))
        for object_id in {grant.object_id for grant in grants}
    }
    return Levels(PermissionLevel(default), given)
