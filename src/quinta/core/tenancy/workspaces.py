"""Workspaces: shelves for projects (contract versiontwo 5.2, decision 0029). The members of an organization see its
workspaces, its administrators change them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from quinta.core.access.decide import organizations_of, require_person, workspace_by_id
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, StateConflict, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.names import check_title
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Organization, Project, Workspace
from quinta.core.tenancy.release_config import check_config, config_text, merged
from quinta.core.tenancy.release_organizations import lock_seen, organization_with_room
from quinta.core.unset import UNSET, Unset
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    name: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """A workspace with its configuration read."""

    id: str
    name: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Workspaces:
    """Use cases about workspaces. NotFound for one of an organization that the actor is not in."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, actor: Actor, *, limit: int, before: str | None = None) -> list[WorkspaceView]:
        """Up to ``limit`` workspaces of the actor's organizations, newest first (ids sort by time); with ``before``
        those that are older than the one of that id."""
        conditions: dict[str, Any] = {} if before is None else {"id": Between(end=before)}
        async with self._store.read() as work:
            seen = [organization.id for organization in await organizations_of(work, actor)]
            rows = work.of(Workspace, EVERYTHING)
            found = await rows.find(organization_id=seen, order=("-id",), limit=limit, **conditions)
        return [_view(workspace) for workspace in found]

    async def get(self, actor: Actor, workspace_id: str) -> WorkspaceView:
        async with self._store.read() as work:
            return _view((await workspace_by_id(work, actor, workspace_id))[0])

    async def create(self, actor: Actor, new: NewWorkspace) -> WorkspaceView:
        """Makes a workspace in the organization that a project without workspace would be made in.

        InvalidInput (``name`` or a member of ``config``); AlreadyExists (``name``) where the actor sees another one of
        that name.
        """
        require_person(actor)
        name, now = check_title(new.name, "a workspace"), self._clock.now()
        check_config(new.config)
        async with self._store.begin() as work:
            await _require_free(work, await lock_seen(work, actor), name)
            try:
                organization = await organization_with_room(work, actor, now)
            except AlreadyExists:  # the name that an organization made for the actor would have
                raise Unavailable("somebody has taken the name of a new organization meanwhile: try again") from None
            workspace = Workspace(new_id(), organization.id, name, config_text(new.config), now, now)
            await work.of(Workspace, in_organization(organization.id)).add(workspace)
            work.emit(_event(EventName.WORKSPACE_CREATED, workspace, actor))
        return _view(workspace)

    async def update(
        self,
        actor: Actor,
        workspace_id: str,
        *,
        name: str | Unset = UNSET,
        config_patch: dict[str, Any] | Unset = UNSET,
    ) -> WorkspaceView:
        """Changes what is given and differs; ``config_patch`` is merged in (RFC 7386). Errors as of ``create``, and
        nothing is changed then."""
        async with self._store.begin() as work:
            workspace, _ = await workspace_by_id(work, actor, workspace_id, administrator=True)
            seen = [] if isinstance(name, Unset) else await lock_seen(work, actor)
            workspace = await work.of(Workspace, EVERYTHING).lock(workspace.id)
            changes: dict[str, Any] = {}
            if not isinstance(name, Unset) and (wanted := check_title(name, "a workspace")) != workspace.name:
                await _require_free(work, seen, wanted)
                changes["name"] = wanted
            if not isinstance(config_patch, Unset):
                before = json.loads(workspace.config)
                check_config(after := merged(before, config_patch))
                if config_text(after) != config_text(before):
                    changes["config"] = config_text(after)
            if changes:
                changes["updated_at"] = self._clock.now()
                await work.of(Workspace, EVERYTHING).change(workspace.id, **changes)
                workspace = replace(workspace, **changes)
                work.emit(_event(EventName.WORKSPACE_CHANGED, workspace, actor))
        return _view(workspace)

    async def delete(self, actor: Actor, workspace_id: str) -> None:
        """Removes the workspace; StateConflict (``workspace``) while projects are in it."""
        async with self._store.begin() as work:
            workspace, _ = await workspace_by_id(work, actor, workspace_id, administrator=True)
            await work.of(Workspace, EVERYTHING).lock_all(id=workspace.id)  # from here on no project comes into it
            count = await work.of(Project, EVERYTHING).count(workspace_id=workspace.id)
            if count:
                raise StateConflict(
                    f"the workspace '{workspace.name}' has projects ({count}): delete them or take them out first",
                    field="workspace",
                )
            await work.of(Workspace, EVERYTHING).remove(id=workspace.id)
            work.emit(_event(EventName.WORKSPACE_DELETED, workspace, actor))


async def workspace_to_use(
    work: UnitOfWork, actor: Actor, workspace_id: str, *, administrator: bool = False
) -> tuple[Workspace, Organization]:
    """Like workspace_by_id, for a workspace that a call names in its body or query: InvalidInput (``workspace_id``)
    instead of NotFound."""
    try:
        return await workspace_by_id(work, actor, workspace_id, administrator=administrator)
    except NotFound as missing:
        raise InvalidInput(missing.message, field="workspace_id") from None


async def _require_free(work: UnitOfWork, seen: list[str], name: str) -> None:
    if await work.of(Workspace, EVERYTHING).count(organization_id=seen, name=name):
        raise AlreadyExists(f"a workspace named '{name}' exists already", field="name")


def _view(workspace: Workspace) -> WorkspaceView:
    return WorkspaceView(
        id=workspace.id,
        name=workspace.name,
        config=json.loads(workspace.config),
        created_at=workspace.created_at,
        updated_at=workspace.updated_at,
    )


def _event(name: EventName, workspace: Workspace, actor: Actor) -> Event:
    return Event(name, workspace.id, (f"workspace:{workspace.id}",), actor.user_id)
