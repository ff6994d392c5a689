"""Projects for MLflow's clients, which know none: those they name, and a project of their own where they name none."""

from __future__ import annotations

from typing import Final

from quinta.core.access.levels import project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import AlreadyExists, NotFound, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Project
from quinta.core.tenancy.release_organizations import lock_seen, organization_with_room
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, short_id

_TITLE: Final = "MLflow"
_TRIES: Final = 5


class OutsideProjects:
    """Projects in which the actor may write."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def named(self, actor: Actor, name: str) -> Project:
        """NotFound for one that the actor may not know of; NotPermitted for one that it may only read."""
        async with self._store.read() as work:
            project = await work.of(Project, EVERYTHING).get(name=name)
            missing = NotFound(
                f"there is no project named '{name[:80]}': an experiment is called PROJECT/NAME, or NAME where it is "
                "in a project of your own"
            )
            if project is None:
                raise missing
            try:
                return await project_at(work, actor, project.id, PermissionLevel.WRITE)
            except NotFound as hidden:
                missing.is_refusal = hidden.is_refusal
                raise missing from None

    async def own(self, actor: Actor) -> Project:
        """The actor's own project, made if it is not there."""
        name = own_name(actor)
        if name is None:
            async with self._store.read() as work:
                return await project_at(work, actor, actor.project_id or "", PermissionLevel.WRITE)
        async with self._store.read() as work:
            project = await own_project(work, actor, name)
        for _ in range(_TRIES):
            if project is not None:
                return project
            try:
                async with self._store.begin() as work:
                    await lock_seen(work, actor)  # two calls at once make one
                    project = await own_project(work, actor, name) or await self._make_own(work, actor, name)
            except AlreadyExists:  # somebody took the name of the organization that would be made with it
                continue
        if project is None:
            raise Unavailable("many are taking names like this one at the moment: try again")
        return project

    async def _make_own(self, work: UnitOfWork, actor: Actor, name: str) -> Project:
        now = self._clock.now()
        organization = await organization_with_room(work, actor, now)
        project = Project(new_id(), organization.id, name, now, title=_TITLE, updated_at=now)
        await work.of(Project, in_organization(organization.id)).add(project)
        work.emit(Event(EventName.PROJECT_CREATED, project.id, (f"project:{project.id}",), actor.user_id, project.id))
        return project


async def own_project(work: UnitOfWork, actor: Actor, name: str) -> Project | None:
    """The project of that name, which must be the actor's to manage: somebody else's would read what it logs."""
    project = await work.of(Project, EVERYTHING).get(name=name)
    return None if project is None else await project_at(work, actor, project.id, PermissionLevel.MANAGE)


def own_name(actor: Actor) -> str | None:
    """What a person's own project is called; None for a service user."""
    return None if actor.is_service_user else f"mlflow-{short_id(actor.user_id)}"
