"""Clients on both databases: who may do what, literally as contract vbrain 7 has it, and how members come and go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.access.clients import (
    CLIENT_GROUPS,
    ORGANIZATION_GROUPS,
    ClientName,
    ClientRight,
    OrganizationRight,
    client_for,
)
from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import DEFAULT_BY_NAME, ObjectType, RoleAssignment
from quinta.core.errors import AlreadyExists, InvalidInput, LimitReached, NotFound, NotPermitted, StateConflict
from quinta.core.models.model import Application
from quinta.core.names import check_name, name_from, numbered
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.clients import Clients
from quinta.core.tenancy.members import Members
from quinta.core.tenancy.model import (
    Client,
    ClientGroup,
    ClientMember,
    Membership,
    Organization,
    OrganizationGroup,
    OrganizationStatus,
    Project,
    Subscription,
    User,
)
from quinta.core.tenancy.projects import Projects
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.metering import add_user
from tests.storage.rows import NOW, Tenant, add_tenant

LEADER, DEVELOPER, STAKEHOLDER = ClientGroup
A, G, S, D = OrganizationGroup


@dataclass(frozen=True)
class House:
    """An organization with an application ``Tutorial`` and a client ``Ação`` of it."""

    tenant: Tenant
    clients: Clients
    name: ClientName
    leader: Actor
    administrator: Actor


async def add_application(database: Database, tenant: Tenant, name: str = "Tutorial") -> Application:
    application = Application(new_id(), tenant.organization.id, tenant.project.id, tenant.model.id, None, name, 60, NOW)
    async with database.begin() as work:
        await work.of(Application, EVERYTHING).add(application)
    return application


async def make_house(database: Database, name: str = "acme") -> House:
    tenant = await add_tenant(database, name)
    await add_application(database, tenant)
    clients = Clients(database, SystemClock())
    administrator, leader = await add_user(database, tenant), await add_user(database)
    client = ClientName(name, "Tutorial", "Ação")
    await clients.create(None, client, leader.email)
    return House(tenant, clients, client, leader, administrator)


async def service_user(database: Database, project_id: str, role: str = "project-editor") -> Actor:
    """One with that role on the project."""
    user = User(new_id(), f"{new_id()}@s.example", None, None, None, False, True, NOW, project_id)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        role_id = DEFAULT_BY_NAME[role].id
        given = RoleAssignment(new_id(), project_id, user.id, role_id, ObjectType.PROJECT, project_id)
        await work.of(RoleAssignment, EVERYTHING).add(given)
    return Actor(user.id, user.email, False, "", None, project_id)


async def project_id_of(database: Database, name: ClientName) -> str:
    async with database.read() as work:
        found = await work.of(Client, EVERYTHING).get(name=name.client)
    assert found is not None
    return found.project_id


async def allowed(database: Database, actor: Actor, name: ClientName) -> set[ClientRight]:
    """What client_for lets the actor do; the refusals must all be NotPermitted."""
    rights = set()
    async with database.read() as work:
        for right in ClientRight:
            try:
                place = await client_for(work, actor, name, right)
            except NotPermitted:
                continue
            assert (place.organization.name, place.application.name, place.client.name) == (
                name.organization,
                name.application,
                name.client,
            )
            assert place.project.id == place.client.project_id
            rights.add(right)
    return rights


async def unknown(database: Database, actor: Actor, name: ClientName) -> str | None:
    """The header that NotFound names, for every right the same."""
    fields = set()
    async with database.read() as work:
        for right in ClientRight:
            with pytest.raises(NotFound) as refused:
                await client_for(work, actor, name, right)
            fields.add(refused.value.field)
    assert len(fields) == 1
    return fields.pop()


def test_the_table_of_client_groups_is_the_contracts() -> None:
    table = """
        create_repository  y y n
        read_repository    y y y
        delete_repository  y n n
        create_job         y y y
        read_job           y y n
        delete_job         y n n
        manage_members     y n n
    """
    rows = [line.split() for line in table.strip().splitlines()]
    assert [row[0] for row in rows] == list(ClientRight)
    for right, *cells in rows:
        for group, cell in zip((LEADER, DEVELOPER, STAKEHOLDER), cells, strict=True):
            assert (ClientRight(right) in CLIENT_GROUPS[group]) == (cell == "y"), (right, group)


def test_the_table_of_organization_groups_is_the_contracts() -> None:
    table = """
        create_client      y y y n
        delete_client      y y y n
        add_client_user    y y y n
        remove_client_user y y y n
        billing_report     y y n n
        usage_report       y y n n
        invite_user        y y n n
        change_group       y n n n
    """
    rows = [line.split() for line in table.strip().splitlines()]
    assert [row[0] for row in rows] == list(OrganizationRight)
    for right, *cells in rows:
        for group, cell in zip((A, G, S, D), cells, strict=True):
            assert (OrganizationRight(right) in ORGANIZATION_GROUPS[group]) == (cell == "y"), (right, group)


@pytest.mark.parametrize("group", ClientGroup)
async def test_members_may_what_their_group_may(database: Database, group: ClientGroup) -> None:
    house = await make_house(database)
    member = await add_user(database)
    await house.clients.add(None, house.name, member.email, group)
    assert await allowed(database, member, house.name) == CLIENT_GROUPS[group]


@pytest.mark.parametrize(("rank", "leads"), [(A, True), (G, True), (S, False), (D, False)])
async def test_who_leads_the_organization_leads_every_client(
    database: Database, rank: OrganizationGroup, leads: bool
) -> None:
    house = await make_house(database)
    member = await add_user(database)
    await house.clients.rank(None, "acme", member.email, rank)
    if leads:
        assert await allowed(database, member, house.name) == set(ClientRight)
    else:
        assert await unknown(database, member, house.name) == "client_id"


async def test_what_a_caller_may_not_know_of_is_not_there(database: Database) -> None:
    house, other = await make_house(database), await make_house(database, "other")
    stranger, member = await add_user(database), await add_user(database, house.tenant, is_admin=False)
    for actor in (house.leader, house.administrator):
        assert await allowed(database, actor, house.name)
        assert await unknown(database, actor, other.name) == "organization_id"
        assert await unknown(database, actor, replace(house.name, organization="nobody")) == "organization_id"
        assert await unknown(database, actor, replace(house.name, application="tutorial")) == "application_id"
        assert await unknown(database, actor, replace(house.name, client="ação")) == "client_id"
    assert await unknown(database, stranger, house.name) == "organization_id"
    assert await unknown(database, member, house.name) == "client_id"
    staff = replace(stranger, is_staff=True)
    assert await unknown(database, staff, house.name) == "organization_id"


async def test_the_same_name_under_another_application_is_another_client(database: Database) -> None:
    house = await make_house(database)
    await add_application(database, house.tenant, "Forecast")
    twin = replace(house.name, application="Forecast")
    assert await unknown(database, house.leader, twin) == "client_id"
    made = await house.clients.create(None, twin, house.leader.email)
    assert await allowed(database, house.leader, twin) == set(ClientRight)
    assert made.project == "forecast-acao"


async def test_a_service_user_is_a_developer_of_its_own_project(database: Database) -> None:
    house = await make_house(database)
    second = replace(house.name, client="second")
    await house.clients.create(None, second, house.leader.email)
    own = await service_user(database, await project_id_of(database, house.name))
    assert await allowed(database, own, house.name) == CLIENT_GROUPS[DEVELOPER]
    assert await unknown(database, own, second) == "client_id"
    looks_on = await service_user(database, await project_id_of(database, house.name), "project-viewer")
    assert await unknown(database, looks_on, house.name) == "client_id"
    other = await make_house(database, "other")
    assert await unknown(database, own, other.name) == "organization_id"
    elsewhere = await service_user(database, house.tenant.project.id)
    assert await unknown(database, elsewhere, house.name) == "client_id"
    with pytest.raises(InvalidInput, match="joins nothing"):
        await house.clients.add(None, house.name, own.email, DEVELOPER)
    with pytest.raises(InvalidInput, match="joins nothing"):
        await house.clients.create(None, replace(house.name, client="third"), own.email)


async def test_a_suspended_organization_starts_no_jobs_and_shows_what_it_has(database: Database) -> None:
    house = await make_house(database)
    async with database.begin() as work:
        organizations = work.of(Organization, EVERYTHING)
        await organizations.change(house.tenant.organization.id, status=OrganizationStatus.SUSPENDED)
    assert await allowed(database, house.leader, house.name) == set(ClientRight) - {ClientRight.CREATE_JOB}


async def test_a_new_client_is_an_ordinary_project_of_the_organization(database: Database) -> None:
    house = await make_house(database)
    (view,) = await house.clients.find("acme")
    assert (view.organization, view.application, view.client) == ("acme", "Tutorial", "Ação")
    assert (view.project, view.members) == ("tutorial-acao", ((house.leader.email, LEADER),))
    projects = Projects(database, SystemClock())
    assert (await projects.get(house.leader, "tutorial-acao")).organization == "acme"
    async with database.read() as work:
        await project_for(work, house.leader, "tutorial-acao", Permission.PROJECTS_DELETE)
        with pytest.raises(NotPermitted):
            await project_for(work, house.leader, house.tenant.project.name, Permission.MODELS_CREATE)


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("Vendas 2020", "tutorial-vendas-2020"),
        ("日本", "tutorial"),
        ("x" * 150, "tutorial-" + "x" * 55),
        ("--", "tutorial"),
        ("Ação!", "tutorial-acao-2"),
    ],
)
async def test_any_name_makes_a_project_that_UbiOps_can_name(database: Database, name: str, project: str) -> None:
    house = await make_house(database)
    made = await house.clients.create(None, replace(house.name, client=name), house.leader.email)
    assert (made.client, made.project) == (name, project)


@given(text=st.text(), number=st.integers(1, 10_000))
def test_any_text_makes_a_name(text: str, number: int) -> None:
    made = name_from(text, "client")
    assert name_from(made, "client") == made == numbered(made, 1)
    assert check_name(numbered(made, number), "a project") == numbered(made, number)


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "a\tb", "\x7f", "x" * 201])
async def test_a_name_that_no_header_can_carry_is_refused(database: Database, name: str) -> None:
    house = await make_house(database)
    with pytest.raises(InvalidInput, match="cannot be the name of a client"):
        await house.clients.create(None, replace(house.name, client=name), house.leader.email)
    await house.clients.create(None, replace(house.name, client="x" * 200), house.leader.email)


async def test_what_is_wrong_with_a_new_client_leaves_nothing(database: Database) -> None:
    house = await make_house(database)
    with pytest.raises(AlreadyExists) as taken:
        await house.clients.create(None, house.name, house.administrator.email)
    assert taken.value.field == "client_id"
    for name, email, field in (
        (replace(house.name, organization="nobody"), house.leader.email, "organization_id"),
        (replace(house.name, client="new"), "nobody@example.com", "email"),
        (replace(house.name, application="nothing", client="new"), house.leader.email, "application_id"),
    ):
        with pytest.raises(NotFound) as refused:
            await house.clients.create(None, name, email)
        assert refused.value.field == field
    assert len(await house.clients.find(None)) == 1
    async with database.read() as work:
        assert await work.of(Project, EVERYTHING).count() == 2


async def roles(database: Database, actor: Actor) -> set[Permission]:
    """Three permissions that tell the default roles apart, as far as the actor has them on the client's project."""
    held = set()
    async with database.read() as work:
        for permission in (Permission.PROJECTS_DELETE, Permission.MODELS_CREATE, Permission.LOGS_LIST):
            try:
                await project_for(work, actor, "tutorial-acao", permission)
            except NotPermitted:
                continue
            held.add(permission)
    return held


async def test_a_change_of_group_changes_what_a_member_may_in_the_project(database: Database) -> None:
    house = await make_house(database)
    member = await add_user(database)
    everything = {Permission.PROJECTS_DELETE, Permission.MODELS_CREATE, Permission.LOGS_LIST}
    held = {LEADER: everything, DEVELOPER: everything - {Permission.PROJECTS_DELETE}, STAKEHOLDER: set()}
    for group in (DEVELOPER, LEADER, LEADER, STAKEHOLDER, DEVELOPER):
        view = await house.clients.add(None, house.name, f" {member.email.upper()} ", group)
        assert view.members == ((house.leader.email, LEADER), (member.email, group))
        assert await roles(database, member) == held[group]
        assert await allowed(database, member, house.name) == CLIENT_GROUPS[group]
    await house.clients.remove(None, house.name, member.email)
    assert await roles(database, member) == set()
    assert await unknown(database, member, house.name) == "client_id"  # it stays in the organization
    with pytest.raises(NotFound, match="is no member of the client"):
        await house.clients.remove(None, house.name, member.email)


async def test_who_leaves_the_organization_leaves_its_clients(database: Database) -> None:
    house = await make_house(database)
    await Members(database).delete(house.administrator, "acme", house.leader.user_id)
    assert await unknown(database, house.leader, house.name) == "organization_id"
    await Members(database).create(house.administrator, "acme", house.leader.email, admin=False)
    assert await unknown(database, house.leader, house.name) == "client_id"
    async with database.read() as work:
        assert await work.of(ClientMember, EVERYTHING).count() == 0


async def test_a_deleted_client_takes_its_project_and_nothing_else(database: Database) -> None:
    house = await make_house(database)
    second = replace(house.name, client="second")
    await house.clients.create(None, second, house.leader.email)
    await house.clients.delete(None, house.name)
    assert await unknown(database, house.leader, house.name) == "client_id"
    assert await allowed(database, house.leader, second) == set(ClientRight)
    async with database.read() as work:
        assert await work.of(Project, EVERYTHING).get(name="tutorial-acao") is None
        assert await work.of(ClientMember, EVERYTHING).count() == 1
    with pytest.raises(NotFound):
        await house.clients.delete(None, house.name)


async def test_a_project_deleted_through_UbiOps_takes_its_client_along(database: Database) -> None:
    house = await make_house(database)
    await Projects(database, SystemClock()).delete(house.leader, "tutorial-acao")
    assert await house.clients.find("acme") == []


async def test_the_project_of_an_application_stays_while_it_is_one(database: Database) -> None:
    house = await make_house(database)
    projects, name = Projects(database, SystemClock()), house.tenant.project.name
    with pytest.raises(StateConflict, match="is run as an application"):
        await projects.delete(house.administrator, name)
    assert len(await house.clients.find("acme")) == 1
    async with database.begin() as work:
        await work.of(Application, EVERYTHING).remove(organization_id=house.tenant.organization.id)
    await projects.delete(house.administrator, name)


async def test_the_last_administrator_stays_one(database: Database) -> None:
    house = await make_house(database)
    with pytest.raises(StateConflict, match="last administrator"):
        await house.clients.rank(None, "acme", house.administrator.email, G)
    await house.clients.rank(None, "acme", house.leader.email, A)
    await house.clients.rank(None, "acme", house.administrator.email, G)
    async with database.read() as work:
        found = await work.of(Membership, EVERYTHING).get(user_id=house.administrator.user_id)
    assert found is not None
    assert found.group is G


@pytest.mark.parametrize("rank", OrganizationGroup)
async def test_acting_in_an_accounts_name_takes_its_rights(database: Database, rank: OrganizationGroup) -> None:
    """Each call in a house of its own, so that none stands in the way of another."""
    for number, (right, call) in enumerate(CALLS):
        house = await make_house(database, f"acme-{number}")
        await widen_plan(database, house)
        actor, insider = [await add_user(database, house.tenant, is_admin=False) for _ in range(2)]
        await house.clients.add(None, house.name, insider.email, STAKEHOLDER)
        await house.clients.rank(None, house.name.organization, actor.email, rank)
        outsider = await add_user(database)
        if right in ORGANIZATION_GROUPS[rank]:
            await call(house, actor, insider, outsider)
            continue
        with pytest.raises((NotPermitted, NotFound)) as refused:
            await call(house, actor, insider, outsider)
        # Of a client in which it is no member, a developer may not even know.
        hidden = rank is D and right in ABOUT_MEMBERS
        assert type(refused.value) is (NotFound if hidden else NotPermitted), right


Call = Callable[[House, Actor, Actor, Actor], Awaitable[object]]
CALLS: list[tuple[OrganizationRight, Call]] = [
    (
        OrganizationRight.CREATE_CLIENT,
        lambda house, actor, insider, outsider: house.clients.create(
            actor, replace(house.name, client="new"), insider.email
        ),
    ),
    (
        OrganizationRight.DELETE_CLIENT,
        lambda house, actor, insider, outsider: house.clients.delete(actor, house.name),
    ),
    (
        OrganizationRight.ADD_CLIENT_USER,
        lambda house, actor, insider, outsider: house.clients.add(actor, house.name, insider.email, DEVELOPER),
    ),
    (
        OrganizationRight.REMOVE_CLIENT_USER,
        lambda house, actor, insider, outsider: house.clients.remove(actor, house.name, insider.email),
    ),
    (
        OrganizationRight.INVITE_USER,
        lambda house, actor, insider, outsider: house.clients.add(actor, house.name, outsider.email, DEVELOPER),
    ),
    (
        OrganizationRight.CHANGE_GROUP,
        lambda house, actor, insider, outsider: house.clients.rank(actor, house.name.organization, insider.email, S),
    ),
]
ABOUT_MEMBERS = {
    OrganizationRight.ADD_CLIENT_USER,
    OrganizationRight.REMOVE_CLIENT_USER,
    OrganizationRight.INVITE_USER,
}


async def widen_plan(database: Database, house: House) -> None:
    async with database.begin() as work:
        plans = work.of(Subscription, EVERYTHING)
        await plans.change(house.tenant.subscription.id, max_projects=50, max_users=50)


async def test_a_leader_manages_the_members_of_its_own_client(database: Database) -> None:
    house = await make_house(database)
    insider, outsider = await add_user(database, house.tenant, is_admin=False), await add_user(database)
    await house.clients.add(house.leader, house.name, insider.email, DEVELOPER)
    with pytest.raises(NotPermitted, match="lacks the right invite_user"):
        await house.clients.add(house.leader, house.name, outsider.email, DEVELOPER)
    with pytest.raises(NotPermitted, match="lacks the right manage_members"):
        await house.clients.remove(insider, house.name, house.leader.email)
    await house.clients.remove(house.leader, house.name, insider.email)


async def test_plans_limit_accounts_and_no_operators(database: Database) -> None:
    """The plan has one project and two users; the house has two and two already."""
    house = await make_house(database)
    outsider = await add_user(database)
    second = replace(house.name, client="second")
    with pytest.raises(LimitReached, match="projects"):
        await house.clients.create(house.administrator, second, house.leader.email)
    await house.clients.create(None, second, house.leader.email)
    with pytest.raises(LimitReached, match="users"):
        await house.clients.add(house.administrator, house.name, outsider.email, DEVELOPER)
    await house.clients.add(None, house.name, outsider.email, DEVELOPER)
