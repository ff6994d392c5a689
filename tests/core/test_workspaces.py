"""Workspaces on both databases, and projects in them (contract versiontwo 5.2)."""

from __future__ import annotations

import pytest

from quinta.core.errors import AlreadyExists, InvalidInput, LimitReached, NotFound, NotPermitted, StateConflict
from quinta.core.events import EventName
from quinta.core.tenancy.workspaces import NewWorkspace
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.release_scene import make_scene
from tests.core.test_clients import service_user


async def test_a_workspace_is_made_changed_and_deleted(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await scene.workspaces.create(ada, NewWorkspace(" Desenvolvimento ", {"environment": "development"}))
    assert (made.name, made.config) == ("Desenvolvimento", {"environment": "development"})
    assert made.created_at == made.updated_at == scene.clock.now()
    assert [item.name for item in await scene.organizations()] == ["ada"]
    scene.events.clear()
    scene.later()
    assert await scene.workspaces.update(ada, made.id) == made
    assert await scene.workspaces.update(ada, made.id, name=made.name, config_patch={"gone": None}) == made
    assert scene.events == []
    changed = await scene.workspaces.update(ada, made.id, name="Dev", config_patch={"region": "x"})
    assert (changed.name, changed.updated_at) == ("Dev", scene.clock.now())
    assert changed.config == {"environment": "development", "region": "x"}
    assert await scene.workspaces.get(ada, made.id) == changed
    await scene.workspaces.delete(ada, made.id)
    with pytest.raises(NotFound):
        await scene.workspaces.get(ada, made.id)
    assert [(event.name, event.subject_id, event.actor_id) for event in scene.events] == [
        (EventName.WORKSPACE_CHANGED, made.id, ada.user_id),
        (EventName.WORKSPACE_DELETED, made.id, ada.user_id),
    ]


async def test_what_a_workspace_cannot_be(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made, other = await scene.shelf(ada, "W"), await scene.shelf(ada, "Other")
    for call in (scene.shelf(ada, "W"), scene.workspaces.update(ada, other.id, name=" W")):
        with pytest.raises(AlreadyExists) as taken:
            await call
        assert taken.value.field == "name"
    for call in (scene.shelf(ada, " "), scene.workspaces.update(ada, made.id, name="x" * 101)):
        with pytest.raises(InvalidInput) as wrong:
            await call
        assert wrong.value.field == "name"
    for call in (
        scene.workspaces.create(ada, NewWorkspace("V", {"environment": 1})),
        scene.workspaces.update(ada, made.id, config_patch={"environment": 1}),
    ):
        with pytest.raises(InvalidInput) as wrong:
            await call
        assert wrong.value.field == "config.environment"
    newer, older = sorted([made, other], key=lambda item: item.id, reverse=True)  # of one millisecond, perhaps
    assert await scene.workspaces.list(ada, limit=5) == [newer, older]
    assert await scene.workspaces.list(ada, limit=1) == [newer]
    assert await scene.workspaces.list(ada, limit=1, before=newer.id) == [older]


async def test_members_look_and_administrators_change(database: Database) -> None:
    scene = await make_scene(database)
    ada, member, stranger = [await scene.person(f"{name}@example.com") for name in "abc"]
    await scene.organization("acme", administrator=ada, member=member)
    made = await scene.shelf(ada, "W")
    robot = await service_user(database, (await scene.new(ada, "P")).id, "project-admin")
    assert await scene.workspaces.list(member, limit=5) == [made]
    assert await scene.workspaces.get(member, made.id) == made
    for actor in (stranger, robot):
        assert await scene.workspaces.list(actor, limit=5) == []
        with pytest.raises(NotFound) as hidden:
            await scene.workspaces.get(actor, made.id)
        with pytest.raises(NotFound) as missing:
            await scene.workspaces.get(actor, new_id())
        assert hidden.value.message == missing.value.message
        assert (hidden.value.is_refusal, missing.value.is_refusal) == (True, False)
        with pytest.raises(NotFound):
            await scene.workspaces.delete(actor, made.id)
    for call in (scene.workspaces.update(member, made.id, name="V"), scene.workspaces.delete(member, made.id)):
        with pytest.raises(NotPermitted):
            await call
    with pytest.raises(NotPermitted):
        await scene.shelf(robot, "Robots")
    assert (await scene.shelf(stranger, "W")).name == "W"  # of an organization of its own


async def test_projects_go_into_workspaces_and_out(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    await scene.organization("acme", administrator=ada)
    shelf = await scene.shelf(ada, "W")
    inside, outside = await scene.new(ada, "In", shelf.id), await scene.new(ada, "Out")
    assert (inside.workspace_id, outside.workspace_id) == (shelf.id, None)
    assert await scene.projects.list(ada, workspace_id=shelf.id, limit=5) == [inside]
    scene.later()
    moved = await scene.projects.update(ada, outside.id, workspace_id=shelf.id)
    assert (moved.workspace_id, moved.updated_at) == (shelf.id, scene.clock.now())
    with pytest.raises(StateConflict) as used:
        await scene.workspaces.delete(ada, shelf.id)
    assert used.value.field == "workspace"
    await scene.projects.delete(ada, inside.id)
    assert (await scene.projects.update(ada, outside.id, workspace_id=None)).workspace_id is None
    assert await scene.projects.list(ada, workspace_id=shelf.id, limit=5) == []
    await scene.workspaces.delete(ada, shelf.id)


async def test_a_workspace_decides_where_its_projects_are_made(database: Database) -> None:
    scene = await make_scene(database)
    ada, eve = await scene.person("ada@example.com"), await scene.person("eve@example.com")
    second = await scene.organization("b-second", "free", administrator=ada, member=eve)
    shelf = await scene.shelf(ada, "W")
    await scene.organization("a-first", administrator=ada)
    inside, outside = await scene.new(ada, "In", shelf.id), await scene.new(ada, "Out")
    assert (await scene.row(inside.id)).organization_id == second.id
    assert (await scene.row(outside.id)).organization_id != second.id
    with pytest.raises(InvalidInput) as elsewhere:
        await scene.projects.update(ada, outside.id, workspace_id=shelf.id)
    with pytest.raises(InvalidInput) as unknown:
        await scene.projects.update(ada, inside.id, workspace_id=new_id())
    with pytest.raises(InvalidInput) as listed:
        await scene.projects.list(ada, workspace_id=new_id(), limit=5)
    for raised in (elsewhere, unknown, listed):
        assert raised.value.field == "workspace_id"
    with pytest.raises(LimitReached):  # the free plan has one project, and the workspace is there
        await scene.new(ada, "In too", shelf.id)
    with pytest.raises(NotPermitted):
        await scene.new(eve, "Eve's", shelf.id)
