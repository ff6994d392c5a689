"""Commits: who may deploy and see them, and that unchanged code is the commit that is there (contract dq0 9.7)."""

from __future__ import annotations

import asyncio

import pytest

from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.commits.commits import CommitQuery
from quinta.core.commits.jobs import JobQuery
from quinta.core.commits.model import DataJobKind
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, TooLarge
from quinta.core.events import EventName
from quinta.core.pages import Paging
from tests.engine.projects.conftest import sandbox, scene, store
from tests.engine.projects.scene import MLPROJECT, Scene

__all__ = ["sandbox", "scene", "store"]  # fixtures

FILES = {"MLproject": MLPROJECT, "main.py": "print(1)", "data/more.txt": "more"}


async def test_unchanged_code_is_the_same_commit(scene: Scene) -> None:
    first = await scene.commits.deploy(scene.user, scene.project.id, scene.upload(FILES))
    again = await scene.commits.deploy(
        scene.user, scene.project.id, scene.upload(dict(reversed(list(FILES.items())))), "renamed"
    )
    assert (first.is_new, again.is_new, again.commit) == (True, False, first.commit)
    other = await scene.commits.deploy(scene.user, scene.project.id, scene.upload({**FILES, "main.py": "print(2)"}))
    assert other.is_new
    assert other.commit.digest != first.commit.digest
    assert [event.name for event in scene.people.events].count(EventName.COMMIT_CREATED) == 2
    page = await scene.commits.find(scene.user, CommitQuery())
    assert ([commit.id for commit in page.items], page.total) == ([other.commit.id, first.commit.id], 2)


async def test_the_same_code_at_the_same_time_is_one_commit(scene: Scene) -> None:
    uploads = [scene.upload(FILES) for _ in range(3)]
    done = await asyncio.gather(*(scene.commits.deploy(scene.user, scene.project.id, each) for each in uploads))
    assert len({each.commit.id for each in done}) == 1
    assert sorted(each.is_new for each in done) == [False, False, True]
    assert len([key async for key, _ in scene.objects.keys("projects")]) == 1


async def test_what_a_commit_holds(scene: Scene) -> None:
    commit = (await scene.commits.deploy(scene.user, scene.project.id, scene.upload(FILES))).commit
    files = await scene.commits.files(scene.user, commit.id)
    assert [(file.path, file.size) for file in files] == [
        ("MLproject", len(MLPROJECT)),
        ("data/more.txt", 4),
        ("main.py", 8),
    ]
    assert await scene.commits.content(scene.user, commit.id, "data/more.txt") == b"more"
    with pytest.raises(NotFound):
        await scene.commits.content(scene.user, commit.id, "../main.py")
    large = await scene.deploy("x" * (2 << 20))
    with pytest.raises(TooLarge):
        await scene.commits.content(scene.user, large.id, "main.py")


async def test_a_project_that_cannot_be_run_is_refused_when_it_is_deployed(scene: Scene) -> None:
    bad = {**FILES, "MLproject": "entry_points: {main: {command: sh x}}"}
    with pytest.raises(InvalidInput, match="must begin with 'python '"):
        await scene.commits.deploy(scene.user, scene.project.id, scene.upload(bad))
    assert [key async for key, _ in scene.objects.keys("projects")] == []
    assert (await scene.commits.deploy(scene.user, scene.project.id, scene.upload({"a.py": ""}))).is_new


async def test_levels_on_the_project(scene: Scene) -> None:
    commit = await scene.deploy("print(1)")
    with pytest.raises(NotFound):
        await scene.commits.deploy(scene.other, scene.project.id, scene.upload(FILES))
    with pytest.raises(NotFound):
        await scene.commits.get(scene.other, commit.id)
    assert (await scene.commits.find(scene.other, CommitQuery())).total == 0
    reader = await scene.people.person("reader", BaseRole.USER)
    await scene.people.grant(
        scene.administrator, BaseRole.USER, GrantKind.PROJECT, scene.project.id, PermissionLevel.USE
    )
    assert await scene.commits.get(reader, commit.id) == commit
    with pytest.raises(NotPermitted):
        await scene.commits.deploy(reader, scene.project.id, scene.upload(FILES))
    with pytest.raises(NotPermitted):
        await scene.jobs.run(reader, scene.project.id, commit.id, "main", {})
    await scene.people.grant(
        scene.administrator, BaseRole.USER, GrantKind.PROJECT, scene.project.id, PermissionLevel.WRITE
    )
    job = await scene.jobs.run(reader, scene.project.id, "", "main", {})
    assert (job.commit_id, job.kind) == (commit.id, DataJobKind.RUN)
    with pytest.raises(NotFound):
        await scene.jobs.cancel(scene.other, job.number)
    with pytest.raises(NotFound):
        await scene.jobs.get(scene.other, job.number)


async def test_a_run_needs_its_entry_point_its_arguments_and_its_data(scene: Scene) -> None:
    commit = await scene.deploy("print(1)")
    run, project = scene.jobs.run, scene.project.id
    with pytest.raises(InvalidInput, match=r"Could not find 'other' among entry points \['main'\]"):
        await run(scene.user, project, commit.id, "other", {})
    with pytest.raises(InvalidInput):
        await scene.jobs.transform(scene.user, commit.id)
    with pytest.raises(NotFound):
        await run(scene.user, project, "00000000-0000-4000-8000-000000000000", "main", {})
    empty = await scene.people.project("empty", scene.user)
    with pytest.raises(NotFound, match="has no commit"):
        await run(scene.user, empty.id, "", "main", {})
    with pytest.raises(InvalidInput, match="another project"):
        await run(scene.user, empty.id, commit.id, "main", {})
    dataset = await scene.dataset("a\n1\n", level=2)
    assert (await run(scene.user, project, commit.id, "main", {})).privacy_level == 2
    await scene.people.grant(scene.owner, BaseRole.USER, GrantKind.DATASET, dataset.id, PermissionLevel.NONE)
    with pytest.raises(NotPermitted, match="a dataset that is attached"):
        await run(scene.user, project, commit.id, "main", {})


async def test_lists_of_jobs(scene: Scene) -> None:
    commit = await scene.deploy("print(1)")
    jobs = [
        await scene.jobs.run(scene.user, scene.project.id, commit.id, "main", {"mode": f"m{number}"})
        for number in range(3)
    ]
    page = await scene.jobs.find(scene.user, JobQuery(Paging(limit=2)))
    assert ([view.job.id for view in page.items], page.total) == ([job.id for job in reversed(jobs)][:2], 3)
    (view,) = (await scene.jobs.find(scene.user, JobQuery(params="m1"))).items
    assert view.run is not None
    assert (view.job.id, view.run.id, view.state) == (jobs[1].id, jobs[1].number, "created")
    assert (await scene.jobs.find(scene.user, JobQuery(kind="query.run"))).total == 0
    assert (await scene.jobs.find(scene.user, JobQuery(user_id=scene.owner.user_id))).total == 0
    assert (await scene.jobs.find(scene.other, JobQuery())).total == 0
    with pytest.raises(InvalidInput):
        await scene.jobs.find(scene.user, JobQuery(kind="nonsense"))
