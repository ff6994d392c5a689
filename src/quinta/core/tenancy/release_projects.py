"""Projects as those see them who release to them: with a title, a configuration and a workspace (contract versiontwo
5.1, 5.6; decision 0029)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from quinta.core.access.decide import organizations_of, project_by_id, require_person
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import AlreadyExists, InvalidInput, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.names import check_title, name_from
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Organization, Project
from quinta.core.tenancy.projects import free_project_name, remove_project
from quinta.core.tenancy.release_config import check_config, config_text, merged
from quinta.core.tenancy.release_organizations import lock_seen, organization_with_room
from quinta.core.tenancy.subscriptions import require_room_for_project
from quinta.core.tenancy.workspaces import workspace_to_use
from quinta.core.unset import UNSET, Unset
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_TRIES: Final = 5
"""To find a free name: each failure means that somebody else has taken one at the same moment."""


@dataclass(frozen=True, slots=True)
class NewReleaseProject:
    title: str
    config: dict[str, Any] = field(default_factory=dict)
    workspace_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseProject:
    """``title`` is the project's name as its people write it: its name itself where it was given no title."""

    id: str
    title: str
    config: dict[str, Any]
    workspace_id: str | None
    created_at: datetime
    updated_at: datetime


class ReleaseProjects:
    """Use cases about projects that are known by their ids. NotFound for one that the actor may not know of."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(
        self, actor: Actor, *, workspace_id: str | None = None, limit: int, before: str | None = None
    ) -> list[ReleaseProject]:
        """Up to ``limit`` of the projects that the actor may know of, newest first (ids sort by time); with ``before``
        those that are older than the one of that id. InvalidInput (``workspace_id``) for a workspace it does not know.
        """
        async with self._store.read() as work:
            if workspace_id is not None:
                await workspace_to_use(work, actor, workspace_id)
            projects = work.of(Project, EVERYTHING)
            if actor.is_service_user:
                own = await projects.get(id=actor.project_id)
                found = [] if own is None or (before is not None and own.id >= before) else [own]
            else:
                conditions: dict[str, Any] = {} if before is None else {"id": Between(end=before)}
                if workspace_id is not None:
                    conditions["workspace_id"] = workspace_id
                seen = [organization.id for organization in await organizations_of(work, actor)]
                found = await projects.find(organization_id=seen, order=("-id",), limit=limit, **conditions)
        return [_view(project) for project in found]

    async def get(self, actor: Actor, project_id: str) -> ReleaseProject:
        async with self._store.read() as work:
            return _view(await project_by_id(work, actor, project_id, Permission.PROJECTS_GET))

    async def create(self, actor: Actor, new: NewReleaseProject) -> ReleaseProject:
        """Makes a project in the organization of its workspace, else in the first by name that the actor administers
        and whose plan has room, else in one that is made for it.

        InvalidInput (``name``, a member of ``config`` or ``workspace_id``); AlreadyExists (``name``) where the actor
        sees another project of that title; NotPermitted where it does not administer the workspace's organization,
        LimitReached where that has no room.
        """
        require_person(actor)
        title = check_title(new.title, "a project")
        check_config(new.config)
        for _ in range(_TRIES):
            try:
                return await self._create(actor, replace(new, title=title))
            except _NameTakenMeanwhile:
                continue
        raise Unavailable("many are taking names like this one at the moment: try again")

    async def update(
        self,
        actor: Actor,
        project_id: str,
        *,
        title: str | Unset = UNSET,
        config_patch: dict[str, Any] | Unset = UNSET,
        workspace_id: str | Unset | None = UNSET,
    ) -> ReleaseProject:
        """Changes what is given and differs: ``config_patch`` is merged in (RFC 7386), ``workspace_id`` None takes the
        project out of its workspace. Errors as of ``create``, and nothing is changed then."""
        async with self._store.begin() as work:
            project = await project_by_id(work, actor, project_id, Permission.PROJECTS_UPDATE)
            seen = [] if isinstance(title, Unset) else await lock_seen(work, actor, project.organization_id)
            project = await work.of(Project, EVERYTHING).lock(project.id)  # patches at once are merged one by one
            changes: dict[str, Any] = {}
            if not isinstance(title, Unset) and (wanted := check_title(title, "a project")) != _title(project):
                await _require_free(work, seen, wanted, project.id)
                changes["title"] = wanted
            if not isinstance(config_patch, Unset):
                before = json.loads(project.config)
                check_config(after := merged(before, config_patch))
                if config_text(after) != config_text(before):
                    changes["config"] = config_text(after)
            if not isinstance(workspace_id, Unset) and workspace_id != project.workspace_id:
                changes["workspace_id"] = await _workspace_for(work, actor, project, workspace_id)
            if changes:
                changes["updated_at"] = self._clock.now()
                await work.of(Project, EVERYTHING).change(project.id, **changes)
                project = replace(project, **changes)
                work.emit(_event(EventName.PROJECT_CHANGED, project, actor))
        return _view(project)

    async def delete(self, actor: Actor, project_id: str) -> None:
        """Removes the project and everything in it, as ``Projects.delete`` does."""
        async with self._store.begin() as work:
            project = await project_by_id(work, actor, project_id, Permission.PROJECTS_DELETE)
            await remove_project(work, project, actor.user_id)

    async def config(self, actor: Actor, project_id: str) -> dict[str, Any]:
        return (await self.get(actor, project_id)).config

    async def patch_config(self, actor: Actor, project_id: str, patch: dict[str, Any]) -> dict[str, Any]:
        """The configuration with ``patch`` merged in."""
        return (await self.update(actor, project_id, config_patch=patch)).config

    async def _create(self, actor: Actor, new: NewReleaseProject) -> ReleaseProject:
        now = self._clock.now()
        async with self._store.begin() as work:
            await _require_free(work, await lock_seen(work, actor), new.title)
            try:
                organization = await _organization_for(work, actor, new.workspace_id, now)
                project = Project(
                    id=new_id(),
                    organization_id=organization.id,
                    name=await free_project_name(work, name_from(new.title, "project")),
                    created_at=now,
                    title=new.title,
                    config=config_text(new.config),
                    updated_at=now,
                    workspace_id=new.workspace_id,
                )
                await work.of(Project, in_organization(organization.id)).add(project)
            except AlreadyExists:
                raise _NameTakenMeanwhile from None
            work.emit(_event(EventName.PROJECT_CREATED, project, actor))
        return _view(project)


class _NameTakenMeanwhile(Exception):
    """Somebody whom the actor does not see has taken the name that was free, of the project or of its organization."""


async def _organization_for(work: UnitOfWork, actor: Actor, workspace_id: str | None, now: datetime) -> Organization:
    if workspace_id is None:
        return await organization_with_room(work, actor, now)
    _, organization = await workspace_to_use(work, actor, workspace_id, administrator=True)
    await require_room_for_project(work, organization)
    return organization


async def _workspace_for(work: UnitOfWork, actor: Actor, project: Project, workspace_id: str | None) -> str | None:
    """The id as it is, if the project may go there."""
    if workspace_id is None:
        return None
    workspace, _ = await workspace_to_use(work, actor, workspace_id)
    if workspace.organization_id != project.organization_id:
        raise InvalidInput("this workspace belongs to another organization than the project", field="workspace_id")
    return workspace.id


async def _require_free(work: UnitOfWork, seen: list[str], title: str, own_id: str | None = None) -> None:
    """AlreadyExists when a project of these organizations other than ``own_id`` has the title, or the name for want of
    one."""
    projects = work.of(Project, EVERYTHING)
    same = await projects.values("id", organization_id=seen, title=title)
    same += await projects.values("id", organization_id=seen, title=None, name=title)
    if set(same) - {own_id}:
        raise AlreadyExists(f"a project named '{title}' exists already", field="name")


def _title(project: Project) -> str:
    return project.name if project.title is None else project.title


def _view(project: Project) -> ReleaseProject:
    return ReleaseProject(
        id=project.id,
        title=_title(project),
        config=json.loads(project.config),
        workspace_id=project.workspace_id,
        created_at=project.created_at,
        updated_at=project.updated_at or project.created_at,
    )


def _event(name: EventName, project: Project, actor: Actor) -> Event:
    return Event(name, project.id, (f"project:{project.id}",), actor.user_id, project.id)
