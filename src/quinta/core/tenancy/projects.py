"""Projects: the name space everything else lives in (contract ubiops 2 and 3.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from quinta.core.access.decide import organization_for, organizations_of, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.platform_roles import GrantKind, RoleGrant
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.files.references import require_no_record
from quinta.core.models.model import ModelVersion
from quinta.core.models.references import require_no_application
from quinta.core.names import check_name, numbered
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.model import Organization, Project
from quinta.core.tenancy.subscriptions import require_room_for_project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_IN_FLIGHT = [status for status in DeploymentStatus if status.in_flight]


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project with the name of its organization."""

    project: Project
    organization: str


class Projects:
    """Use cases about projects."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, organization_name: str, name: str) -> ProjectView:
        """Makes a project in an organization that the actor administers."""
        async with self._store.begin() as work:
            try:
                organization = await organization_for(work, actor, organization_name, administrator=True)
            except NotFound as missing:  # named in the body, not in the path: contract ubiops 5.2
                raise InvalidInput(missing.message, field="organization_name") from None
            check_name(name, "a project")
            await _require_free(work, name)
            await require_room_for_project(work, organization)
            project = Project(new_id(), organization.id, name, self._clock.now())
            await work.of(Project, in_organization(organization.id)).add(project)
            work.emit(_event(EventName.PROJECT_CREATED, project, actor))
        return ProjectView(project, organization.name)

    async def list(self, actor: Actor) -> list[ProjectView]:
        """All projects of the actor's organizations (contract ubiops 10.24), by name; a service user's own one."""
        async with self._store.read() as work:
            if actor.is_service_user:
                own = await work.of(Project, EVERYTHING).get(id=actor.project_id)
                return [] if own is None else [await _view(work, own)]
            names = {organization.id: organization.name for organization in await organizations_of(work, actor)}
            if not names:
                return []
            found = await work.of(Project, EVERYTHING).find(organization_id=list(names), order=("name",))
        return [ProjectView(project, names[project.organization_id]) for project in found]

    async def get(self, actor: Actor, name: str) -> ProjectView:
        async with self._store.read() as work:
            project = await project_for(work, actor, name, Permission.PROJECTS_GET)
            return await _view(work, project)

    async def rename(self, actor: Actor, name: str, new_name: str | None) -> ProjectView:
        """Gives the project another name; None or the same name changes nothing. A title stays (decision 0029)."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, name, Permission.PROJECTS_UPDATE)
            if new_name is not None and new_name != project.name:
                check_name(new_name, "a project")
                await _require_free(work, new_name)
                values: dict[str, Any] = {"name": new_name}
                if project.title is None:  # the name is what other dialects show too
                    values["updated_at"] = self._clock.now()
                await work.of(Project, EVERYTHING).change(project.id, **values)
                project = replace(project, **values)
                work.emit(_event(EventName.PROJECT_CHANGED, project, actor))
            return await _view(work, project)

    async def delete(self, actor: Actor, name: str) -> None:
        """Removes the project and everything in it. What runs is stopped; files go soon after. StateConflict as of
        ``remove_project``."""
        async with self._store.begin() as work:
            project = await project_for(work, actor, name, Permission.PROJECTS_DELETE)
            await remove_project(work, project, actor.user_id)


async def remove_project(work: UnitOfWork, project: Project, actor_id: str | None) -> None:
    """Removes the project with everything in it, in the name of that user or, with None, the operator's. StateConflict
    while a deployment is in flight (contract versiontwo 5.1), an application runs a model of it or a data record points
    at what is in it."""
    await work.of(Project, EVERYTHING).lock_all(id=project.id)  # from here on nothing new refers to it
    if await work.of(Deployment, in_project(project.id)).count(status=_IN_FLIGHT):
        raise StateConflict(
            f"a deployment of the project '{project.name}' is in flight: wait until it has ended", field="deployment"
        )
    await require_no_record(work, f"something in the project '{project.name}'", project_id=project.id)
    await require_no_application(work, f"the project '{project.name}'", project_id=project.id)
    for version in await work.of(ModelVersion, in_project(project.id)).find():
        work.emit(Event(EventName.VERSION_DELETED, version.id, (f"version:{version.id}",), actor_id, project.id))
    await work.of(RoleGrant, EVERYTHING).remove(kind=GrantKind.PROJECT, object_id=project.id)
    await work.of(Project, EVERYTHING).remove(id=project.id)
    work.emit(Event(EventName.PROJECT_DELETED, project.id, (f"project:{project.id}",), actor_id, project.id))


async def free_project_name(work: UnitOfWork, wanted: str) -> str:
    """``wanted``, or the first of ``wanted-2``, ``wanted-3`` … that no project of the server has."""
    number = 1
    while await work.of(Project, EVERYTHING).get(name=numbered(wanted, number)) is not None:
        number += 1
    return numbered(wanted, number)


async def _view(work: UnitOfWork, project: Project) -> ProjectView:
    organization = await work.of(Organization, EVERYTHING).get(id=project.organization_id)
    return ProjectView(project, "" if organization is None else organization.name)


async def _require_free(work: UnitOfWork, name: str) -> None:
    if await work.of(Project, EVERYTHING).get(name=name) is not None:
        raise AlreadyExists(f"a project named '{name}' exists already; names are unique over all users", field="name")


def _event(name: EventName, project: Project, actor: Actor) -> Event:
    return Event(name, project.id, (f"project:{project.id}",), actor.user_id, project.id)
