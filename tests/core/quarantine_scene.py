"""People of the quarantine with their roles, datasets and projects, on a real database."""

from __future__ import annotations

from dataclasses import dataclass, field

from quinta.core.access.actions import Actions
from quinta.core.access.base_roles import make_base_roles
from quinta.core.access.grants import ProjectGrants, set_grant
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.access.references import Reference, role_of
from quinta.core.access.roles import DEFAULT_BY_NAME, ObjectType, RoleAssignment
from quinta.core.access.server_roles import ServerRoles, give_role
from quinta.core.datasets.model import DataPermission, Dataset
from quinta.core.events import Event
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.observation.owners_audit import OwnersAudit
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.administered_groups import AdministeredGroups
from quinta.core.tenancy.groups import Groups
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Project, Subscription, User
from quinta.core.tenancy.people import People
from quinta.core.tenancy.profiles import Profiles
from quinta.core.tenancy.subscriptions import seed_subscriptions
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.clocks import NOON, SteppedClock


@dataclass
class Scene:
    """``events`` are those of all calls so far."""

    database: Database
    clock: SteppedClock = field(default_factory=SteppedClock)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        groups = Groups(self.database, self.clock)
        self.roles = ServerRoles(self.database, self.clock)
        self.actions = Actions(self.database, self.clock)
        self.grants = ProjectGrants(self.database, self.clock)
        self.groups = AdministeredGroups(self.database, groups)
        self.people = People(self.database, self.clock)
        self.profiles = Profiles(self.database)
        self.audit = OwnersAudit(self.database)
        self.database.subscribe(self.events.append)

    async def person(self, name: str, *roles: BaseRole | str, staff: bool = False) -> Actor:
        """One with these roles over the server."""
        async with self.database.begin() as work:
            number = await work.next_number(User)
            user = User(new_id(), f"{name}@example.com", None, None, None, staff, True, NOON, number=number)
            await work.of(User, EVERYTHING).add(user)
            for role in roles:
                await give_role(work, None, await role_of(work, Reference(name=str(role))), user_id=user.id)
        return Actor(user.id, user.email, staff, "", None)

    async def number(self, actor: Actor) -> int:
        async with self.database.read() as work:
            user = await work.of(User, EVERYTHING).get(id=actor.user_id)
        assert user is not None
        assert user.number is not None
        return user.number

    async def project(self, name: str, administrator: Actor, **members: Actor) -> Project:
        """One in an organization of its own. Other members have the default role of their name, with ``_`` for ``-``;
        ``member`` has none."""
        async with self.database.begin() as work:
            plan = await work.of(Subscription, EVERYTHING).get(name="starter")
            assert plan is not None
            organization = Organization(new_id(), name, OrganizationStatus.ACTIVE, plan.id, None, NOON)
            await work.of(Organization, EVERYTHING).add(organization)
            project = Project(new_id(), organization.id, name, NOON, title=f"{name} of {administrator.email}")
            await work.of(Project, EVERYTHING).add(project)
            place = Membership(new_id(), organization.id, administrator.user_id, is_admin=True)
            await work.of(Membership, EVERYTHING).add(place)
            for role, actor in members.items():
                member = Membership(new_id(), organization.id, actor.user_id, is_admin=False)
                await work.of(Membership, EVERYTHING).add(member)
                if role != "member":
                    role_id = DEFAULT_BY_NAME[role.replace("_", "-")].id
                    given = RoleAssignment(new_id(), project.id, actor.user_id, role_id, ObjectType.PROJECT, project.id)
                    await work.of(RoleAssignment, EVERYTHING).add(given)
        return project

    async def dataset(self, name: str, owner: Actor, *, deleted: bool = False) -> Dataset:
        """The row of a dataset, with the grants of a new one."""
        async with self.database.begin() as work:
            dataset = Dataset(
                id=new_id(),
                number=await work.next_number(Dataset),
                name=name,
                owner_id=owner.user_id,
                kind="csv",
                description="",
                meta="",
                privacy_level=2,
                size=0,
                permissions=(DataPermission.READ,),
                **dict.fromkeys(("mean", "deviation", "statistics", "sample"), ""),
                created_at=NOON,
                updated_at=NOON,
                deleted_at=NOON if deleted else None,
            )
            await work.of(Dataset, EVERYTHING).add(dataset)
        for role in (BaseRole.USER, BaseRole.OWNER):
            await self.grant(owner, role, GrantKind.DATASET, dataset.id, PermissionLevel.USE)
        return dataset

    async def grant(
        self, actor: Actor, role: BaseRole | str, kind: GrantKind, object_id: str, level: PermissionLevel
    ) -> None:
        async with self.database.begin() as work:
            found = await role_of(work, Reference(name=str(role)))
            await set_grant(work, self.clock, actor, found, kind, object_id, level)

    async def trail(self) -> list[AuditEntry]:
        async with self.database.read() as work:
            return await work.of(AuditEntry, EVERYTHING).find(order=("sequence",))


async def make_scene(database: Database) -> Scene:
    await seed_subscriptions(database)
    scene = Scene(database)
    await make_base_roles(database, scene.clock)
    scene.events.clear()
    return scene
