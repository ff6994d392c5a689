"""Packages that end, hang or cannot start: the request gets its reason, everybody else is served."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from quinta.core.reasons import Failure, Reason
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import QUICK, open_world
from tests.engine.supervisor.harness import World, until, version_of


@pytest.mark.parametrize(
    ("package", "reason", "message"),
    [
        ("exits_at_import", Reason.START_EXITED, "the code called sys.exit(3)"),
        ("exits_in_init", Reason.START_EXITED, "the code called sys.exit('no licence')"),
        (
            "ends_process_at_import",
            Reason.START_EXITED,
            "the instance ended with exit code 7 while it was starting",
        ),
        ("raises_in_init", Reason.START_CONSTRUCTOR_ERROR, "FileNotFoundError: weights.bin is missing"),
        ("has_no_class", Reason.START_NO_MODEL_CLASS, "model.py has no class Model"),
        ("has_no_request", Reason.START_NO_REQUEST_METHOD, "the class Model in model.py has no method request"),
        ("has_no_model_file", Reason.START_NO_MODEL_FILE, "the package has no file model.py"),
    ],
)
async def test_a_start_that_fails_says_why(world: World, package: str, reason: Reason, message: str) -> None:
    outcome = await world.ask(package, 1)
    assert (outcome.reason, outcome.error_message) == (reason, message)
    assert await world.supervisor.probe(version_of(package, revision=2)) == Failure(reason, message)
    await world.unharmed()


async def test_a_syntax_error_and_wrong_arguments_are_named(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    (tmp_path / "packages" / "broken").mkdir(parents=True)
    (tmp_path / "packages" / "broken" / "model.py").write_text("class Model\n")
    async with open_world(tmp_path, environments, sandbox, packages=tmp_path / "packages") as world:
        outcome = await world.ask("broken", 1)
        assert outcome.reason is Reason.START_IMPORT_ERROR
        assert outcome.error_message is not None
        assert outcome.error_message.startswith("SyntaxError: ")
        assert any("SyntaxError" in line.text for line in world.logs.lines if not line.system)


async def test_a_constructor_that_wants_more_is_reported(world: World) -> None:
    outcome = await world.ask("wants_more_arguments", 1)
    assert outcome.reason is Reason.START_CONSTRUCTOR_ERROR
    assert outcome.error_message is not None
    assert "something_else" in outcome.error_message


async def test_a_missing_package_or_environment_fails_the_start(world: World) -> None:
    for version in (
        version_of("good", package_digest="gone"),
        version_of("good", version_id="v", environment_digest="gone"),
    ):
        outcome = await world.ask(version, 1)
        assert outcome.reason is Reason.START_IMPOSSIBLE
        assert outcome.error_message == (
            "the instance could not be started (No such file or directory); the server's own log says more"
        )


async def test_variables_larger_than_a_message_fail_the_start(world: World) -> None:
    outcome = await world.ask(version_of("good", environment_variables={"A": "a" * (2 << 20)}), 1)
    assert outcome.reason is Reason.START_IMPOSSIBLE
    assert "larger than a frame may be" in (outcome.error_message or "")
    assert await world.value(version_of("good", revision=2, environment_variables={"A": "a" * 100_000}), 1) == 2


async def test_after_failed_starts_requests_fail_at_once_until_the_pause_ends(world: World) -> None:
    world.supervisor.apply(version_of("exits_at_import", minimum_instances=1))
    await until(lambda: world.pool("exits_at_import").crash_looping, "the version is crash looping")
    await until(lambda: world.pool("exits_at_import").next_try_seconds > 0.1, "it pauses for longer")
    outcome = await world.ask("exits_at_import", 1)
    assert outcome.reason is Reason.CRASH_LOOPING
    assert outcome.error_message is not None
    assert "the code called sys.exit(3)" in outcome.error_message
    assert world.logs.said("no instance stays up: after 3 failures the next one is tried in ")
    failures = world.pool("exits_at_import").failures
    await until(lambda: world.pool("exits_at_import").failures > failures, "it is tried again by itself")
    # The next revision is repaired: it serves at once.
    repaired = version_of("good", version_id="version-exits_at_import", revision=2)
    assert await world.value(repaired, 4) == 8
    assert not world.pool("exits_at_import").crash_looping


@pytest.mark.parametrize(
    ("package", "reason", "message"),
    [
        ("ends_process_in_request", Reason.EXITED, "the instance ended with exit code 3 during the request"),
        (
            "kills_itself_in_request",
            Reason.KILLED_BY_SIGNAL,
            "the instance ended with signal 11 (SIGSEGV) during the request",
        ),
    ],
)
async def test_a_crash_fails_one_request_and_the_queue_goes_on(
    world: World, package: str, reason: Reason, message: str
) -> None:
    crash, *others = await asyncio.gather(*(world.ask(package, x) for x in (-1, 1, 2, 3)))
    assert (crash.reason, crash.error_message) == (reason, message)
    assert [other.result for other in others] == [b'{"y":1}', b'{"y":2}', b'{"y":3}']
    assert world.logs.said(f"{message} [{reason}]")
    await world.unharmed()


async def test_output_before_a_crash_is_kept_with_its_request(world: World) -> None:
    await world.run("ends_process_in_request", {"x": -1}, id="crash")
    assert world.logs.of("crash") == ["no newline at the end"]


async def test_an_instance_that_dies_while_idle_is_replaced(world: World) -> None:
    version = version_of("dies_when_idle", minimum_instances=1)
    assert await world.value(version, -1) == -1
    await until(lambda: world.logs.said("the instance ended with exit code 9"), "it dies")
    assert await world.value(version, 5) == 5
    assert world.pool("dies_when_idle").failures == 0


async def test_exit_in_a_request_fails_only_that_request(world: World) -> None:
    assert await world.value("exits_in_request", 1) == 1
    outcome = await world.ask("exits_in_request", -1)
    assert (outcome.reason, outcome.error_message) == (Reason.MODEL_CALLED_EXIT, "the code called sys.exit(4)")
    assert await world.value("exits_in_request", 2) == 2
    assert world.pool("exits_in_request").ready == 1


@pytest.mark.parametrize("package", ["hangs_in_request", "spins_in_request"])
async def test_code_past_the_time_out_is_killed_and_replaced(world: World, package: str) -> None:
    assert await world.value(package, 1) == 1
    outcome = await world.ask(package, -1, within=0.3)
    assert (outcome.reason, outcome.error_message) == (
        Reason.RUN_TIMEOUT,
        "timed out after 0.3 s: the code was still running",
    )
    assert await world.value(package, 2) == 2
    await world.unharmed()


async def test_a_time_out_in_the_queue_says_so(world: World) -> None:
    assert await world.value("hangs_in_request", 1) == 1
    running = asyncio.create_task(world.ask("hangs_in_request", -1, within=1))
    await until(lambda: world.pool("hangs_in_request").busy == 1, "it runs")
    queued = await world.ask("hangs_in_request", 1, within=0.1)
    assert (queued.reason, queued.error_message) == (
        Reason.QUEUE_TIMEOUT,
        "timed out after 0.1 s: the request waited for a free instance",
    )
    assert (await running).reason is Reason.RUN_TIMEOUT


async def test_a_time_out_during_the_start_says_so(world: World) -> None:
    outcome = await world.ask("hangs_at_import", 1, within=0.2)
    assert (outcome.reason, outcome.error_message) == (
        Reason.COLD_START_TIMEOUT,
        "timed out after 0.2 s: the instance was still starting",
    )
    await world.unharmed()


async def test_a_start_has_its_own_limit(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    async with open_world(tmp_path, environments, sandbox, replace(QUICK, start_timeout_seconds=0.3)) as world:
        outcome = await world.ask("hangs_at_import", 1)
        text = "the start took longer than 0.3 s"
        assert (outcome.reason, outcome.error_message) == (Reason.START_TOOK_TOO_LONG, text)


async def test_stop_has_a_limit(world: World) -> None:
    assert await world.value("hangs_in_stop", 1) == 1
    await world.supervisor.retire("version-hangs_in_stop", Reason.VERSION_DELETED)
    assert "version-hangs_in_stop" not in world.supervisor.snapshot()
    assert dict(world.supervisor.tally.total().ends) == {Reason.INSTANCE_STOPPED: 1}


async def test_retiring_ends_what_runs_and_what_waits(world: World) -> None:
    assert await world.value("hangs_in_request", 1) == 1
    asked = [asyncio.create_task(world.ask("hangs_in_request", -1)) for _ in range(3)]
    await until(lambda: world.pool("hangs_in_request").waiting == 2, "two wait")
    await world.supervisor.retire("version-hangs_in_request", Reason.VERSION_DELETED)
    assert {outcome.reason for outcome in await asyncio.gather(*asked)} == {Reason.VERSION_DELETED}
    await world.unharmed()


async def test_a_caller_that_goes_away_leaves_the_instance_in_order(world: World) -> None:
    assert await world.value("good", 1) == 2
    first, second = (asyncio.create_task(world.ask("good", 1)) for _ in range(2))
    await asyncio.sleep(0)  # both tasks run up to where they wait for their answer
    assert world.pool("good").waiting == 1
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await world.unharmed()
    assert world.pool("good").waiting == 0


@pytest.mark.parametrize("batch", [False, True])
async def test_a_cancelled_request_stops_running_and_the_next_one_is_served(world: World, batch: bool) -> None:
    assert await world.value("hangs_in_request", 1) == 1
    asked = asyncio.create_task(world.run("hangs_in_request", {"x": -1}, batch=batch))
    await until(lambda: world.pool("hangs_in_request").busy == 1, "it runs")
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert await world.value("hangs_in_request", 2) == 2
    assert world.logs.said(
        f"{'its request was cancelled' if batch else 'its caller hung up 0.1 s ago'} [{Reason.CANCELLED}]"
    )
    await world.unharmed()


@pytest.mark.parametrize("x", [-1, -2, -3, -4])
async def test_killing_everything_in_sight_harms_nobody_else(world: World, sandbox: Sandbox, x: int) -> None:
    if sandbox.bwrap is None:
        pytest.skip("without namespaces a package can kill what its user may kill")
    assert await world.value("good", 1) == 2
    outcome = await world.ask("kills_everything", x)
    assert outcome.reason in (Reason.COMPLETED, Reason.EXITED, Reason.KILLED, Reason.MODEL_ERROR)
    assert await world.value("kills_everything", 3) == 3
    assert await world.value("good", 1) == 2
    assert world.logs.said("an instance started")
    assert len([line for line in world.logs.lines if line.version_name == "good" and line.system]) == 1
