"""Several who make, rename and configure projects at the same moment, on both databases."""

from __future__ import annotations

import asyncio

from quinta.core.errors import AlreadyExists
from quinta.storage.database import Database
from tests.core.release_scene import make_scene


async def test_first_projects_at_once_get_one_organization(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await asyncio.gather(*(scene.new(ada, f"P {number}") for number in range(6)))
    assert len({project.id for project in made}) == 6
    assert [item.name for item in await scene.organizations()] == ["ada"]


async def test_one_title_goes_to_one_of_those_who_see_each_other(database: Database) -> None:
    scene = await make_scene(database)
    people = [await scene.person(f"p{number}@example.com") for number in range(4)]
    for number, person in enumerate(people):
        await scene.organization(f"own-{number}", administrator=person)
    members = {f"administrator_{number}": person for number, person in enumerate(people)}
    await scene.organization("a-shared", "professional", **members)
    ended = await asyncio.gather(*(scene.new(person, "Same") for person in people), return_exceptions=True)
    assert [type(end) for end in ended].count(AlreadyExists) == 3


async def test_strangers_who_take_one_name_at_once_all_get_theirs(database: Database) -> None:
    scene = await make_scene(database)
    people = [await scene.person(f"ada@{number}.example") for number in range(5)]
    made = await asyncio.gather(*(scene.new(person, "Same") for person in people))
    assert {project.title for project in made} == {"Same"}
    names = {(await scene.row(project.id)).name for project in made}
    assert names == {"same", *(f"same-{number}" for number in range(2, 6))}
    assert len(await scene.organizations()) == 5


async def test_no_patch_is_lost(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = await scene.new(ada, "P")
    await asyncio.gather(*(scene.projects.patch_config(ada, made.id, {f"m{number}": number}) for number in range(8)))
    assert await scene.projects.config(ada, made.id) == {f"m{number}": number for number in range(8)}


async def test_one_of_those_who_rename_alike_wins(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    made = [await scene.new(ada, f"P {number}") for number in range(4)]
    calls = (scene.projects.update(ada, project.id, title="Same") for project in made)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ended].count(AlreadyExists) == 3
    assert sorted(item.title for item in await scene.projects.list(ada, limit=5)).count("Same") == 1


async def test_a_workspace_goes_or_gets_the_project(database: Database) -> None:
    scene = await make_scene(database)
    ada = await scene.person("ada@example.com")
    for number in range(4):
        shelf = await scene.shelf(ada, f"W {number}")
        made, gone = await asyncio.gather(
            scene.new(ada, f"P {number}", shelf.id), scene.workspaces.delete(ada, shelf.id), return_exceptions=True
        )
        assert isinstance(made, BaseException) != isinstance(gone, BaseException)
        shelves = [item.id for item in await scene.workspaces.list(ada, limit=5)]
        assert {item.workspace_id for item in await scene.projects.list(ada, limit=5)} - {None} <= set(shelves)
