"""Jobs on both databases: queued with their merged params and overlay, shown, handed out, deleted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, StateConflict, Unavailable
from quinta.core.events import EventName
from quinta.core.files.keys import job_key
from quinta.core.jobs.logs import execution_log
from quinta.core.jobs.model import JobStatus
from quinta.core.observation.model import LogLine
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import ClientGroup, Organization, OrganizationStatus
from quinta.kit.ids import new_log_id, parse_id
from quinta.storage.database import Database
from tests.clocks import NOON
from tests.core.client_scene import STRANGER, Scene, files_in, make_scene
from tests.engine.builds.archives import archive


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    made = await make_scene(database, tmp_path)
    yield made
    made.reading.close()


async def test_a_job_is_queued_with_what_it_was_given(scene: Scene) -> None:
    repository = await scene.repository({"a.csv": "1"})
    scene.events.clear()
    made = await scene.jobs.create(
        scene.leader,
        scene.name,
        repository.number,
        params='{"a":1}',
        metadata='{"name":"run"}',
        upload=scene.upload({"INPUT/b.csv": "2"}),
        file_name="more.zip",
    )

    view = await scene.jobs.get(scene.leader, scene.name, made.number)
    assert (view.job, view.repository_number) == (made, repository.number)
    assert parse_id(made.number) == made.number != made.id
    assert (made.status, made.application_id, made.created_by) == (
        JobStatus.QUEUED,
        scene.application.id,
        scene.leader.email,
    )
    assert (made.params, made.metadata, made.attempts) == ('{"a":1}', '{"name":"run"}', 0)
    assert made.overlay_key == job_key(scene.project_id, made.id, "overlay")
    await scene.objects.fetch(made.overlay_key, scene.folder / "overlay.zip")
    assert await scene.keys() == sorted(filter(None, [made.overlay_key, repository.archive_key]))
    (event,) = scene.events
    assert (event.name, event.subject_id, event.project_id) == (EventName.JOB_CREATED, made.id, scene.project_id)
    unchanged = await scene.repositories.get(scene.leader, scene.name, repository.number)
    assert unchanged.repository == repository


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        (None, None, {}),
        ('{"a":1}', None, {"a": 1}),
        (None, '{"a":1}', {"a": 1}),
        ('{"a":1,"b":{"c":1}}', '{"b":{"d":2},"e":null}', {"a": 1, "b": {"d": 2}, "e": None}),
        ('{"a":"é"}', '{"b":1.5}', {"a": "é", "b": 1.5}),
        (json.dumps({"a": "x" * 200_000}), '{"b":1}', {"a": "x" * 200_000, "b": 1}),
    ],
)
async def test_params_go_over_the_repositorys_by_their_top_names(
    below: str | None, above: str | None, merged: object, scene: Scene
) -> None:
    job = await scene.job(await scene.repository(params=below), params=above)
    assert json.loads(job.params) == merged


async def test_a_job_whose_file_is_refused_leaves_nothing(scene: Scene) -> None:
    repository = await scene.repository()
    (scene.folder / "upload").write_bytes(b"no zip")
    with pytest.raises(InvalidInput) as refusal:
        await scene.jobs.create(
            scene.leader,
            scene.name,
            repository.number,
            params=None,
            metadata="{}",
            upload=scene.folder / "upload",
            file_name="a.zip",
        )
    assert refusal.value.field == "file"
    assert (await scene.rows(), await scene.keys(), list(scene.staging.iterdir())) == ((1, 0), [], [])
    assert (await scene.job(repository, {})).overlay_key is None


async def test_jobs_are_listed_newest_first_and_in_their_repository(scene: Scene) -> None:
    first, second = await scene.repository(), await scene.repository()
    numbers: list[str] = []
    for _ in range(3):
        numbers.insert(0, (await scene.job(first)).number)
        scene.clock.move(microseconds=1)
    assert await scene.jobs.find(scene.leader, scene.name, first.number) == numbers
    assert (await scene.repositories.get(scene.leader, scene.name, first.number)).jobs == tuple(numbers)
    assert await scene.jobs.find(scene.leader, scene.name, second.number) == []


async def test_what_is_not_there(scene: Scene) -> None:
    repository = await scene.repository()
    job = await scene.job(repository)
    elsewhere = await scene.repository(client=scene.other)
    for number in (elsewhere.number, "1", "", "a\0b"):
        for lookup in (scene.jobs.check_create, scene.jobs.find):
            with pytest.raises(NotFound) as refusal:
                await lookup(scene.leader, scene.name, number)
            assert refusal.value.field == "repository_id"
    calls: list[Callable[[str], Awaitable[object]]] = [
        lambda number: scene.jobs.get(scene.leader, scene.name, number),
        lambda number: scene.jobs.output(scene.leader, scene.name, number),
        lambda number: scene.jobs.logs(scene.leader, scene.name, number),
        lambda number: scene.jobs.delete(scene.leader, scene.name, number),
    ]
    for call in calls:
        for number in (job.id, "execute", "", "a\0b", repository.number):
            with pytest.raises(NotFound) as refusal:
                await call(number)
            assert refusal.value.field == "job_id"
    with pytest.raises(NotFound) as refusal:
        await scene.jobs.get(scene.leader, scene.other, job.number)
    assert refusal.value.field == "job_id"
    assert await scene.jobs.get(scene.leader, scene.name, job.number)


async def test_only_a_job_that_finished_has_an_output(scene: Scene) -> None:
    repository = await scene.repository()
    job = await scene.job(repository)
    for status in (JobStatus.QUEUED, JobStatus.STARTED, JobStatus.FAILED):
        await scene.change(job, status=status)
        with pytest.raises(StateConflict):
            await scene.jobs.output(scene.leader, scene.name, job.number)
    await scene.change(job, status=JobStatus.FINISHED)
    assert await files_in(await scene.jobs.output(scene.leader, scene.name, job.number)) == {}
    key = job_key(job.project_id, job.id, "output")
    await scene.put(key, archive(scene.folder / "output.zip", ("ngrams.xlsx", b"PK")).read_bytes())
    await scene.change(job, output_key=key)
    download = await scene.jobs.output(scene.leader, scene.name, job.number)
    assert download.file_name == f"{job.number}.zip"
    assert await files_in(download) == {"ngrams.xlsx": b"PK"}


async def test_logs_are_there_in_every_state(scene: Scene) -> None:
    job = await scene.job(await scene.repository())
    assert await files_in(await scene.jobs.logs(scene.leader, scene.name, job.number)) == {}
    at = NOON + timedelta(milliseconds=1)
    lines = [
        LogLine(scene.project_id, at, "INFO é", system=False, request_id=job.id, id=new_log_id(at)),
        LogLine(scene.project_id, at, "another's", system=False, request_id="other", id=new_log_id(at)),
        LogLine(scene.project_id, at, "the job ends", system=True, request_id=job.id, id=new_log_id(at)),
    ]
    async with scene.database.begin() as work:
        await work.of(LogLine, in_project(scene.project_id)).add(*lines)
    text = execution_log([lines[0], lines[2]])
    assert len(text.splitlines()) == 2
    for status in JobStatus:
        await scene.change(job, status=status)
        download = await scene.jobs.logs(scene.leader, scene.name, job.number)
        assert await files_in(download) == {"execution.log": text.encode()}
    assert download.file_name == f"{job.number}.zip"
    key = job_key(job.project_id, job.id, "logs")
    await scene.put(key, archive(scene.folder / "logs.zip", ("execution.log", "all")).read_bytes())
    await scene.change(job, logs_key=key)
    assert await files_in(await scene.jobs.logs(scene.leader, scene.name, job.number)) == {"execution.log": b"all"}


async def test_a_job_goes_with_its_files(scene: Scene) -> None:
    repository = await scene.repository({"a.csv": "1"})
    job, kept = await scene.job(repository, {"b.csv": "2"}), await scene.job(repository)
    await scene.change(job, status=JobStatus.STARTED)
    await scene.put(job_key(job.project_id, job.id, "logs"))  # not in its row yet: it is about to end
    scene.events.clear()

    await scene.jobs.delete(scene.leader, scene.name, job.number)

    assert await scene.keys() == [repository.archive_key]
    assert await scene.jobs.find(scene.leader, scene.name, repository.number) == [kept.number]
    (event,) = scene.events
    assert (event.name, event.subject_id, event.tags) == (EventName.JOB_DELETED, job.id, (f"job:{job.id}",))
    with pytest.raises(NotFound):
        await scene.jobs.delete(scene.leader, scene.name, job.number)


async def test_a_job_whose_files_cannot_be_removed_can_be_deleted_again(scene: Scene) -> None:
    repository = await scene.repository()
    job = await scene.job(repository, {"b.csv": "2"})
    assert job.overlay_key is not None
    blocked = scene.block(job.overlay_key)
    with pytest.raises(Unavailable):
        await scene.jobs.delete(scene.leader, scene.name, job.number)
    assert await scene.jobs.find(scene.leader, scene.name, repository.number) == [job.number]
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    await scene.jobs.delete(scene.leader, scene.name, job.number)
    assert await scene.rows() == (1, 0)


async def test_who_may_do_what(scene: Scene) -> None:
    """Contract vbrain 7, for jobs: who may start one need not see it."""
    repository = await scene.repository()
    job = await scene.job(repository)
    await scene.change(job, status=JobStatus.FINISHED)
    seeing = {ClientGroup.LEADER, ClientGroup.DEVELOPER}
    rights: dict[str, tuple[Callable[[Actor], Awaitable[object]], set[ClientGroup]]] = {
        "check": (lambda actor: scene.jobs.check_create(actor, scene.name, repository.number), set(ClientGroup)),
        "create": (
            lambda actor: scene.jobs.create(
                actor, scene.name, repository.number, params=None, metadata="{}", upload=None, file_name=""
            ),
            set(ClientGroup),
        ),
        "find": (lambda actor: scene.jobs.find(actor, scene.name, repository.number), seeing),
        "get": (lambda actor: scene.jobs.get(actor, scene.name, job.number), seeing),
        "output": (lambda actor: scene.jobs.output(actor, scene.name, job.number), seeing),
        "logs": (lambda actor: scene.jobs.logs(actor, scene.name, job.number), seeing),
        "delete": (lambda actor: scene.jobs.delete(actor, scene.name, job.number), {ClientGroup.LEADER}),
    }
    for call, allowed in rights.values():
        with pytest.raises(NotFound, match="no organization"):
            await call(STRANGER)
        for group in reversed(ClientGroup):
            if group in allowed:
                await call(scene.people[group])
            else:
                with pytest.raises(NotPermitted):
                    await call(scene.people[group])


async def test_a_suspended_organization_queues_no_job_and_shows_what_it_has(scene: Scene) -> None:
    repository = await scene.repository()
    job = await scene.job(repository)
    organization = scene.tenant.organization
    for status, refused in ((OrganizationStatus.SUSPENDED, True), (OrganizationStatus.ACTIVE, False)):
        async with scene.database.begin() as work:
            await work.of(Organization, EVERYTHING).change(organization.id, status=status)
        if refused:
            with pytest.raises(NotPermitted):
                await scene.job(repository)
        else:
            await scene.job(repository)
        assert await scene.jobs.get(scene.leader, scene.name, job.number)
