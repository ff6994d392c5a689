"""The same supervisor in the loop that production uses."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import uvloop

from quinta.core.reasons import Reason
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import open_world
from tests.engine.supervisor.harness import until, version_of


async def scenario(root: Path, environments: Path, sandbox: Sandbox) -> None:
    # With its first stream libuv opens a descriptor that it keeps in reserve; it is not one of ours.
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_unix_connection(sock=ours)
    writer.close()
    await writer.wait_closed()
    theirs.close()
    async with open_world(root, environments, sandbox) as world:
        await world.unharmed()
        crash, *others = await asyncio.gather(*(world.ask("ends_process_in_request", x) for x in (-1, 1, 2)))
        assert crash.reason is Reason.EXITED
        assert [other.result for other in others] == [b'{"y":1}', b'{"y":2}']
        assert await world.value("hangs_in_request", 1) == 1
        assert (await world.ask("hangs_in_request", -1, within=0.5)).reason is Reason.RUN_TIMEOUT
        assert (await world.ask("exits_at_import", 1)).reason is Reason.START_EXITED
        assert (await world.ask("writes_to_protocol", "garbage")).reason is Reason.PROTOCOL_BROKEN
        assert (await world.run("floods_stdout", {"x": -1}, id="flood")).success
        assert len(world.logs.of("flood", system=True)) == 1
        version = version_of("returns_strange", memory_megabytes=1024)
        assert len(await world.value(version, "huge")) == 12_000_000
        await world.run("prints_without_newline", {"x": 1}, id="r")
        assert world.logs.of("r") == ["partial of 1"]
        await world.ask("dies_when_idle", -1)
        await until(lambda: world.logs.said("the instance ended with exit code 9"), "it dies")
        await world.unharmed()


def test_everything_holds_in_uvloop(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario(tmp_path, environments, sandbox))
