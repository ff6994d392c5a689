"""Roles over the server, groups and actions as administrators keep them, on both databases (contract dq0 4.2, 4.3)."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from quinta.core.access.actions import ACTIONS, NUMBERS
from quinta.core.access.base_roles import make_base_roles
from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel, PlatformRole, RoleGrant, RoleHolder
from quinta.core.access.references import Reference
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, NotPermitted, StateConflict
from quinta.core.events import EventName
from quinta.core.pages import Paging
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.administration import Administration
from quinta.core.tenancy.model import GroupLevel
from quinta.core.tenancy.projects import remove_project
from quinta.storage.database import Database
from quinta.storage.passwords import Argon2Passwords
from tests.clocks import SteppedClock
from tests.core.group_town import outcome
from tests.core.quarantine_scene import make_scene


async def test_every_server_has_three_roles(database: Database) -> None:
    clock = SteppedClock()
    await asyncio.gather(*[make_base_roles(database, clock) for _ in range(3)])
    async with database.read() as work:
        roles = await work.of(PlatformRole, EVERYTHING).find(order=("number",))
    assert [(role.name, role.level) for role in roles] == [("admin", 0), ("owner", 0), ("user", 0)]
    assert [role.number for role in roles] == [1, 2, 3]


async def test_the_first_administrator_has_the_role(database: Database) -> None:
    """Also on a server that was there before its roles, where it is the oldest staff account."""
    clock = SteppedClock()
    administration = Administration(database, clock, Argon2Passwords())
    made = await administration.first_administrator("root@example.com", "Long-enough-1", None)
    assert made is not None
    assert await _holders(database, BaseRole.ADMIN) == [(await administration.actor("root@example.com")).user_id]
    async with database.begin() as work:
        await work.of(PlatformRole, EVERYTHING).remove(name=[role.value for role in BaseRole])
    await administration.create_user("second@example.com", "Long-enough-1", staff=True)
    await make_base_roles(database, clock)
    assert await _holders(database, BaseRole.ADMIN) == [(await administration.actor("root@example.com")).user_id]


async def test_roles_are_made_renamed_and_deleted(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    made = await scene.roles.create(admin, " analyst ")
    assert (made.name, made.level, made.number) == ("analyst", 0, 4)
    page = await scene.roles.find(admin, Paging(limit=2, offset=1, order=("-name",)))
    assert ([role.name for role in page.items], page.total) == (["owner", "analyst"], 4)
    assert await scene.roles.get(admin, Reference(number=made.number)) == made
    scene.clock.move(minutes=1)
    renamed = await scene.roles.rename(admin, Reference(made.number, "analyst"), "reader")
    assert (renamed.name, renamed.updated_at, renamed.created_at) == ("reader", scene.clock.now(), made.created_at)
    for name, wrong in (("", InvalidInput), ("x" * 101, InvalidInput), ("a\nb", InvalidInput), ("user", AlreadyExists)):
        for call in (
            partial(scene.roles.create, admin, name),
            partial(scene.roles.rename, admin, _named("reader"), name),
        ):
            with pytest.raises(wrong) as refused:
                await call()
            assert refused.value.field == "role_name"
    await scene.roles.delete(admin, _named("reader"))
    assert await outcome(partial(scene.roles.get, admin, _named("reader"))) is NotFound


async def test_base_roles_stay(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    for name in BaseRole:
        assert await outcome(partial(scene.roles.rename, admin, _named(name), "other")) is StateConflict
        assert await outcome(partial(scene.roles.delete, admin, _named(name))) is StateConflict
        assert (await scene.roles.rename(admin, _named(name), name)).name == name
    for level in (4, 0):  # which does not make it administer, nor keep it from that
        assert (await scene.roles.set_level(admin, _named("admin"), level)).level == level
    assert (await scene.roles.set_level(admin, _named("user"), 1)).level == 1
    for level in (-1, 5, 2**63):
        with pytest.raises(InvalidInput) as refused:
            await scene.roles.set_level(admin, _named("user"), level)
        assert refused.value.field == "permission"


async def test_things_are_named_by_number_or_name(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    for reference in (
        Reference(3),
        Reference(name="user"),
        Reference(3, "user"),
        Reference(3, ""),
        Reference(0, "user"),
    ):
        assert (await scene.roles.get(admin, reference)).name == "user"
    for reference in (Reference(), Reference(0, ""), Reference(2, "user")):
        assert await outcome(partial(scene.roles.get, admin, reference)) is InvalidInput
    for reference in (Reference(99), Reference(-1), Reference(2**64), Reference(name="none"), Reference(3, "none")):
        assert await outcome(partial(scene.roles.get, admin, reference)) is NotFound
    number = await scene.number(admin)
    assert (await scene.people.get(admin, Reference(number, admin.email.upper()))).user.id == admin.user_id


async def test_who_was_given_what_is_in_the_trail(database: Database) -> None:
    scene = await make_scene(database)
    admin, bob = await scene.person("admin", BaseRole.ADMIN), await scene.person("bob")
    await scene.groups.create(admin, "team")
    project = await scene.project("study", admin)
    before = len(await scene.trail())
    for _ in range(2):  # the second time nothing changes
        await scene.roles.give_to_user(admin, _named("user"), _named(bob.email))
        await scene.roles.give_to_group(admin, _named("owner"), _named("team"))
    for _ in range(2):
        await scene.grants.set_permission(admin, _named("user"), 2, project_id=project.id)
    for _ in range(2):
        await scene.roles.take_from_user(admin, _named("user"), _named(bob.email))
        await scene.roles.take_from_group(admin, _named("owner"), _named("team"))
    assert [entry.description for entry in (await scene.trail())[before:]] == [
        "admin@example.com gave role 'user: bob@example.com'",
        "admin@example.com gave role 'owner: team'",
        "admin@example.com changed the levels of role 'user: level 2 on project study' in project 'study'",
        "admin@example.com withdrew role 'user: bob@example.com'",
        "admin@example.com withdrew role 'owner: team'",
    ]
    assert await _holders(database, BaseRole.USER) == []


async def test_nobody_withdraws_its_own_administration(database: Database) -> None:
    scene = await make_scene(database)
    first, second = [await scene.person(name, BaseRole.ADMIN) for name in ("first", "second")]
    own = partial(scene.roles.take_from_user, first, _named("admin"), _named(first.email))
    assert await outcome(own) is StateConflict
    await scene.roles.take_from_user(second, _named("admin"), _named(first.email))
    assert await outcome(partial(scene.roles.find, first, Paging())) is NotPermitted


async def test_administrators_keep_groups_that_they_are_not_in(database: Database) -> None:
    scene = await make_scene(database)
    admin, other = [await scene.person(name, BaseRole.ADMIN) for name in ("admin", "other")]
    bob = await scene.person("bob")
    made = await scene.groups.create(admin, "team")
    team = Reference(made.number)
    assert (await scene.groups.rename(other, team, "crew")).name == "crew"
    for _ in range(2):
        await scene.groups.add_user(other, team, _named(bob.email))
    await scene.groups.add_user(other, team, _named(admin.email))  # and its owner stays that
    listed = (await scene.groups._groups.find(admin))[0].members
    assert listed == ((admin.email, GroupLevel.OWNER), (bob.email, GroupLevel.MEMBER))
    for _ in range(2):
        await scene.groups.remove_user(other, team, _named(bob.email))
    assert await outcome(partial(scene.groups.remove_user, other, team, _named(admin.email))) is StateConflict
    page = await scene.groups.find(other, Paging())
    assert ([group.name for group in page.items], page.total) == (["crew"], 1)
    assert {event.actor_id for event in scene.events if event.name is EventName.GROUP_CHANGED} == {other.user_id}
    await scene.groups.delete(other, team)
    assert await outcome(partial(scene.groups.get, admin, team)) is NotFound


async def test_actions_are_closed_and_opened(database: Database) -> None:
    scene = await make_scene(database)
    admin, user = await scene.person("admin", BaseRole.ADMIN), await scene.person("user", BaseRole.USER)
    nobody = await scene.person("nobody")
    assert len(ACTIONS) == len(set(ACTIONS)) == 99
    assert [action.name for action in await scene.actions.find(admin)] == list(ACTIONS)
    run = NUMBERS["RunCreate"]
    await scene.actions.set_permission(admin, Reference(run), _named("user"), 1)
    assert (await scene.actions.find(admin))[run - 1].needs == {"user": PermissionLevel.LIST}
    assert await outcome(partial(scene.actions.require, user, "RunCreate")) is NotPermitted
    for actor, name in ((admin, "RunCreate"), (nobody, "RunCreate"), (user, "RunList")):
        await scene.actions.require(actor, name)
    await scene.roles.create(admin, "runner")
    await scene.roles.give_to_user(admin, _named("runner"), _named(user.email))
    await scene.actions.require(user, "RunCreate")  # one of its roles may
    await scene.roles.take_from_user(admin, _named("runner"), _named(user.email))
    await scene.actions.set_permission(admin, Reference(run, "RunCreate"), _named("user"), 0)
    await scene.actions.require(user, "RunCreate")
    for reference, wrong in (
        (Reference(), InvalidInput),
        (Reference(1, "RunCreate"), InvalidInput),
        (Reference(100), NotFound),
        (Reference(-1), NotFound),
        (Reference(name="RunCreateRequest"), NotFound),
    ):
        assert await outcome(partial(scene.actions.set_permission, admin, reference, _named("user"), 1)) is wrong


async def test_grants_go_with_their_project(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    kept, gone = await scene.project("kept", admin), await scene.project("gone", admin)
    for project in (kept, gone):
        await scene.grants.set_permission(admin, _named("user"), 2, project_id=project.id)
    async with database.begin() as work:
        await remove_project(work, gone, None)
    async with database.read() as work:
        found = await work.of(RoleGrant, EVERYTHING).find(kind=GrantKind.PROJECT)
    assert [grant.object_id for grant in found] == [kept.id]


async def test_two_who_give_at_once_give_once(database: Database) -> None:
    scene = await make_scene(database)
    admin, bob = await scene.person("admin", BaseRole.ADMIN), await scene.person("bob")
    project = await scene.project("study", admin)
    give = partial(scene.roles.give_to_user, admin, _named("user"), _named(bob.email))
    grant = partial(scene.grants.set_permission, admin, _named("user"), project_id=project.id)
    await asyncio.gather(*[give() for _ in range(4)], *[grant(level=level) for level in (1, 2, 3, 4)])
    assert await _holders(database, BaseRole.USER) == [bob.user_id]
    async with database.read() as work:
        assert await work.of(RoleGrant, EVERYTHING).count() == 1


def _named(name: str) -> Reference:
    return Reference(name=name)


async def _holders(database: Database, name: BaseRole) -> list[str | None]:
    async with database.read() as work:
        role = await work.of(PlatformRole, EVERYTHING).get(name=name.value)
        assert role is not None
        held = await work.of(RoleHolder, EVERYTHING).find(role_id=role.id, order=("place", "id"))
    return [holder.user_id for holder in held]
