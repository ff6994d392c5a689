"""People who release to projects, on a real database with the plans that every server starts with."""

from __future__ import annotations

from dataclasses import dataclass, field

from quinta.core.access.model import Actor
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.events import Event
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Project, Subscription, User
from quinta.core.tenancy.projects import Projects
from quinta.core.tenancy.release_projects import NewReleaseProject, ReleaseProject, ReleaseProjects
from quinta.core.tenancy.subscriptions import seed_subscriptions
from quinta.core.tenancy.workspaces import NewWorkspace, Workspaces, WorkspaceView
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.clocks import NOON, SteppedClock


@dataclass
class Scene:
    """Everything that a test of projects by their ids calls; ``events`` are those of all calls so far."""

    database: Database
    clock: SteppedClock = field(default_factory=SteppedClock)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.projects = ReleaseProjects(self.database, self.clock)
        self.named_projects = Projects(self.database, self.clock)
        self.workspaces = Workspaces(self.database, self.clock)
        self.database.subscribe(self.events.append)

    async def person(self, email: str) -> Actor:
        user = User(new_id(), email, None, None, None, False, True, NOON)
        async with self.database.begin() as work:
            await work.of(User, EVERYTHING).add(user)
        return Actor(user.id, email, False, "", None)

    async def organization(self, name: str, plan: str = "starter", **members: Actor) -> Organization:
        """``administrator`` is one; all others are plain members."""
        async with self.database.begin() as work:
            found = await work.of(Subscription, EVERYTHING).get(name=plan)
            assert found is not None
            organization = Organization(new_id(), name, OrganizationStatus.ACTIVE, found.id, None, NOON)
            await work.of(Organization, EVERYTHING).add(organization)
            for role, actor in members.items():
                place = Membership(new_id(), organization.id, actor.user_id, is_admin=role.startswith("administrator"))
                await work.of(Membership, in_organization(organization.id)).add(place)
        return organization

    async def new(self, actor: Actor, title: str, workspace_id: str | None = None) -> ReleaseProject:
        return await self.projects.create(actor, NewReleaseProject(title, workspace_id=workspace_id))

    async def shelf(self, actor: Actor, name: str) -> WorkspaceView:
        return await self.workspaces.create(actor, NewWorkspace(name))

    async def row(self, project_id: str) -> Project:
        async with self.database.read() as work:
            project = await work.of(Project, EVERYTHING).get(id=project_id)
        assert project is not None
        return project

    async def organizations(self) -> list[Organization]:
        async with self.database.read() as work:
            return await work.of(Organization, EVERYTHING).find(order=("name",))

    async def deploy(self, project_id: str, status: DeploymentStatus) -> Deployment:
        """The row of a deployment, as if it had come that far."""
        now = self.clock.now()
        deployment = Deployment(new_id(), project_id, "v1", "production", status, "{}", None, now, now)
        async with self.database.begin() as work:
            await work.of(Deployment, in_project(project_id)).add(deployment)
        return deployment

    def later(self) -> None:
        self.clock.move(minutes=1)


async def make_scene(database: Database) -> Scene:
    await seed_subscriptions(database)
    return Scene(database)
