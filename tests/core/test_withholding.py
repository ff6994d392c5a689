"""What is shown of what jobs learn from private data, by level, by approval and by who asks (contract dq0 5.7)."""

from __future__ import annotations

from typing import Any

import pytest

from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.pages import Paging
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.logging import Batch, Pair, record
from quinta.core.tracking.model import Run, RunTag, Source
from quinta.core.tracking.runs import RunQuery
from quinta.core.tracking.search import RunSearchQuery
from tests.core.tracking_scene import Laboratory, laboratory

__all__ = ["laboratory"]

BOTH = {Source.PLATFORM, Source.USER}
LEVELS: dict[int, set[Source]] = {0: BOTH, 1: {Source.PLATFORM}, 2: set()}


async def told(laboratory: Laboratory, person: str, run: Run) -> dict[str, set[str]]:
    """By every way to look at a run, what it says."""
    actor, tracking = laboratory.people[person], laboratory.tracking
    view = await tracking.runs.get(actor, run.id)
    found: dict[str, set[str]] = {
        "metrics": {metric.key for metric in view.metrics},
        "params": {param.key for param in view.params},
        "tags": {tag.key for tag in view.tags},
        "histories": set(),
        "tree": {entry.path.split("/")[0] for entry in (await tracking.artifacts.tree(actor, run.id)).entries},
        "below": set(),
        "artifacts": set(),
    }
    for source in Source:
        if (await tracking.runs.history(actor, run.id, source, Paging())).total:
            found["histories"].add(source)
        if (await tracking.artifacts.tree(actor, run.id, source)).entries:
            found["below"].add(source)
        try:
            download = await tracking.artifacts.open(actor, run.id, f"{source}/model.bin")
        except NotPermitted:
            continue
        found["artifacts"].add(b"".join([piece async for piece in download.content]).decode())
    return found


async def of_project(laboratory: Laboratory, person: str, run: Run) -> dict[str, set[str]]:
    """By the ways that are open to who may read in the project: lists and searches."""
    actor, tracking = laboratory.people[person], laboratory.tracking
    [listed] = (await tracking.runs.find(actor, RunQuery())).items
    number = listed.experiment.number
    found: dict[str, set[str]] = {"list": {metric.key for metric in listed.metrics}}
    for kind, value in (("metrics", "> 1"), ("params", "LIKE 'of r%'"), ("tags", "IS NOT NULL")):
        found[kind] = set()
        for source in Source:
            query = RunSearchQuery([number], f"{kind}.{source} {value}")
            if (await tracking.search.search(actor, query)).runs:
                found[kind].add(source)
    return found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("approved", [False, True])
async def test_the_level_of_the_data_says_what_is_shown(laboratory: Laboratory, level: int, approved: bool) -> None:
    datasets = [await laboratory.scene.dataset(name, laboratory.people[name]) for name in ("olga", "otto")]
    run = await laboratory.job_run(level, datasets)
    if approved:
        await laboratory.approve(run)
    shown = BOTH if approved else LEVELS[level]
    for person in ("uma", "vera"):
        assert all(names == shown for names in (await told(laboratory, person, run)).values())
        assert all(names == shown for names in (await of_project(laboratory, person, run)).values())
    with pytest.raises(NotFound):  # who administers people and data has no place in the project, nor in the data
        await laboratory.tracking.runs.get(laboratory.people["ada"], run.id)
    await laboratory.scene.grant(
        laboratory.people["ada"], BaseRole.ADMIN, GrantKind.PROJECT, laboratory.project.id, PermissionLevel.USE
    )
    assert all(names == shown for names in (await told(laboratory, "ada", run)).values())
    assert all(names == shown for names in (await of_project(laboratory, "ada", run)).values())


async def test_only_who_answers_for_all_data_sees_all(laboratory: Laboratory) -> None:
    mine, other = [await laboratory.scene.dataset(name, laboratory.people[name]) for name in ("olga", "otto")]
    run, shared = await laboratory.job_run(2, [mine]), await laboratory.job_run(2, [mine, other])
    assert all(names == BOTH for names in (await told(laboratory, "olga", run)).values())
    for person, hidden in (("otto", run), ("otto", shared), ("olga", shared)):
        with pytest.raises(NotFound):
            await laboratory.tracking.runs.get(laboratory.people[person], hidden.id)
    await laboratory.scene.grant(
        laboratory.people["otto"], BaseRole.OWNER, GrantKind.DATASET, other.id, PermissionLevel.MANAGE
    )
    assert all(names == BOTH for names in (await told(laboratory, "olga", shared)).values())


async def test_a_run_whose_job_is_gone_is_the_most_secret(laboratory: Laboratory) -> None:
    run = await laboratory.job_run(1, [await laboratory.scene.dataset("data", laboratory.people["olga"])])
    async with laboratory.scene.database.begin() as work:
        await work.of(Run, EVERYTHING).change(run.id, job_id=None)
    assert all(names == set() for names in (await told(laboratory, "uma", run)).values())


async def test_names_are_not_to_be_guessed(laboratory: Laboratory) -> None:
    """A file that is there and withheld is refused in the words for one that is not there."""
    run = await laboratory.job_run(1, [await laboratory.scene.dataset("data", laboratory.people["olga"])])
    said = set()
    for path in ("user/model.bin", "user/none.bin", "user", "platform"):
        with pytest.raises(NotPermitted) as refusal:
            await laboratory.tracking.artifacts.open(laboratory.people["uma"], run.id, path)
        said.add(refusal.value.message)
    assert len(said) == 1
    with pytest.raises(NotFound):
        await laboratory.tracking.artifacts.open(laboratory.people["olga"], run.id, "user/none.bin")
    for path in ("user", "none"):
        with pytest.raises(NotFound, match="model location does not exist"):
            await laboratory.tracking.models.register(laboratory.people["uma"], run.id, path)


async def test_nothing_is_added_to_a_jobs_run_from_outside(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = await laboratory.job_run(0, [])
    for call in (
        tracking.logging.log(uma, run.id, Batch(tags=[Pair("mine", "x")])),
        tracking.logging.remove_tag(uma, run.id, "platform"),
        tracking.runs.change(uma, run.id, name="mine"),
        tracking.artifacts.upload(uma, run.id, "mine.txt", laboratory.file(b"x")),
    ):
        with pytest.raises(NotPermitted):
            await call
    assert (await tracking.runs.delete(uma, run.id)).run.id == run.id


async def test_user_code_cannot_speak_for_the_platform(laboratory: Laboratory) -> None:
    run = await laboratory.job_run(1, [await laboratory.scene.dataset("data", laboratory.people["olga"])])

    async def write(source: Source, **members: Any) -> None:
        async with laboratory.scene.database.begin() as work:
            await record(work, run, Batch(**members), source)

    for members in ({"tags": [Pair("platform", "row 1")]}, {"params": [Pair("platform", "row 1")]}):
        with pytest.raises(InvalidInput):
            await write(Source.USER, **members)
    with pytest.raises(InvalidInput):
        await laboratory.tracking.artifacts.keep(run, "platform/model.bin", laboratory.file(b"row 1"), Source.USER)
    await write(Source.PLATFORM, tags=[Pair("user", "taken")], params=[Pair("user", "taken")])
    view = await laboratory.tracking.runs.get(laboratory.people["uma"], run.id)
    assert {tag.key: tag.value for tag in view.tags} == {"platform": "of rows", "user": "taken"}
    assert {param.key: param.value for param in view.params} == {"platform": "of rows", "user": "taken"}
    async with laboratory.scene.database.read() as work:
        assert await work.of(RunTag, EVERYTHING).count(run_id=run.id) == 2
