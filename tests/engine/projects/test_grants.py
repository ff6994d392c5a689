"""What a run reads: what its starter may see when it starts, whatever was so when it was queued (contract dq0 5.5)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.commits.jobs import DataJobs
from quinta.core.commits.model import DataJob
from quinta.core.datasets.attachments import detach_dataset
from quinta.core.datasets.model import Dataset, Mask
from quinta.core.datasets.sight import DatasetReference
from quinta.core.errors import InvalidInput
from quinta.core.jobs.model import JobStatus
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User
from quinta.kit.ids import new_id
from quinta.storage.secrets import SealedSecrets
from tests.engine.projects.scene import CLOCK, Scene

SECRET = "Grace Hopper"
READS = """
import json, os
for data in json.loads(os.environ["DQ0_DATA"]):
    for key in ("path", "metadata", "declared"):
        print(key, open(data[key]).read())
"""
META = """
data_sample: [{{age: 1, name: Somebody Else}}]
data_stats: the mean of name is long
meta_dataset:
  format: simple
  specification: dataset_v1
  node:
    dataset:
      attributes: {{data: {{name: {name}}}, differential_privacy: {{privacy_level: {level}}}}}
      child_nodes:
        database:
          attributes: {{data: {{name: d}}, connector: {{type_name: {kind}, uri: "{uri}"}}}}
          child_nodes:
            schema:
              attributes: {{data: {{name: s}}}}
              child_nodes:
                table:
                  attributes: {{data: {{name: t}}, differential_privacy: {{privacy_column: name}}}}
                  child_nodes:
                    column_0: {{attributes: {{data: {{name: age, data_type_name: int}}}}}}
                    column_1: {{attributes: {{data: {{name: name, data_type_name: string}}}}}}
"""


async def people(scene: Scene, level: int = 0, kind: str = "csv", rows: str = "") -> Dataset:
    """A dataset with the columns age and name."""
    dataset = await scene.dataset(rows or f"age,name\n41,{SECRET}\n", level)
    text = META.format(name="census", level=level, kind=kind, uri=scene.root / "census.csv")
    async with scene.database.begin() as work:
        meta = scene.keeper.sealed(text, dataset.id)
        await work.of(Dataset, EVERYTHING).change(dataset.id, meta=meta, kind=kind)
    return dataset


async def hide(scene: Scene, dataset: Dataset, *columns: str, user_id: str | None = None) -> None:
    now = CLOCK.now()
    async with scene.database.begin() as work:
        mask = Mask(new_id(), dataset.id, user_id, json.dumps(columns), "[]", "[]", now, now)
        await work.of(Mask, EVERYTHING).add(mask)


async def done(scene: Scene, job: DataJob) -> DataJob:
    async with scene.server():
        return await scene.ended(job)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("csv", ""), ("json", json.dumps([{"age": 41, "name": SECRET}])), ("json", '{"age": 41, "name": "Grace Hopper"}')],
)
async def test_a_hidden_column_is_not_in_what_a_run_reads(scene: Scene, kind: str, rows: str) -> None:
    dataset = await people(scene, kind=kind, rows=rows)
    await hide(scene, dataset, "name", user_id=scene.user.user_id)
    job = await scene.run(READS)
    await done(scene, job)
    log = await scene.jobs.log(scene.user, job.number)
    assert "41" in log
    for kept in (SECRET, "Somebody", "the mean of", "privacy_column: name", '"name": "name"', str(scene.root)):
        assert kept not in log, kept
    assert '"name": "age"' in log


async def test_who_manages_the_data_sees_all_columns(scene: Scene) -> None:
    dataset = await people(scene)
    await hide(scene, dataset, "name")
    commit = await scene.deploy(READS)
    await scene.people.grant(
        scene.administrator, BaseRole.OWNER, GrantKind.PROJECT, scene.project.id, PermissionLevel.WRITE
    )
    job = await scene.jobs.run(scene.owner, scene.project.id, commit.id, "main", {})
    await done(scene, job)
    log = await scene.jobs.log(scene.owner, job.number)
    assert SECRET in log
    assert str(scene.root) in log  # the text that its owner wrote


async def test_without_a_mask_a_run_reads_the_file_itself(scene: Scene) -> None:
    await hide(scene, await people(scene), "name", user_id=scene.other.user_id)
    job = await scene.run(READS)
    await done(scene, job)
    log = await scene.jobs.log(scene.user, job.number)
    assert SECRET in log
    assert str(scene.root) not in log


async def _described_as_csv(scene: Scene, dataset: Dataset, rows: str) -> None:
    (scene.root / "census.csv").write_text(rows)
    text = META.format(name="census", level=0, kind="csv", uri=scene.root / "census.csv")
    async with scene.database.begin() as work:
        await work.of(Dataset, EVERYTHING).change(dataset.id, kind="csv", meta=scene.keeper.sealed(text, dataset.id))


async def test_files_whose_columns_cannot_be_left_out_are_refused(scene: Scene) -> None:
    """At once where the kind says it, else before anything of the project's runs; no message names the column."""
    dataset = await people(scene, kind="parquet")
    await hide(scene, dataset, "name")
    with pytest.raises(InvalidInput, match="columns that you may not see"):
        await scene.run(READS)
    await _described_as_csv(scene, dataset, f"age,Name\n41,{SECRET}\n")
    job = await scene.run(READS)
    ended = await done(scene, job)
    assert (ended.status, ended.started_at) == (JobStatus.FAILED, None)
    assert "its file does not name them" in (ended.error_message or "")
    assert "'name'" not in (ended.error_message or "")


async def _deleted(scene: Scene, dataset: Dataset) -> None:
    async with scene.database.begin() as work:
        await work.of(Dataset, EVERYTHING).change(dataset.id, deleted_at=CLOCK.now())


async def _detached(scene: Scene, dataset: Dataset) -> None:
    async with scene.database.begin() as work:
        await detach_dataset(work, scene.project.id, DatasetReference(id=dataset.id))


async def _taken_back(scene: Scene, dataset: Dataset) -> None:
    async with scene.database.begin() as work:
        await work.of(Dataset, EVERYTHING).change(dataset.id, permissions=())


async def _account_closed(scene: Scene, _: Dataset) -> None:
    async with scene.database.begin() as work:
        await work.of(User, EVERYTHING).change(scene.user.user_id, is_active=False)


async def _key_lost(scene: Scene, dataset: Dataset) -> None:
    other = SealedSecrets(Path("unused"), "cd" * 32)
    other.load()
    async with scene.database.begin() as work:
        await work.of(Dataset, EVERYTHING).change(dataset.id, meta=other.seal("name: x", dataset.id))


async def _file_gone(scene: Scene, _: Dataset) -> None:
    (scene.root / "census.csv").unlink()


@pytest.mark.parametrize(
    ("meanwhile", "reason", "text"),
    [
        (_deleted, Reason.INPUT_UNAVAILABLE, "a dataset of the job is not there any more"),
        (_detached, Reason.INPUT_UNAVAILABLE, "was detached from its project"),
        (_taken_back, Reason.REQUEST_REFUSED, "may not read one of its datasets any more"),
        (_account_closed, Reason.REQUEST_REFUSED, "no account any more that is active"),
        (_key_lost, Reason.SECRET_UNREADABLE, "cannot be opened with the server's keys"),
        (_file_gone, Reason.INPUT_UNAVAILABLE, "is no file that the server can read"),
    ],
)
async def test_what_changed_while_it_waited(
    scene: Scene, meanwhile: Callable[[Scene, Dataset], Awaitable[None]], reason: Reason, text: str
) -> None:
    """It fails before its code begins, in words that hold no path and are told to all who may read the project."""
    dataset = await people(scene, level=2)
    job = await scene.run(READS)
    await meanwhile(scene, dataset)
    ended = await done(scene, job)
    view = await scene.seen(scene.user, job)
    assert (ended.status, ended.started_at, view.job.reason) == (JobStatus.FAILED, None, reason)
    assert text in (view.job.error_message or "")
    assert str(scene.root) not in (view.job.error_message or "")
    assert "the job failed" in await scene.jobs.log(scene.user, job.number)


async def test_a_file_that_changed_is_read_as_it_is(scene: Scene) -> None:
    await people(scene)
    job = await scene.run(READS)
    (scene.root / "census.csv").write_text("age,name\n7,Ada Lovelace\n")
    await done(scene, job)
    log = await scene.jobs.log(scene.user, job.number)
    assert ("Ada Lovelace" in log, SECRET in log) == (True, False)


async def test_a_level_that_was_raised_while_it_waited_holds(scene: Scene) -> None:
    dataset = await people(scene, level=0)
    job = await scene.run(READS + "print('said')")
    async with scene.database.begin() as work:
        await work.of(Dataset, EVERYTHING).change(dataset.id, privacy_level=2)
    await done(scene, job)
    view = await scene.seen(scene.user, job)
    assert (view.withheld, view.job.privacy_level) == (True, 2)
    assert (await scene.the_run(job)).withheld
    assert await scene.jobs.log(scene.user, job.number) == ""
    assert "said" in await scene.jobs.log(scene.owner, job.number)


async def test_how_far_it_says_it_is_moves_no_time(scene: Scene) -> None:
    """Who may not see the progress could count its steps by the moment of the last change."""
    await people(scene, level=1)
    job = await scene.run("import time; print('[__KEYWORD_PROGRESS_050__]'); time.sleep(300)")
    async with scene.server():
        began = await scene.when(job, lambda now: now.started_at is not None)
        moved = await scene.when(job, lambda now: now.progress == 50)
        assert moved.updated_at == began.updated_at
        await scene.jobs.cancel(scene.user, job.number, force=True)
        await scene.ended(job)


async def test_nobody_takes_all_places_with_many_projects(scene: Scene) -> None:
    """The jobs of one person stand in one line, whatever projects they are in."""
    mine = [await scene.people.project(f"p{number}", scene.user) for number in range(6)]
    upload = scene.upload({"MLproject": "entry_points: {main: {command: python -c 'import time; time.sleep(300)'}}"})
    jobs: list[DataJob] = []
    starting: DataJobs = scene.jobs
    for project in mine:
        commit = (await scene.commits.deploy(scene.user, project.id, upload)).commit
        jobs.append(await starting.run(scene.user, project.id, commit.id, "main", {}))
    async with scene.server():
        own = await scene.run("print(1)")
        async with scene.database.begin() as work:
            await work.of(DataJob, EVERYTHING).change(own.id, created_by=scene.administrator.user_id)
        assert (await scene.ended(own)).status is JobStatus.FINISHED
        waiting = [job for job in jobs if (await scene.get(job)).status is JobStatus.QUEUED]
        assert waiting
        for job in jobs:
            await starting.cancel(scene.user, job.number, force=True)
        for job in jobs:
            await scene.ended(job)
