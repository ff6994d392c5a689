"""Running one program of a build: its output, what it may see, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from pathlib import Path

import pytest

from quinta.engine.builds.command import Step, StepRunner
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.processes import scan
from quinta.engine.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module", params=["sandbox", "nothing"])
def runner(request: pytest.FixtureRequest, sandbox: Sandbox) -> StepRunner:
    """With everything that this machine has, and with what every machine has."""
    chosen = sandbox if request.param == "sandbox" else detect(use_bwrap=False, use_cgroups=False)
    return StepRunner(chosen, memory_megabytes=256, processes=64)


def shell(folder: Path, script: str, **others: object) -> Step:
    return Step(["/bin/sh", "-c", script], folder=folder, read_only=[], writable=[folder], **others)  # type: ignore[arg-type]


async def test_output_comes_line_by_line_and_the_exit_code_is_told(
    runner: StepRunner, tmp_path: Path, log: list[str]
) -> None:
    script = r"echo one; echo two >&2; echo; printf 'three  \r\n'; printf '\377 four'; exit 7"

    assert await runner.run(shell(tmp_path, script), log.append) == 7
    assert log == ["one", "two", "three", "\ufffd four"]


async def test_its_system_calls_are_filtered(sandbox: Sandbox, tmp_path: Path, log: list[str]) -> None:
    if sandbox.bwrap is None or not sandbox.seccomp:
        pytest.skip("needs bubblewrap and seccomp")
    runner = StepRunner(sandbox, memory_megabytes=256, processes=64)
    assert await runner.run(shell(tmp_path, "grep ^Seccomp: /proc/self/status; unshare --user true"), log.append) != 0
    assert log[0].split() == ["Seccomp:", "2"]
    assert "Operation not permitted" in log[1]
    assert await runner.run(shell(tmp_path, "touch made; chmod 755 made"), log.append) == 0


async def test_a_program_that_is_not_there_is_an_exit_code(runner: StepRunner, tmp_path: Path, log: list[str]) -> None:
    missing = Step(["/nonexistent/program"], folder=tmp_path, read_only=[], writable=[tmp_path])

    assert await runner.run(missing, log.append) != 0
    assert "/nonexistent/program" in "".join(log)


async def test_a_flood_is_cut_short(runner: StepRunner, tmp_path: Path, log: list[str]) -> None:
    script = "yes 0123456789 | head -n 1000000; head -c 10000 /dev/zero | tr '\\0' x"

    assert await runner.run(shell(tmp_path, script), log.append) == 0
    assert sum(map(len, log)) <= (4 << 20) + 100
    assert log[0] == "0123456789"
    assert "more lines were dropped" in log[-1]


async def test_a_line_without_an_end_comes_in_pieces(runner: StepRunner, tmp_path: Path, log: list[str]) -> None:
    await runner.run(shell(tmp_path, "head -c 10000 /dev/zero | tr '\\0' x"), log.append)

    assert [len(line) for line in log] == [4_000, 4_000, 2_000]


async def test_it_sees_the_given_environment_and_nothing_of_the_servers(
    runner: StepRunner, tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINTA_ADMIN_TOKEN", "secret")
    (tmp_path / "variables").write_text("export PASSWORD='p w'\n")
    step = shell(tmp_path, "env; pwd", environment={"GIVEN": "1"}, variables=tmp_path / "variables")

    await runner.run(step, log.append)

    assert {"GIVEN=1", "PASSWORD=p w", "HOME=/tmp", str(tmp_path)} <= set(log)
    assert "secret" not in "".join(log)


@pytest.fixture
def nap() -> str:
    """Seconds to sleep, by which the sleepers of one test are known."""
    return f"1000.{uuid.uuid4().int}"


async def test_cancelling_ends_the_whole_tree(runner: StepRunner, tmp_path: Path, nap: str) -> None:
    # A child that is waited for, one that leaves the session, one whose parent ends, and the program itself.
    script = f"sleep {nap} & setsid sleep {nap} & (sleep {nap} &) ; exec sleep {nap}"
    task = asyncio.ensure_future(runner.run(shell(tmp_path, script), lambda line: None))
    await until_there_are(4, nap)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until_there_are(0, nap)


async def test_cancelling_while_it_starts_ends_the_whole_tree(runner: StepRunner, tmp_path: Path, nap: str) -> None:
    """The program has children before the event loop has seen that it started: the loop stands still meanwhile."""
    task = asyncio.ensure_future(runner.run(shell(tmp_path, f"sleep {nap} & exec sleep {nap}"), lambda line: None))
    end = time.monotonic() + 20
    while not any(nap.encode() in command for command in commands().values()):
        assert time.monotonic() < end
        await asyncio.sleep(0)
    while len(sleepers(nap)) != 2:
        assert time.monotonic() < end

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 20)

    await until_there_are(0, nap)


async def test_what_it_leaves_behind_ends_with_it(runner: StepRunner, tmp_path: Path, nap: str) -> None:
    script = f"(setsid sleep {nap} > /dev/null 2>&1 &) ; sleep {nap} > /dev/null 2>&1 & echo started"
    lines: list[str] = []

    assert await runner.run(shell(tmp_path, script), lines.append) == 0

    assert lines == ["started"]
    await until_there_are(0, nap)


async def test_cgroups_are_removed_and_limit_memory(sandbox: Sandbox, tmp_path: Path, log: list[str]) -> None:
    if sandbox.cgroups is None:
        pytest.skip("no writable cgroups here")
    greedy = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo done"
    small, large = StepRunner(sandbox, memory_megabytes=64, processes=64), StepRunner(sandbox, 2_048, 64)

    assert await small.run(shell(tmp_path, greedy), log.append) != 0
    assert "over its memory of 64 MB" in log[-1]
    assert await large.run(shell(tmp_path, greedy), log.append) == 0
    assert log[-1] == "done"


def commands() -> dict[int, bytes]:
    found = {}
    for process in scan():
        with contextlib.suppress(OSError):
            found[process] = Path(f"/proc/{process}/cmdline").read_bytes()
    return found


def sleepers(nap: str) -> list[int]:
    return [process for process, command in commands().items() if command == f"sleep\0{nap}\0".encode()]


async def until_there_are(count: int, nap: str) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while len(sleepers(nap)) != count:
        assert asyncio.get_running_loop().time() < deadline, sleepers(nap)
        await asyncio.sleep(0.01)
