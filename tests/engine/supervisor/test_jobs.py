"""One-shot jobs with real processes: what they get, what they leave, and every way in which they end."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from quinta.core.jobs.model import JobRun
from quinta.core.models.model import JobFolders, RunnableVersion
from quinta.core.reasons import TIMEOUTS, Reason
from quinta.core.requests.outcome import RunOutcome
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.sandbox import Limits, Sandbox
from tests.engine.supervisor.conftest import QUICK, open_world
from tests.engine.supervisor.harness import PATIENCE_SECONDS, World, until, version_of
from tests.processes import kill_instances

APPLICATION = version_of("misbehaving_application")
_SANDBOXES = {"best": {}, "without bubblewrap": {"use_bwrap": False}}


@dataclass
class Started:
    """A job that was given to a supervisor."""

    id: str
    folders: JobFolders
    task: asyncio.Task[RunOutcome]

    @property
    def output(self) -> Path:
        return self.folders.results / "output"

    @property
    def logs(self) -> Path:
        return self.folders.results / "logs"

    def left(self) -> list[str]:
        """Paths in the output folder."""
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*"))


def begin(
    world: World, id: str, *, version: RunnableVersion = APPLICATION, limit: float = PATIENCE_SECONDS, **params: Any
) -> Started:
    folders = JobFolders(world.root / id / "inputs", world.root / id / "results")
    for folder in (folders.inputs, folders.results):
        folder.mkdir(parents=True)
    (folders.inputs / "table.csv").write_text("a,b")
    run = JobRun(id, json.dumps(params).encode(), limit)
    return Started(id, folders, asyncio.create_task(world.supervisor.run_job(version, run, folders)))


async def finish(world: World, id: str, **params: Any) -> tuple[Started, RunOutcome]:
    started = begin(world, id, **params)
    return started, await started.task


@pytest.fixture(params=_SANDBOXES, ids=str)
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return detect(**_SANDBOXES[request.param])


async def test_a_job_reads_inputs_and_leaves_output_and_logs(
    tmp_path: Path, environments: Path, any_sandbox: Sandbox
) -> None:
    async with open_world(tmp_path, environments, any_sandbox) as world:
        job, outcome = await finish(world, "one", do="copy", name="table.csv")
        assert (outcome.reason, outcome.result) == (Reason.COMPLETED, b'{"size":3}')
        assert job.left() == ["folder", "folder/table.csv"]
        assert (job.output / "folder" / "table.csv").read_text() == "a,b"
        assert list(job.logs.iterdir()) == []
        assert world.logs.of("one") == ["INFO application: copying table.csv"]
        assert world.logs.of(None, system=True) == [], "every line of the platform is of the job too"
        assert list((world.root / "instances").iterdir()) == []
        assert world.supervisor.capacity.held == 0
        await world.unharmed()


@pytest.mark.parametrize(("do", "result"), [("nothing", b"null"), ("logs", b"1")])
async def test_any_result_is_one(world: World, do: str, result: bytes) -> None:
    job, outcome = await finish(world, "job", do=do)
    assert outcome.result == result
    assert sorted(path.name for path in job.logs.iterdir()) == (["execution.log", "own.log"] if do == "logs" else [])


async def test_a_large_result_comes_through_and_one_too_large_fails(world: World) -> None:
    _, outcome = await finish(world, "large", do="large", size=6 << 20)
    assert outcome.result is not None
    assert len(outcome.result) == (6 << 20) + 2
    _, outcome = await finish(world, "too-large", do="large", size=16 << 20)
    assert outcome.reason is Reason.RESULT_TOO_LARGE


@pytest.mark.parametrize(
    ("do", "reason", "message"),
    [
        ("fail", Reason.MODEL_ERROR, "no good"),
        ("call_exit", Reason.MODEL_CALLED_EXIT, "the code called sys.exit('enough')"),
        ("leave", Reason.EXITED, "the instance ended with exit code 3 during the request"),
        ("grow", Reason.MEMORY, "the instance needed more memory than its 256 MB and was killed during the request"),
    ],
)
async def test_a_job_that_fails_says_why_and_harms_nobody(world: World, do: str, reason: Reason, message: str) -> None:
    job, outcome = await finish(world, "job", do=do)
    assert (outcome.reason, outcome.error_message) == (reason, message)
    assert job.left() == (["half.txt"] if do == "fail" else [])
    if do == "fail":
        assert world.logs.of("job")[-1] == "ValueError: no good"
    await world.unharmed()


async def test_the_time_limit_begins_with_the_code_and_ends_it(world: World) -> None:
    _, outcome = await finish(world, "job", do="hang", limit=0.5)
    assert outcome.reason is Reason.RUN_TIMEOUT
    assert outcome.error_message == "timed out after 0.5 s: the code was still running"
    assert 0.5 <= outcome.seconds < PATIENCE_SECONDS
    assert world.logs.of("job") == ["hanging"]


async def test_waiting_for_room_does_not_count(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    policy = replace(QUICK, memory_megabytes=256)
    async with open_world(tmp_path, environments, sandbox, policy) as world:
        first = begin(world, "first", do="hang", limit=2.0)
        await until(lambda: world.logs.of("first"), "the first runs")
        second = begin(world, "second", do="nothing", limit=1.0)
        assert (await first.task).reason is Reason.RUN_TIMEOUT
        assert (await second.task).reason is Reason.COMPLETED


async def test_a_job_that_finds_no_room_says_so_without_having_run(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    policy = replace(QUICK, memory_megabytes=256, start_timeout_seconds=2.0)
    async with open_world(tmp_path, environments, sandbox, policy) as world:
        first = begin(world, "first", do="hang")
        await until(lambda: world.logs.of("first"), "the first runs")
        _, outcome = await finish(world, "second", do="nothing")
        assert outcome.reason is Reason.NO_ROOM
        assert outcome.reason in TIMEOUTS
        assert outcome.seconds == 0
        first.task.cancel()


async def test_a_job_larger_than_the_machine_is_refused(world: World) -> None:
    huge = replace(APPLICATION, memory_megabytes=1 << 20)
    _, outcome = await finish(world, "job", version=huge, do="nothing")
    assert outcome.reason is Reason.ALLOCATION_TOO_LARGE


async def test_kill_9_of_the_instance_ends_the_job(world: World) -> None:
    job = begin(world, "job", do="hang")
    await until(lambda: world.logs.of("job"), "it runs")
    assert kill_instances() == 1
    assert (await job.task).reason is Reason.KILLED
    assert job.left() == []


async def test_a_cancelled_job_is_gone_when_the_call_returns(world: World) -> None:
    job = begin(world, "job", do="hang")
    await until(lambda: world.logs.of("job"), "it runs")
    job.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job.task
    assert list((world.root / "instances").iterdir()) == []
    assert world.supervisor.capacity.held == 0
    again = begin(world, "again", do="nothing")
    assert (await again.task).success


async def test_nothing_goes_on_writing_after_the_end(world: World) -> None:
    job, outcome = await finish(world, "job", do="stay")
    assert outcome.result == b'"stayed"'
    before = {path: path.stat().st_mtime_ns for path in job.output.iterdir()}
    assert {path.name for path in before} == {"late", "thread"}
    await world.unharmed()
    assert {path: path.stat().st_mtime_ns for path in job.output.iterdir()} == before


async def test_inputs_cannot_be_changed(world: World) -> None:
    job, outcome = await finish(world, "job", do="write_inputs")
    assert json.loads(outcome.result or b"") in ("OSError", "PermissionError")
    assert [path.name for path in job.folders.inputs.iterdir()] == ["table.csv"]


async def test_links_are_moved_and_not_followed(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    job, outcome = await finish(world, "links", do="link", target=str(secret))
    assert outcome.success
    assert (job.output / "to_file").is_symlink()
    assert (job.output / "real").read_text() == "real"
    job, outcome = await finish(world, "replaced", do="replace_folder", target=str(tmp_path))
    assert outcome.success
    assert not job.output.is_symlink()
    assert list(job.output.iterdir()) == []
    assert secret.read_text() == "secret"


async def test_a_folder_that_the_code_has_closed_is_kept(world: World) -> None:
    job, outcome = await finish(world, "job", do="close_folder")
    assert outcome.success
    (job.output / "closed").chmod(0o700)
    assert job.left() == ["closed", "closed/kept", "kept"]


async def test_a_job_that_fills_the_disk_is_killed(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    limits = Limits(scratch_bytes=32 << 20, scratch_files=400, disk_reserve_bytes=0)
    async with open_world(tmp_path, environments, sandbox, replace(QUICK, limits=limits)) as world:
        _, outcome = await finish(world, "job", do="fill")
        assert outcome.reason is Reason.DISK
        await world.unharmed()


async def test_jobs_count_for_the_version_they_run_and_show_as_no_version(world: World) -> None:
    job = begin(world, "job", do="hang")
    await until(lambda: world.logs.of("job"), "it runs")
    assert world.supervisor.snapshot() == {}
    assert world.supervisor.versions() == {}
    ((version, pool),) = world.supervisor.jobs()
    assert (version.version_id, pool.busy, pool.waiting) == (APPLICATION.version_id, 1, 0)
    await until(lambda: world.meters.values.get((APPLICATION.version_id, "gb_seconds")), "it is metered")
    job.task.cancel()
    await asyncio.wait({job.task})
    await finish(world, "done", do="nothing")
    assert world.supervisor.jobs() == []
    assert world.supervisor.tally.versions()[APPLICATION.version_id].ran.count == 1


async def test_two_jobs_of_one_version_run_beside_each_other(world: World) -> None:
    jobs = [begin(world, name, do="hang") for name in ("one", "two")]
    await until(lambda: world.logs.of("one") and world.logs.of("two"), "both run")
    for job in jobs:
        job.task.cancel()
    await asyncio.wait({job.task for job in jobs})


async def test_closing_the_supervisor_ends_jobs_with_its_reason(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    async with open_world(tmp_path, environments, sandbox) as world:
        job = begin(world, "job", do="hang")
        await until(lambda: world.logs.of("job"), "it runs")
    assert (await job.task).reason is Reason.SERVER_STOPPING
    assert os.listdir(job.folders.results) != []
