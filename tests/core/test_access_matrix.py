"""Who may do what in the quarantine, on both databases: the matrix of contract dq0 5.6 and what leads to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

import pytest

from quinta.core.access.levels import (
    dataset_at,
    is_administrator,
    is_owner_role,
    level_on,
    levels_on,
    project_at,
    projects_at,
    require_administrator,
    roles_of,
)
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.access.references import Reference
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.pages import Paging
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.group_town import outcome
from tests.core.quarantine_scene import Scene, make_scene
from tests.core.test_clients import service_user

NONE, LIST, USE, WRITE, MANAGE = PermissionLevel
ABOVE = [LIST, USE, WRITE, MANAGE]


async def project_level(scene: Scene, actor: Actor, project_id: str) -> PermissionLevel:
    """The highest that project_at lets through; below that NotPermitted, and NotFound for who may not know of it."""
    return await _highest(scene, actor, project_id, project_at)


async def dataset_level(scene: Scene, actor: Actor, dataset_id: str) -> PermissionLevel:
    return await _highest(scene, actor, dataset_id, dataset_at)


async def _highest(scene: Scene, actor: Actor, object_id: str, at: Callable[..., Awaitable[object]]) -> PermissionLevel:
    outcomes = []
    for level in ABOVE:
        async with scene.database.read() as work:
            outcomes.append(await outcome(partial(at, work, actor, object_id, level)))
    reached = outcomes.count(None)
    assert outcomes == [None] * reached + [NotFound if reached == 0 else NotPermitted] * (len(ABOVE) - reached)
    return PermissionLevel(reached)


async def cast(scene: Scene) -> Mapping[str, Actor]:
    """``keeper`` owns the dataset, ``maker`` administers the organization of the project."""
    return {
        "admin": await scene.person("admin", BaseRole.ADMIN),
        "staff": await scene.person("staff", staff=True),
        "keeper": await scene.person("keeper", BaseRole.OWNER),
        "owner": await scene.person("owner", BaseRole.OWNER),
        "user": await scene.person("user", BaseRole.USER),
        "maker": await scene.person("maker", BaseRole.USER),
        "nobody": await scene.person("nobody"),
    }


async def test_the_matrix(database: Database) -> None:
    scene = await make_scene(database)
    people = await cast(scene)
    dataset = await scene.dataset("census", people["keeper"])
    project = await scene.project("study", people["maker"])
    on_dataset = {name: await dataset_level(scene, actor, dataset.id) for name, actor in people.items()}
    on_project = {name: await project_level(scene, actor, project.id) for name, actor in people.items()}
    administers = {name: await _administers(scene, actor) for name, actor in people.items()}
    brings_data = {name: await _brings_data(scene, actor) for name, actor in people.items()}
    reads_audit = {
        name: await outcome(partial(scene.audit.find, actor, Paging())) is None for name, actor in people.items()
    }
    assert [
        (name, on_dataset[name], on_project[name], administers[name], brings_data[name], reads_audit[name])
        for name in people
    ] == [
        ("admin", MANAGE, NONE, True, True, True),
        ("staff", MANAGE, NONE, True, True, True),
        ("keeper", MANAGE, NONE, False, True, True),
        ("owner", USE, NONE, False, True, True),
        ("user", USE, NONE, False, False, False),
        ("maker", USE, MANAGE, False, False, False),
        ("nobody", NONE, NONE, False, False, False),
    ]


async def test_only_administrators_keep_users_roles_groups_and_actions(database: Database) -> None:
    scene = await make_scene(database)
    people = await cast(scene)
    spare = await scene.person("spare")
    one, group = Reference(number=await scene.number(spare)), Reference(name="team")
    admin = people["admin"]
    await scene.groups.create(admin, "team")
    await scene.roles.create(admin, "analyst")
    analyst = Reference(name="analyst")
    calls = {
        "UserList": lambda actor: scene.people.find(actor, Paging()),
        "UserGet": lambda actor: scene.people.get(actor, one),
        "UserUpdate": lambda actor: scene.people.change(actor, one, roles=[3]),
        "UserAddRole": lambda actor: scene.roles.give_to_user(actor, analyst, one),
        "UserRemoveRole": lambda actor: scene.roles.take_from_user(actor, analyst, one),
        "UserAddGroup": lambda actor: scene.groups.add_user(actor, group, one),
        "UserRemoveGroup": lambda actor: scene.groups.remove_user(actor, group, one),
        "UserDelete": lambda actor: scene.people.delete(actor, one),
        "GroupList": lambda actor: scene.groups.find(actor, Paging()),
        "GroupGet": lambda actor: scene.groups.get(actor, group),
        "GroupCreate": lambda actor: scene.groups.create(actor, "second team"),
        "GroupPatch": lambda actor: scene.groups.rename(actor, Reference(name="second team"), "third team"),
        "GroupDelete": lambda actor: scene.groups.delete(actor, Reference(name="third team")),
        "GroupAddRole": lambda actor: scene.roles.give_to_group(actor, analyst, group),
        "GroupRemoveRole": lambda actor: scene.roles.take_from_group(actor, analyst, group),
        "RoleList": lambda actor: scene.roles.find(actor, Paging()),
        "RoleGet": lambda actor: scene.roles.get(actor, analyst),
        "RoleCreate": lambda actor: scene.roles.create(actor, "second"),
        "RolePatch": lambda actor: scene.roles.rename(actor, Reference(name="second"), "third"),
        "RoleSetPermission": lambda actor: scene.roles.set_level(actor, Reference(name="third"), 1),
        "RoleDelete": lambda actor: scene.roles.delete(actor, Reference(name="third")),
        "ActionList": scene.actions.find,
        "ActionPermissionSet": lambda actor: scene.actions.set_permission(
            actor, Reference(name="RunCreate"), analyst, 1
        ),
    }
    for name, call in calls.items():
        for who in ("keeper", "user", "maker", "nobody"):
            assert await outcome(partial(call, people[who])) is NotPermitted, (name, who)
        assert await outcome(partial(call, admin)) is None, name


async def test_a_service_user_has_no_place_here(database: Database) -> None:
    scene = await make_scene(database)
    maker, keeper = await scene.person("maker"), await scene.person("keeper", BaseRole.OWNER)
    project, dataset = await scene.project("study", maker), await scene.dataset("census", keeper)
    other = await scene.project("other", keeper)
    robot = await service_user(database, project.id, "project-viewer")
    assert await dataset_level(scene, robot, dataset.id) is NONE
    assert await project_level(scene, robot, project.id) is USE
    assert await project_level(scene, robot, other.id) is NONE
    async with database.read() as work:
        assert [item.id for item in await projects_at(work, robot, LIST)] == [project.id]
        # Not even where a role was given to the row behind it.
        assert await roles_of(work, replace(keeper, project_id=project.id)) == []
        assert not await is_administrator(work, replace(keeper, project_id=project.id, is_staff=True))


async def test_roles_in_the_project_have_their_levels(database: Database) -> None:
    scene = await make_scene(database)
    people = {name: await scene.person(name) for name in ("made", "member", "viewer", "editor", "admin", "models")}
    project = await scene.project(
        "study",
        people["made"],
        member=people["member"],
        project_viewer=people["viewer"],
        project_editor=people["editor"],
        project_admin=people["admin"],
        model_admin=people["models"],
    )
    levels = {name: await project_level(scene, actor, project.id) for name, actor in people.items()}
    assert levels == {
        "made": MANAGE,
        "member": LIST,
        "viewer": USE,
        "editor": WRITE,
        "admin": MANAGE,
        "models": LIST,
    }


async def test_what_is_hidden_is_as_if_it_were_not_there(database: Database) -> None:
    scene = await make_scene(database)
    maker, keeper, nobody = [await scene.person(name) for name in ("maker", "keeper", "nobody")]
    project, dataset = await scene.project("study", maker), await scene.dataset("census", keeper)
    gone = await scene.dataset("gone", keeper, deleted=True)
    async with database.read() as work:
        for at, hidden, missing in (
            (project_at, project.id, new_id()),
            (dataset_at, dataset.id, new_id()),
            (dataset_at, dataset.id, gone.id),
        ):
            with pytest.raises(NotFound) as unseen:
                await at(work, nobody, hidden, LIST)
            with pytest.raises(NotFound) as unknown:
                await at(work, nobody, missing, LIST)
            assert unseen.value.message == unknown.value.message
            assert (unseen.value.is_refusal, unknown.value.is_refusal) == (True, False)
        with pytest.raises(NotFound):
            await dataset_at(work, keeper, gone.id, LIST)  # deleted for its owner too


async def test_a_grant_stands_in_place_of_the_roles_own_level(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    await scene.roles.create(admin, "analyst")
    await scene.roles.set_level(admin, Reference(name="analyst"), USE)
    person = await scene.person("person", "analyst")
    keeper = await scene.person("keeper", BaseRole.OWNER)
    first, second = await scene.dataset("first", keeper), await scene.dataset("second", keeper)
    assert await dataset_level(scene, person, first.id) is USE
    await scene.grant(admin, "analyst", GrantKind.DATASET, first.id, NONE)  # revoked there, and only there
    async with database.read() as work:
        levels = await levels_on(work, person, GrantKind.DATASET)
        assert (levels[first.id], levels[second.id], levels.default) == (NONE, USE, USE)
        assert dict(levels) == {first.id: NONE}
        for dataset in (first, second):
            assert await level_on(work, person, GrantKind.DATASET, dataset.id) is levels[dataset.id]
    assert await dataset_level(scene, person, first.id) is NONE
    # The highest of several roles counts, also of a group's.
    await scene.roles.create(admin, "writers")
    await scene.grant(admin, "writers", GrantKind.DATASET, first.id, WRITE)
    await scene.groups.create(admin, "team")
    await scene.roles.give_to_group(admin, Reference(name="writers"), Reference(name="team"))
    assert await dataset_level(scene, person, first.id) is NONE
    await scene.groups.add_user(admin, Reference(name="team"), Reference(name=person.email))
    assert await dataset_level(scene, person, first.id) is WRITE
    assert await dataset_level(scene, person, second.id) is USE
    await scene.roles.delete(admin, Reference(name="writers"))
    assert await dataset_level(scene, person, first.id) is NONE


async def test_projects_are_granted_by_who_manages_them(database: Database) -> None:
    scene = await make_scene(database)
    admin, maker, user = [
        await scene.person("admin", BaseRole.ADMIN),
        await scene.person("maker"),
        await scene.person("user", BaseRole.USER),
    ]
    staff = await scene.person("staff", staff=True)
    project = await scene.project("study", maker, project_editor=(editor := await scene.person("editor")))
    role = Reference(name="user")
    assert await outcome(lambda: scene.grants.set_permission(user, role, USE, project_id=project.id)) is NotFound
    assert await outcome(lambda: scene.grants.set_permission(editor, role, USE, project_id=project.id)) is NotPermitted
    for level, actor in ((LIST, maker), (USE, admin), (WRITE, staff)):
        await scene.grants.set_permission(actor, role, level, project_id=project.id)
        assert await project_level(scene, user, project.id) is level
    await scene.grants.set_permission(maker, role, NONE, project_name=f"study of {maker.email}")
    assert await project_level(scene, user, project.id) is NONE
    async with database.read() as work:
        assert [item.id for item in await projects_at(work, maker, MANAGE)] == [project.id]
        assert [item.id for item in await projects_at(work, editor, WRITE)] == [project.id]
        assert await projects_at(work, editor, MANAGE) == []
        assert await projects_at(work, user, NONE) == []
        assert await projects_at(work, admin, LIST) == []
    await scene.grants.set_permission(admin, Reference(name="admin"), USE, project_name=f"study of {maker.email}")
    assert await project_level(scene, admin, project.id) is USE  # what an administrator gives itself, the trail tells
    for actor in (admin, staff, user):
        with pytest.raises(NotFound):
            await scene.grants.set_permission(actor, role, USE, project_name="no such project")
    await scene.grants.set_permission(maker, role, USE, project_id=project.id)
    async with database.read() as work:
        assert [item.id for item in await projects_at(work, user, USE)] == [project.id]


async def _administers(scene: Scene, actor: Actor) -> bool:
    async with scene.database.read() as work:
        is_one = await is_administrator(work, actor)
        assert (await outcome(lambda: require_administrator(work, actor)) is None) is is_one
        return is_one


async def _brings_data(scene: Scene, actor: Actor) -> bool:
    """Contract dq0 5.6: data is created by owners and administrators."""
    async with scene.database.read() as work:
        return await is_owner_role(work, actor) or await is_administrator(work, actor)
