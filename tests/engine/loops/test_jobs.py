"""Jobs through the loop: from the row to the row, with what they read, leave, say and cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from quinta.core.events import Event, EventName
from quinta.core.jobs.model import Job, JobStatus
from quinta.core.models.model import Application, VersionStatus
from quinta.core.observation.failures import Subject
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.archives.members import ArchiveLimits
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.storage.database import Database
from tests.engine.loops.scene import CLOCK, Scene, open_scene
from tests.engine.supervisor.conftest import QUICK, environments, sandbox
from tests.engine.supervisor.harness import until
from tests.processes import instances, kill_instances

__all__ = ["environments", "sandbox"]  # fixtures


@pytest.fixture
async def scene(database: Database, tmp_path: Path, environments: Path, sandbox: Sandbox) -> AsyncIterator[Scene]:
    async with open_scene(database, tmp_path, environments, sandbox) as opened:
        yield opened


async def test_a_job_from_the_row_to_the_row(scene: Scene) -> None:
    client = await scene.project("client")
    repository = await scene.repository(client, {"table.csv": "a,b", "folder/other.csv": "c"})
    job = await scene.queue(repository, {"table.csv": "a,b,c"}, do="copy", name="table.csv")
    async with scene.server():
        done = await scene.ended(job)
        assert (done.status, done.result, done.error_message) == (JobStatus.FINISHED, '{"size":5}', None)
        assert done.reason == Reason.COMPLETED
        assert done.started_at is not None
        assert done.finished_at is not None
        assert job.created_at <= done.started_at <= done.finished_at
        # All there as soon as the row says so.
        assert await scene.files(done.output_key) == {"folder/table.csv": "a,b,c"}
        (log,) = (await scene.files(done.logs_key)).values()
    texts = [line.partition("Z ")[2] for line in log.splitlines()]
    assert texts[0].startswith("SYSTEM   an instance started in ")
    assert "INFO     application: copying table.csv" in texts
    assert texts[-1].startswith("SYSTEM   the job finished after ")
    assert {line.project_id for line in await scene.lines(job)} == {client.id}


async def test_a_job_counts_in_the_clients_project(scene: Scene) -> None:
    client = await scene.project("client")
    repository = await scene.repository(client)
    async with scene.server():
        await scene.ended(await scene.queue(repository, do="copy", name="table.csv"))
        await scene.ended(await scene.queue(repository, do="fail"))
    metered = await scene.metered(client)
    assert (metered["requests"], metered["failed_requests"], metered["outputs"]) == (2, 1, 1)
    assert metered["gb_seconds"] > 0
    assert metered["output_volume"] == len('{"size":3}') + 3
    assert await scene.metered(scene.tenant.project) == {}
    assert scene.failures.totals == {(Subject.JOB, Reason.MODEL_ERROR): 1}


async def test_a_job_that_fails_keeps_its_log_and_no_output(scene: Scene) -> None:
    job = await scene.queue(await scene.repository(await scene.project("client")), do="fail")
    async with scene.server():
        done = await scene.ended(job)
    assert (done.status, done.reason, done.error_message) == (JobStatus.FAILED, Reason.MODEL_ERROR, "no good")
    assert (done.result, done.output_key) == (None, None)
    (log,) = (await scene.files(done.logs_key)).values()
    assert "Traceback (most recent call last):" in log
    assert log.splitlines()[-2].endswith("ValueError: no good")
    assert log.splitlines()[-1].endswith("SYSTEM   the job failed: no good [model_error]")


async def test_the_files_of_the_log_folder_are_beside_the_lines(scene: Scene) -> None:
    job = await scene.queue(await scene.repository(await scene.project("client")), do="logs")
    async with scene.server():
        files = await scene.files((await scene.ended(job)).logs_key)
    assert files["own.log"] == "of the code"
    assert files["1-execution.log"] == "pretends to be the platform's"
    assert "OUTPUT   printed\n" in files["execution.log"]
    assert "ERROR    application: logged\n" in files["execution.log"]


async def test_nothing_left_is_no_output(scene: Scene) -> None:
    job = await scene.queue(await scene.repository(await scene.project("client")), do="nothing")
    async with scene.server():
        done = await scene.ended(job)
    assert (done.result, done.output_key) == ("null", None)


async def test_links_in_the_output_lead_nowhere(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    repository = await scene.repository(await scene.project("client"))
    job = await scene.queue(repository, do="link", target=str(tmp_path / "secret"))
    async with scene.server():
        assert await scene.files((await scene.ended(job)).output_key) == {"real": "real"}


async def test_output_beyond_the_limits_fails_the_job_and_logs_beyond_them_are_left_out(
    database: Database, tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    few = ZipArchives(ArchiveLimits(entries=3))
    async with open_scene(database, tmp_path, environments, sandbox, archives=few) as scene:
        repository = await scene.repository(await scene.project("client"))
        async with scene.server():
            done = await scene.ended(await scene.queue(repository, do="spill", output=4, logs=1))
            assert (done.status, done.reason, done.output_key) == (JobStatus.FAILED, Reason.OUTPUT_TOO_LARGE, None)
            assert sorted(await scene.files(done.logs_key)) == ["0", "execution.log"]
            done = await scene.ended(await scene.queue(repository, do="spill", output=3, logs=4))
            assert (done.status, len(await scene.files(done.output_key))) == (JobStatus.FINISHED, 3)
            files = await scene.files(done.logs_key)
            assert list(files) == ["execution.log"]
            assert "The files of the log folder are left out." in files["execution.log"].splitlines()[-1]


async def test_inputs_that_are_gone_fail_the_job(scene: Scene) -> None:
    repository = await scene.repository(await scene.project("client"))
    assert repository.archive_key is not None
    await scene.objects.delete(repository.archive_key)
    job = await scene.queue(repository, do="nothing")
    async with scene.server():
        done = await scene.ended(job)
    assert (done.status, done.reason) == (JobStatus.FAILED, Reason.INPUT_UNAVAILABLE)
    assert done.logs_key is not None


async def test_a_job_waits_until_its_application_is_built(scene: Scene) -> None:
    built = await scene.pinned()
    unbuilt = await scene.add_application("Other", VersionStatus.BUILDING)
    repository = await scene.repository(await scene.project("client"))
    first = await scene.queue(repository, application=unbuilt, do="nothing")
    second = await scene.queue(repository, application=built, do="nothing")
    async with scene.server():
        assert (await scene.ended(second)).status is JobStatus.FINISHED
        assert (await scene.get(first)).status is JobStatus.QUEUED
        await scene.set_build(unbuilt.version_id)
        assert (await scene.ended(first)).status is JobStatus.FINISHED


async def test_a_job_whose_application_cannot_be_built_fails(scene: Scene) -> None:
    failed = await scene.add_application("Other", VersionStatus.BUILDING_FAILED, "no such thing", Reason.NO_MODEL_FILE)
    job = await scene.queue(await scene.repository(await scene.project("client")), application=failed)
    async with scene.server():
        done = await scene.ended(job)
    assert (done.status, done.reason) == (JobStatus.FAILED, Reason.NO_MODEL_FILE)
    assert "no such thing" in (done.error_message or "")
    assert list(await scene.files(done.logs_key)) == ["execution.log"]


async def test_a_job_whose_instance_is_killed_runs_once_more(scene: Scene) -> None:
    repository = await scene.repository(await scene.project("client"))
    job = await scene.queue(repository, do="hang")
    async with scene.server():
        await scene.said(job, "hanging")
        assert kill_instances() == 1
        await scene.said(job, "the job is run again: ")
        await until(kill_instances, "it runs again")
        done = await scene.ended(job)
    assert done.reason in (Reason.KILLED, Reason.START_KILLED_BY_SIGNAL)


async def test_a_deleted_job_is_stopped(scene: Scene) -> None:
    repository = await scene.repository(await scene.project("client"))
    job = await scene.queue(repository, do="hang")
    async with scene.server() as server:
        await scene.said(job, "hanging")
        async with scene.database.begin() as work:
            await work.of(Job, EVERYTHING).remove(id=job.id)
            work.emit(Event(EventName.JOB_DELETED, job.id, (f"job:{job.id}",), None, job.project_id))
        await until(lambda: not server.loop.in_flight and not instances(), "it is stopped")


async def test_the_jobs_of_a_deleted_project_are_stopped(scene: Scene) -> None:
    client = await scene.project("client")
    job = await scene.queue(await scene.repository(client), do="hang")
    other = await scene.queue(await scene.repository(await scene.project("other")), do="hang")
    async with scene.server() as server:
        await scene.said(job, "hanging")
        await scene.said(other, "hanging")
        async with scene.database.begin() as work:
            await work.of(Project, EVERYTHING).remove(id=client.id)
            work.emit(Event(EventName.PROJECT_DELETED, client.id, (f"project:{client.id}",), None, client.id))
        await until(lambda: server.loop.in_flight == 1, "one is stopped")
        assert (await scene.get(other)).status is JobStatus.STARTED


async def test_a_suspended_organization_runs_nothing_and_goes_on_when_it_is_active_again(scene: Scene) -> None:
    repository = await scene.repository(await scene.project("client"))
    job = await scene.queue(repository, do="hang")
    async with scene.server() as server:
        await scene.said(job, "hanging")
        await _set_status(scene, OrganizationStatus.SUSPENDED)
        await until(lambda: not server.loop.in_flight and not instances(), "it is stopped")
        waiting = await scene.queue(repository, do="nothing")
        await _set_status(scene, OrganizationStatus.ACTIVE)
        assert (await scene.ended(waiting)).status is JobStatus.FINISHED
        assert (await scene.get(job)).status is JobStatus.STARTED


async def _set_status(scene: Scene, status: OrganizationStatus) -> None:
    organization_id = scene.tenant.organization.id
    async with scene.database.begin() as work:
        await work.of(Organization, EVERYTHING).change(organization_id, status=status)
        tags = (f"organization:{organization_id}",)
        work.emit(Event(EventName.ORGANIZATION_CHANGED, organization_id, tags, None))


async def test_a_stopping_server_gives_a_job_back_and_it_is_never_queued_again(scene: Scene) -> None:
    repository = await scene.repository(await scene.project("client"))
    job = await scene.queue(repository, do="hang")
    async with scene.server():
        await scene.said(job, "hanging")
    left = await scene.get(job)
    assert (left.status, left.attempts, left.lease_token) == (JobStatus.STARTED, 0, None)
    assert left.lease_expires_at is not None
    assert left.lease_expires_at <= CLOCK.now()
    async with scene.database.begin() as work:
        await work.of(Job, EVERYTHING).change(job.id, params='{"do": "nothing"}')
    async with scene.server():
        done = await scene.ended(job)
    assert (done.status, done.started_at) == (JobStatus.FINISHED, left.started_at)


async def test_what_a_killed_server_held_runs_again_and_is_given_up_in_the_end(scene: Scene) -> None:
    repository = await scene.repository(await scene.project("client"))
    held = {"status": JobStatus.STARTED, "lease_token": "gone", "lease_expires_at": CLOCK.now().replace(year=2999)}
    job, doomed = [await scene.queue(repository, do="nothing") for _ in range(2)]
    async with scene.database.begin() as work:
        await work.of(Job, EVERYTHING).change(job.id, **held, attempts=1)
        await work.of(Job, EVERYTHING).change(doomed.id, **held, attempts=99)
    async with scene.server() as server:
        assert await server.loop.release_abandoned() == 2
        assert (await scene.get(job)).status is not JobStatus.QUEUED
        assert (await scene.ended(job)).status is JobStatus.FINISHED
        assert (await scene.ended(doomed)).reason == Reason.GIVEN_UP


async def test_no_project_takes_all_places(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quinta.engine.loops.jobs.at_a_time", lambda: 4)
    repositories = [await scene.repository(await scene.project(f"client-{n}")) for n in range(3)]
    jobs = [await scene.queue(repositories[0], do="hang") for _ in range(4)]
    async with scene.server():
        for job in jobs[:2]:
            await scene.when(job, lambda now: now.status is JobStatus.STARTED)
        for repository in repositories[1:]:
            later = await scene.queue(repository, do="nothing")
            assert (await scene.ended(later)).status is JobStatus.FINISHED
        for job in jobs[2:]:
            assert (await scene.get(job)).status is JobStatus.QUEUED


async def test_the_time_limit_of_the_application_ends_a_job(scene: Scene) -> None:
    async with scene.database.begin() as work:
        await work.of(Application, EVERYTHING).change(scene.application.id, time_limit_seconds=1)
    job = await scene.queue(await scene.repository(await scene.project("client")), do="hang")
    async with scene.server():
        done = await scene.ended(job)
    assert (done.reason, done.error_message) == (
        Reason.RUN_TIMEOUT,
        "timed out after 1 s: the code was still running",
    )


async def test_a_job_without_room_waits_for_it(
    database: Database, tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    policy = replace(QUICK, memory_megabytes=256, start_timeout_seconds=1.0)
    async with open_scene(database, tmp_path, environments, sandbox, policy=policy) as scene:
        repository = await scene.repository(await scene.project("client"))
        first = await scene.queue(repository, do="hang")
        async with scene.server() as server:
            await scene.said(first, "hanging")
            second = await scene.queue(repository, do="nothing")
            await scene.said(second, "the job waits: ")
            server.loop.cancel(first.id)
            assert (await scene.ended(second)).status is JobStatus.FINISHED
