"""kill -9 of an instance: one request fails with the reason, all others are answered, and nothing it said is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

from quinta.core.reasons import Reason
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import open_world
from tests.engine.supervisor.harness import World, until, version_of
from tests.processes import kill_instances

LINE = "x" * 63
LINES = 1024
CODE = f"""
import time

class Model:
    def request(self, data):
        if data["x"] < 0:
            print("\\n".join(["{LINE}"] * {LINES}), flush=True)
            time.sleep(3600)
        return {{"y": data["x"]}}
"""


async def test_a_killed_instance_fails_one_request_and_its_last_words_are_kept(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    (tmp_path / "packages" / "talks").mkdir(parents=True)
    (tmp_path / "packages" / "talks" / "model.py").write_text(CODE)
    async with open_world(tmp_path, environments, sandbox, packages=tmp_path / "packages") as world:
        assert await world.value("talks", 1) == 1
        killed = asyncio.create_task(world.run("talks", {"x": -1}, id="killed"))
        await until(lambda: world.logs.of("killed"), "it talks")
        queued = [asyncio.create_task(world.value("talks", x)) for x in (2, 3, 4)]
        await until(lambda: world.pool("talks").waiting == 3, "three wait")
        assert kill_instances() == 1
        outcome = await killed
        assert not any(task.done() for task in queued), "the killed one is told first"
        assert (outcome.reason, outcome.error_message) == (
            Reason.KILLED,
            "the instance ended with signal 9 (SIGKILL) during the request",
        )
        assert await asyncio.gather(*queued) == [2, 3, 4]
        assert await world.value("talks", 5) == 5
        await until(lambda: len(world.logs.of("killed")) >= LINES, "all that it printed is kept")
        assert world.logs.of("killed") == [LINE] * LINES


async def test_a_killed_idle_instance_is_replaced_and_nobody_notices(world: World) -> None:
    version = version_of("good", minimum_instances=1)
    assert await world.value(version, 1) == 2
    assert kill_instances() == 1
    await until(lambda: world.logs.said("signal 9 (SIGKILL)"), "its death is in the log")
    assert await world.value(version, 2) == 4
    assert world.pool("good").failures == 0
