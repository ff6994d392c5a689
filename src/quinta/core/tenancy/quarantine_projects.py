"""Projects as the quarantine's users see them: by level, with the experiment that their runs go to (contract dq0 4.2,
5.6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from quinta.core.access.levels import project_at, projects_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import InvalidInput
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store
from quinta.core.scope import of_user
from quinta.core.tenancy.model import Membership, Project
from quinta.core.tenancy.release_projects import NewReleaseProject, ReleaseProjects

_SORTED_BY = frozenset({"created_at", "id", "name", "updated_at"})


@dataclass(frozen=True, slots=True)
class ProjectQuery:
    """Which projects: those of organizations that a user administers, or all that the actor may know of."""

    paging: Paging = field(default_factory=Paging)
    user_id: str | None = None


class QuarantineProjects:
    """Use cases about projects that are known by their ids; NotFound for one that the actor may not know of."""

    def __init__(self, store: Store, projects: ReleaseProjects) -> None:
        self._store = store
        self._projects = projects

    async def create(self, actor: Actor, name: str) -> Project:
        """A project whose name can be a folder's, since it becomes one; raises what ``ReleaseProjects.create`` does."""
        if name.strip() in ("", ".", "..") or "/" in name or "\\" in name:
            raise InvalidInput(
                "a project's name becomes a folder: it must not be empty, hold a slash, or be '.' or '..'", field="name"
            )
        made = await self._projects.create(actor, NewReleaseProject(name))
        return await self.get(actor, made.id)

    async def get(self, actor: Actor, project_id: str) -> Project:
        async with self._store.read() as work:
            return await project_at(work, actor, project_id, PermissionLevel.LIST)

    async def find(self, actor: Actor, query: ProjectQuery) -> Page[Project]:
        """Oldest first unless the paging says otherwise."""
        order = order_of(query.paging, _SORTED_BY, ("created_at",))
        async with self._store.read() as work:
            found = await projects_at(work, actor, PermissionLevel.LIST)
            if query.user_id is not None:
                own = await work.of(Membership, of_user(query.user_id)).values("organization_id", is_admin=True)
                found = [project for project in found if project.organization_id in set(own)]
        for name in reversed(order):
            key = name.removeprefix("-")
            found.sort(key=lambda project: _sorted_by(project, key), reverse=name.startswith("-"))
        shown = found[query.paging.offset : query.paging.offset + query.paging.limit]
        return Page(tuple(shown), len(found))


def _sorted_by(project: Project, name: str) -> str:
    """As callers see it."""
    if name == "name":
        return project.title or project.name
    if name == "id":
        return project.id
    moment = project.created_at if name == "created_at" else project.updated_at or project.created_at
    return moment.isoformat(timespec="microseconds")
