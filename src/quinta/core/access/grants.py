"""Levels that roles are granted on single objects (contract dq0 4.3, 5.6)."""

from __future__ import annotations

from quinta.core.access.levels import is_administrator, project_at, projects_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import GrantKind, PermissionLevel, PlatformRole, RoleGrant
from quinta.core.access.references import Reference, role_of
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


async def set_grant(
    work: UnitOfWork,
    clock: Clock,
    actor: Actor,
    role: PlatformRole,
    kind: GrantKind,
    object_id: str,
    level: PermissionLevel,
    project_id: str | None = None,
) -> None:
    """Writes the role's level on the object, whoever asks: callers check that first. ``project_id``: where the audit
    trail shows it."""
    await work.of(PlatformRole, EVERYTHING).lock(role.id)  # two at once write one row
    grants = work.of(RoleGrant, EVERYTHING)
    now = clock.now()
    grant = await grants.get(role_id=role.id, kind=kind, object_id=object_id)
    if grant is None:
        grant = RoleGrant(new_id(), role.id, kind, object_id, level, now, now)
        await grants.add(grant)
    elif grant.level == level:
        return
    else:
        await grants.change(grant.id, level=level, updated_at=now)
    tags = (f"dataset:{object_id}",) if kind is GrantKind.DATASET else ()
    work.emit(Event(EventName.GRANT_CHANGED, grant.id, tags, actor.user_id, project_id))


def level_of(value: int) -> PermissionLevel:
    """The level of that number; InvalidInput (``permission``) for another."""
    try:
        return PermissionLevel(value)
    except ValueError:
        known = ", ".join(f"{level.value} ({level.name.lower()})" for level in PermissionLevel)
        raise InvalidInput(f"{value} is no level: {known} are", field="permission") from None


class ProjectGrants:
    """Who else may do what in a project."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def set_permission(
        self, actor: Actor, role: Reference, level: int, *, project_id: str = "", project_name: str = ""
    ) -> None:
        """Grants the role the level on a project that the actor manages; administrators may on every one.

        InvalidInput: no such level (``permission``), nothing said of project or role, or names of two different ones;
        NotFound, NotPermitted as of ``project_at``.
        """
        granted = level_of(level)
        async with self._store.begin() as work:
            project = await _project(work, actor, project_id, project_name)
            found = await role_of(work, role)
            await set_grant(work, self._clock, actor, found, GrantKind.PROJECT, project.id, granted, project.id)


async def _project(work: UnitOfWork, actor: Actor, project_id: str, name: str) -> Project:
    if not project_id and not name:
        raise InvalidInput("say which project: project_uuid or project_name is needed", field="project_uuid")
    if not project_id:
        return await _project_named(work, actor, name)
    if await is_administrator(work, actor):
        project = await work.of(Project, EVERYTHING).get(id=project_id)
        if project is None:
            raise NotFound("there is no such project")
    else:
        project = await project_at(work, actor, project_id, PermissionLevel.MANAGE)
    if name and name not in (project.name, project.title):
        raise InvalidInput("project_uuid and project_name are of two different projects", field="project_uuid")
    return project


async def _project_named(work: UnitOfWork, actor: Actor, name: str) -> Project:
    """Titles are unique among the projects that one person sees in one organization, not over the server."""
    administers = await is_administrator(work, actor)
    if administers:
        projects = work.of(Project, EVERYTHING)
        found = {project.id: project for project in [*await projects.find(name=name), *await projects.find(title=name)]}
    else:
        seen = await projects_at(work, actor, PermissionLevel.LIST)
        found = {project.id: project for project in seen if name in (project.name, project.title)}
    if not found:
        raise NotFound("there is no such project")
    if len(found) > 1:
        raise InvalidInput(
            f"{len(found)} projects are named '{name[:80]}': say which by project_uuid", field="project_name"
        )
    (project,) = found.values()
    return project if administers else await project_at(work, actor, project.id, PermissionLevel.MANAGE)
