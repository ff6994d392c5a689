"""Processes and memory: what an instance starts ends with it, and it gets no more than its allocation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from quinta.core.reasons import Reason
from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.processes import look, marked
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import QUICK, open_world
from tests.engine.supervisor.harness import World, descendants, until, version_of

_SANDBOXES = {
    "best": {},
    "without cgroups": {"use_cgroups": False},
    "without bubblewrap": {"use_bwrap": False},
    "plain": {"use_bwrap": False, "use_cgroups": False},
}


@pytest.fixture(params=_SANDBOXES, ids=str)
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return detect(**_SANDBOXES[request.param])


@pytest.mark.parametrize("package", ["forks_children", "forks_and_returns_twice", "daemonises_child"])
async def test_children_end_with_their_instance(
    tmp_path: Path, environments: Path, any_sandbox: Sandbox, package: str
) -> None:
    async with open_world(tmp_path, environments, any_sandbox) as world:  # which looks for processes at its end
        assert [await world.value(package, x) for x in (1, 2, 3)] == [1, 2, 3]
        (instance,) = os.listdir(world.root / "instances")
        if any_sandbox.bwrap is None and package == "daemonises_child":
            await until(lambda: len(marked(instance)) == 4, "the worker and three daemons are there")
        await world.supervisor.retire(f"version-{package}", Reason.VERSION_DELETED)
        assert marked(instance) == []
        await world.unharmed()


async def test_a_leak_is_stopped_at_the_allocation(tmp_path: Path, environments: Path, any_sandbox: Sandbox) -> None:
    async with open_world(tmp_path, environments, any_sandbox) as world:
        version = version_of("leaks_memory", memory_megabytes=64)
        assert await world.value(version, 1) == 1
        outcome = await world.ask(version, -1)
        assert outcome.reason is Reason.MEMORY
        # Where nothing limits it exactly, the backstop on the data segment may come before the watch.
        if any_sandbox.cgroups or outcome.error_message != "MemoryError":
            text = "the instance needed more memory than its 64 MB and was killed during the request"
            assert outcome.error_message == text
        assert await world.value(version, 2) == 2
        await world.unharmed()


@pytest.mark.parametrize("name", ["best", "without cgroups"])
async def test_a_fork_bomb_is_bounded(tmp_path: Path, environments: Path, name: str) -> None:
    sandbox = detect(**_SANDBOXES[name])
    if sandbox.bwrap is None:
        pytest.skip("without namespaces only the watch bounds it")
    async with open_world(tmp_path, environments, sandbox) as world:
        bomb = asyncio.create_task(world.ask("fork_bomb", -1))
        most = 0
        while not bomb.done():
            most = max(most, len(descendants()))
            await asyncio.sleep(0.005)
        outcome = await bomb
        if sandbox.cgroups is not None and "pids" in sandbox.cgroups.parents:
            assert outcome.result == b'{"y":1}'  # the fork that was too much failed
            assert most <= 64 + 8
        else:
            assert outcome.success or "and was killed" in (outcome.error_message or "")
            # The watch looks at intervals: it may see what the bomb left only during the next request.
            await world.ask("fork_bomb", 1)
        assert await world.value("fork_bomb", 1) == 1
        await world.unharmed()


async def test_when_the_server_is_killed_its_instances_end(
    tmp_path: Path, environments: Path, any_sandbox: Sandbox
) -> None:
    """kill -9, then a new supervisor on the same folders: nothing of the old one is left."""
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from tests.engine.supervisor.killed_server import main; main(sys.argv[1:])",
        str(tmp_path),
        str(environments),
        "bwrap" if any_sandbox.bwrap else "plain",
        "cgroups" if any_sandbox.cgroups else "plain",
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert server.stdout is not None
    assert await asyncio.wait_for(server.stdout.readline(), 30) == b"busy\n"
    instances = os.listdir(tmp_path / "instances")
    mine = descendants(server.pid)
    assert len(instances) == 2
    assert len(mine) >= 2
    server.kill()
    await server.wait()
    if any_sandbox.bwrap:  # they end by themselves, whether or not a server comes back
        await until(lambda: not [p for p in mine if _alive(p)], "instances die with their server")
    async with open_world(tmp_path, environments, any_sandbox) as world:
        assert list((tmp_path / "instances").iterdir()) == []
        assert list((tmp_path / "staging").iterdir()) == []
        await until(lambda: not [p for p in mine if _alive(p)], "instances are reaped")
        assert [process for name in instances for process in marked(name)] == []
        await world.unharmed()


def _alive(process_id: int) -> bool:
    process = look(process_id)
    return process is not None and not process.zombie


async def test_a_record_of_another_process_kills_nobody(
    tmp_path: Path, environments: Path, any_sandbox: Sandbox
) -> None:
    bystander = await asyncio.create_subprocess_exec("sleep", "3600")
    try:
        folder = tmp_path / "instances" / "old"
        folder.mkdir(parents=True)
        (folder / "process.json").write_text(f'{{"process": {bystander.pid}, "start_time": 1}}')
        (tmp_path / "instances" / "broken").mkdir()
        (tmp_path / "instances" / "broken" / "process.json").write_text("{")
        async with open_world(tmp_path, environments, any_sandbox) as world:
            await world.unharmed()
        assert bystander.returncode is None
        assert _alive(bystander.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            bystander.send_signal(signal.SIGKILL)
        await bystander.wait()


async def test_an_instance_sees_nothing_of_the_server(
    world: World, sandbox: Sandbox, environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sandbox.bwrap is None:
        pytest.skip("needs bubblewrap")
    monkeypatch.setenv("QUINTA_ADMIN_TOKEN", "secret")
    version = version_of("looks_around", environment_variables={"TOKEN": "t", "LD_PRELOAD": "/nothing.so"})
    environment = await world.value(version, "environment")
    launchers = b"".join(Path(f"/proc/{process}/cmdline").read_bytes() for process in descendants())
    assert b"/quinta/work" in launchers
    assert b"nothing.so" not in launchers, "variables hold secrets, and command lines can be read by everybody"
    assert environment.pop("PATH").endswith(":/usr/local/bin:/usr/bin:/bin")
    assert environment.pop("VIRTUAL_ENV").endswith("/environment")
    assert environment == {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PWD": "/quinta/work",
        "TOKEN": "t",
        "LD_PRELOAD": "/nothing.so",
    }
    assert await world.value(version, "launcher environment") == ""
    assert await world.value(version, "user") == [65534, 65534]
    assert set(await world.value(version, "capabilities")) == {"0000000000000000"}
    assert len(await world.value(version, "processes")) <= 3
    assert set(await world.value(version, "list /tmp")) <= {environments.parts[2]}  # on the way to the environment
    assert await world.value(version, "list /quinta") == ["exchange", "work"]
    assert (await world.ask(version, f"list {tmp_path}")).reason is Reason.MODEL_ERROR
    for path in ("/x", "/dev/x", "/usr/x", "/opt/package/x", "/opt/quinta/quinta/worker/x", "/etc/x"):
        assert (await world.ask(version, f"write {path}")).reason is Reason.MODEL_ERROR, path
    for path in ("own", "/tmp/own", "/quinta/exchange/own"):
        assert await world.value(version, f"write {path}") == "written"
    assert await world.value(version, "run unshare --user true") != 0
    assert await world.value(version, "run true") == 0


async def test_the_constructor_gets_its_folder_and_context(world: World, sandbox: Sandbox) -> None:
    version = version_of("looks_around", environment_variables={"A": "b"})
    outcome = await world.ask(version, "context")
    (instance,) = os.listdir(world.root / "instances")
    work = "/quinta/work" if sandbox.bwrap else str(world.root / "instances" / instance / "work")
    assert outcome.result == (
        b'{"y":{"model":"shelf","version":"looks_around","project":"demo","input_type":"structured",'
        b'"output_type":"structured","input_fields":[{"name":"x","data_type":"double"}],'
        b'"output_fields":[{"name":"y","data_type":"double"}],"language":"python3.8",'
        b'"environment_variables":{"A":"b"}},"base":"%(work)s","cwd":"%(work)s"}' % {b"work": work.encode()}
    )


async def test_without_network_nothing_can_be_reached(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    if sandbox.bwrap is None:
        pytest.skip("needs bubblewrap")
    for network, found in ((True, True), (False, False)):
        async with open_world(tmp_path / str(network), environments, sandbox, replace(QUICK, network=network)) as world:
            names = await world.value("looks_around", "read /proc/net/dev")
            interfaces = {line.split(":")[0].strip() for line in names.splitlines()[2:]}
            assert (interfaces - {"lo"} != set()) is found or not found
            assert network or interfaces == {"lo"}
