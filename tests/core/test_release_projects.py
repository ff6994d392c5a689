"""Projects by their ids on both databases: titles, organizations, configurations (contract versiontwo 5.1, 5.6), and
that UbiOps' callers see the same ones."""

from __future__ import annotations

import pytest

from quinta.core.access.model import Permission
from quinta.core.access.roles import DEFAULT_BY_NAME, ObjectType, RoleAssignment
from quinta.core.deployments.model import DeploymentStatus
from quinta.core.errors import AlreadyExists, InvalidInput, LimitReached, NotFound, NotPermitted, StateConflict
from quinta.core.events import EventName
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Organization, OrganizationStatus, Subscription, SubscriptionPeriod
from quinta.core.tenancy.release_projects import NewReleaseProject
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.release_scene import make_scene
from tests.core.test_clients import service_user


async def test_a_fresh_servers_administrator_can_start(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("Ada.Lovelace@example.com")
    config = {"environment": "production", "region": "us-west-2"}
    made = await scene.projects.create(admin, NewReleaseProject("  Novo Projeto ", config))
    assert (made.title, made.config, made.workspace_id) == ("Novo Projeto", config, None)
    assert made.created_at == made.updated_at == scene.clock.now()
    assert await scene.projects.get(admin, made.id) == made
    assert await scene.projects.list(admin, limit=50) == [made]
    [organization] = await scene.organizations()
    assert organization.name == "ada-lovelace"
    [seen] = await scene.named_projects.list(admin)
    assert (seen.project.id, seen.project.name, seen.organization) == (made.id, "novo-projeto", "ada-lovelace")
    assert [event.name for event in scene.events] == [
        EventName.ORGANIZATION_CREATED,
        EventName.MEMBERSHIP_CHANGED,
        EventName.PROJECT_CREATED,
    ]
    assert {event.actor_id for event in scene.events} == {admin.user_id}
    async with database.read() as work:
        [period] = await work.of(SubscriptionPeriod, EVERYTHING).find()
    assert (period.subscription, period.agreed_by) == ("professional", "")


async def test_an_organization_is_made_only_where_none_has_room(database: Database) -> None:
    scene = await make_scene(database)
    ada, eve = await scene.person("ada@example.com"), await scene.person("eve@example.com")
    await scene.organization("a-suspended", administrator=ada)
    await scene.organization("b-of-others", administrator=eve, member=ada)
    await scene.organization("c-small", "free", administrator=ada)
    await scene.organization("d-large", administrator=ada)
    async with database.begin() as work:
        suspended = await work.of(Organization, EVERYTHING).get(name="a-suspended")
        assert suspended is not None
        await work.of(Organization, EVERYTHING).change(suspended.id, status=OrganizationStatus.SUSPENDED)
    made = [await scene.new(ada, f"P {number}") for number in range(5)]
    names = [view.organization for view in await scene.named_projects.list(ada)]
    assert names == ["c-small", "d-large", "d-large", "d-large", "ada"]
    assert await scene.projects.list(ada, limit=3) == sorted(made, key=lambda item: item.id, reverse=True)[:3]


async def test_without_a_plan_for_it_no_organization_is_made(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    async with database.begin() as work:
        for plan in await work.of(Subscription, EVERYTHING).find():
            await work.of(Subscription, EVERYTHING).change(plan.id, hidden=True)
    with pytest.raises(LimitReached):
        await scene.new(ada, "P")
    assert await scene.organizations() == []


async def test_a_title_is_unique_among_what_its_writer_sees(database: Database) -> None:
    scene = await make_scene(database)
    ada, eve = await scene.person("ada@example.com"), await scene.person("eve@example.com")
    shared = await scene.organization("shared", administrator_ada=ada, administrator_eve=eve)
    await scene.organization("eves-own", administrator=eve)
    await scene.named_projects.create(ada, "shared", "plain")
    first = await scene.new(ada, "Área 51")
    for title in ("Área 51", " Área 51  ", "plain"):
        with pytest.raises(AlreadyExists) as raised:
            await scene.new(eve, title)
        assert raised.value.field == "name"
    assert (await scene.row((await scene.new(eve, "area 51")).id)).name == "area-51-2"
    stranger = await scene.person("ada@elsewhere.example")
    theirs = await scene.new(stranger, "Área 51")
    assert theirs.title == first.title
    assert (await scene.row(theirs.id)).name == "area-51-3"
    assert (await scene.row(first.id)).organization_id == shared.id
    assert [item.name for item in await scene.organizations()] == ["ada", "eves-own", "shared"]


@pytest.mark.parametrize("title", ["", "  ", "x" * 101, "two\nlines", "nul\x00", "half \ud800"])
async def test_what_is_no_title(database: Database, title: str) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await scene.new(ada, "x" * 100)
    with pytest.raises(InvalidInput) as raised:
        await scene.new(ada, title)
    assert raised.value.field == "name"
    with pytest.raises(InvalidInput):
        await scene.projects.update(ada, made.id, title=title)


async def test_titles_and_names_are_two_things(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await scene.new(ada, "Meu Projeto 🚀")
    scene.later()
    await scene.named_projects.rename(ada, "meu-projeto", "renamed")
    assert await scene.projects.get(ada, made.id) == made
    changed = await scene.projects.update(ada, made.id, title="Outro")
    assert (changed.title, changed.updated_at) == ("Outro", scene.clock.now())
    assert (await scene.named_projects.get(ada, "renamed")).project.id == made.id


async def test_a_project_made_by_name_has_no_title_until_it_gets_one(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    await scene.organization("acme", administrator=ada)
    project = (await scene.named_projects.create(ada, "acme", "plain")).project
    made = await scene.projects.get(ada, project.id)
    assert (made.title, made.config, made.updated_at) == ("plain", {}, made.created_at)
    scene.later()
    await scene.named_projects.rename(ada, "plain", "plainer")
    renamed = await scene.projects.get(ada, project.id)
    assert (renamed.title, renamed.updated_at) == ("plainer", scene.clock.now())
    assert (await scene.projects.update(ada, project.id, title="plainer")) == renamed
    assert (await scene.row(project.id)).title is None
    await scene.projects.update(ada, project.id, title="Plain no more")
    row = await scene.row(project.id)
    assert (row.name, row.title) == ("plainer", "Plain no more")


async def test_configurations_are_merged_or_left_alone(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    config = {"environment": "production", "region": "us-west-2", "free": {"a": None}}
    made = await scene.projects.create(ada, NewReleaseProject("P", config))
    assert await scene.projects.config(ada, made.id) == config
    scene.events.clear()
    scene.later()
    assert await scene.projects.update(ada, made.id) == made
    assert await scene.projects.patch_config(ada, made.id, {"environment": "production", "gone": None}) == config
    assert await scene.projects.get(ada, made.id) == made
    assert scene.events == []

    patch = {"environment": "staging", "free": None, "scaling": {"min_instances": 2, "max_instances": 10}}
    config = {"environment": "staging", "region": "us-west-2", "scaling": {"min_instances": 2, "max_instances": 10}}
    assert await scene.projects.patch_config(ada, made.id, patch) == config
    changed = await scene.projects.get(ada, made.id)
    assert (changed.config, changed.updated_at) == (config, scene.clock.now())
    [event] = scene.events
    assert (event.name, event.tags, event.actor_id) == (
        EventName.PROJECT_CHANGED,
        (f"project:{made.id}",),
        ada.user_id,
    )
    with pytest.raises(InvalidInput) as raised:
        await scene.projects.update(ada, made.id, title="Q", config_patch={"scaling": {"max_instances": 1}})
    assert raised.value.field == "config.scaling.min_instances"
    assert await scene.projects.get(ada, made.id) == changed
    assert (await scene.projects.patch_config(ada, made.id, {"scaling": {"max_instances": 2}}))["scaling"] == {
        "min_instances": 2,
        "max_instances": 2,
    }


async def test_one_is_not_true(database: Database) -> None:
    """Python says that they are equal; whoever reads the configuration does not."""
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await scene.projects.create(ada, NewReleaseProject("P", {"flag": 1}))
    assert (await scene.projects.patch_config(ada, made.id, {"flag": True}))["flag"] is True
    assert (await scene.projects.config(ada, made.id))["flag"] is True


async def test_pages_begin_after_the_last_project(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = [await scene.new(ada, f"P {number}") for number in range(5)]
    pages, before = [], None
    while page := await scene.projects.list(ada, limit=2, before=before):
        pages.append(page)
        before = page[-1].id
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item for page in pages for item in page] == sorted(made, key=lambda item: item.id, reverse=True)


async def test_who_may_do_what(database: Database) -> None:
    scene = await make_scene(database)
    ada, member, editor, stranger = [await scene.person(f"{name}@example.com") for name in "aber"]
    await scene.organization("acme", administrator=ada, member=member, editor=editor)
    made = await scene.new(ada, "P")
    robot = await service_user(database, made.id, "project-admin")
    async with database.begin() as work:
        role_id = DEFAULT_BY_NAME["project-admin"].id
        given = RoleAssignment(new_id(), made.id, editor.user_id, role_id, ObjectType.PROJECT, made.id)
        await work.of(RoleAssignment, in_project(made.id)).add(given)
    assert Permission.PROJECTS_UPDATE in DEFAULT_BY_NAME["project-admin"].permissions
    for actor in (ada, member, editor, robot):
        assert await scene.projects.get(actor, made.id) == made
        assert await scene.projects.list(actor, limit=5) == [made]
        assert await scene.projects.list(actor, limit=5, before=made.id) == []
    for call in (
        scene.projects.get(stranger, made.id),
        scene.projects.update(stranger, made.id, title="Q"),
        scene.projects.delete(stranger, made.id),
        scene.projects.get(ada, new_id()),
    ):
        with pytest.raises(NotFound):
            await call
    assert await scene.projects.list(stranger, limit=5) == []
    for call in (scene.projects.update(member, made.id, title="Q"), scene.projects.delete(member, made.id)):
        with pytest.raises(NotPermitted):
            await call
    with pytest.raises(NotPermitted):
        await scene.new(robot, "Robots")
    assert (await scene.projects.update(editor, made.id, title="Q")).title == "Q"
    assert (await scene.projects.update(robot, made.id, title="R")).title == "R"


async def test_deletion_through_either_way_in(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    first, second = await scene.new(ada, "First"), await scene.new(ada, "Second")
    await scene.projects.delete(ada, first.id)
    with pytest.raises(NotFound):
        await scene.named_projects.get(ada, "first")
    await scene.named_projects.delete(ada, "second")
    with pytest.raises(NotFound):
        await scene.projects.get(ada, second.id)
    assert [event.subject_id for event in scene.events if event.name is EventName.PROJECT_DELETED] == [
        first.id,
        second.id,
    ]


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize("by_name", [True, False])
async def test_a_deployment_in_flight_keeps_its_project(
    database: Database, status: DeploymentStatus, by_name: bool
) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await scene.new(ada, "P")
    await scene.deploy(made.id, status)
    call = scene.named_projects.delete(ada, "p") if by_name else scene.projects.delete(ada, made.id)
    if not status.in_flight:
        await call
        assert await scene.projects.list(ada, limit=5) == []
        return
    with pytest.raises(StateConflict) as raised:
        await call
    assert raised.value.field == "deployment"
    assert await scene.projects.get(ada, made.id) == made
