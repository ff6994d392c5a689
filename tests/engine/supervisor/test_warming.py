"""Instances that are warmed for a rollout, with real processes: ready, watched, kept, let go."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from quinta.core.reasons import Failure, Reason
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import QUICK, open_world
from tests.engine.supervisor.harness import SHELF, World, until, version_of

DIES_SOON = """
import os
import threading


class Model:
    def __init__(self):
        threading.Timer(0.3, os._exit, (9,)).start()

    def request(self, data):
        return {"y": data["x"]}
"""


async def test_as_many_as_asked_are_ready_and_stay_beyond_the_versions_own_numbers(world: World) -> None:
    version = version_of("good", maximum_idle_seconds=0)
    assert await world.supervisor.warm(version, 2) is None
    assert world.pool("good").ready == 2
    names = {path.name for path in (world.root / "instances").iterdir()}
    assert await world.supervisor.warm(version, 2) is None, "they are there already"
    assert await world.value(version, 21) == 42
    assert {path.name for path in (world.root / "instances").iterdir()} == names


async def test_none_asked_is_one(world: World) -> None:
    assert await world.supervisor.warm(version_of("good"), 0) is None
    assert world.pool("good").ready == 1


async def test_they_serve_and_then_the_versions_own_numbers_hold(world: World) -> None:
    version = version_of("good", maximum_idle_seconds=0)
    assert await world.supervisor.warm(version, 2) is None
    world.supervisor.apply(replace(version, minimum_instances=1, maximum_instances=2))
    world.supervisor.let_go(version.version_id, serves=True)
    await until(lambda: world.pool("good").ready == 1 and not world.pool("good").stopping, "one is above the minimum")
    assert await world.value(version, 1) == 2


async def test_after_a_failed_rollout_there_are_as_many_as_before(world: World) -> None:
    version = version_of("good", maximum_instances=3)
    assert await world.value(version, 1) == 2
    assert await world.supervisor.warm(version, 3) is None
    assert world.pool("good").ready == 3
    world.supervisor.let_go(version.version_id, serves=False)
    await until(lambda: world.pool("good").ready == 1 and not world.pool("good").stopping, "what was warmed is gone")
    assert world.logs.said("the rollout that it was warmed for failed")
    assert await world.value(version, 1) == 2


async def test_a_start_that_fails_is_told(world: World) -> None:
    failure = await world.supervisor.warm(version_of("raises_in_init"), 1)
    assert failure is not None
    assert failure.reason is Reason.START_CONSTRUCTOR_ERROR
    assert "weights.bin is missing" in failure.message
    await world.unharmed()


async def test_one_that_dies_soon_after_its_start_is_told(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    package = tmp_path / "packages" / "dies_soon"
    package.mkdir(parents=True)
    (package / "model.py").write_text(DIES_SOON)
    policy = replace(QUICK, watch_seconds=20.0)
    async with open_world(tmp_path, environments, sandbox, policy, package.parent) as world:
        failure = await world.supervisor.warm(version_of("dies_soon"), 1)
        assert failure is not None
        assert (failure.reason, "9" in failure.message) == (Reason.EXITED, True)


async def test_as_many_as_there_is_memory_for_are_enough(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    policy = replace(QUICK, memory_megabytes=600)
    async with open_world(tmp_path, environments, sandbox, policy, SHELF) as world:
        serving = version_of("returns_input", minimum_instances=1)
        world.supervisor.apply(serving)
        await until(lambda: world.pool("returns_input").ready == 1, "it serves")
        assert await world.supervisor.warm(version_of("good"), 5) is None
        assert world.pool("good").ready == 1
        assert world.pool("returns_input").ready == 1, "what serves keeps its place"


async def test_one_whose_place_was_taken_back_is_enough(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    """Memory for one instance, and callers who keep that busy: they are answered, and the rollout does not wait on."""
    async with open_world(tmp_path, environments, sandbox, replace(QUICK, memory_megabytes=300), SHELF) as world:
        serving, answers, enough = version_of("good"), list[int](), asyncio.Event()

        async def call() -> None:
            while not enough.is_set():
                answers.append(await world.value(serving, 21))

        callers = [asyncio.create_task(call()) for _ in range(4)]
        await until(lambda: answers, "it serves")
        assert await world.supervisor.warm(version_of("returns_input"), 1) is None
        enough.set()
        await asyncio.gather(*callers)
        assert set(answers) == {42}


async def test_a_version_that_is_deleted_meanwhile_is_not_warm(world: World) -> None:
    version = version_of("hangs_at_import")
    warming = asyncio.create_task(world.supervisor.warm(version, 1))
    await until(lambda: "version-hangs_at_import" in world.supervisor.snapshot(), "it is being warmed")
    await world.supervisor.retire(version.version_id, Reason.VERSION_DELETED)
    failure = await warming
    assert isinstance(failure, Failure)


async def test_other_numbers_of_the_same_revision_are_taken(world: World) -> None:
    version = version_of("good", minimum_instances=1, maximum_instances=3)
    world.supervisor.apply(version)
    await until(lambda: world.pool("good").ready == 1, "the minimum is ready")
    (instance,) = (world.root / "instances").iterdir()
    world.supervisor.apply(replace(version, minimum_instances=3))
    await until(lambda: world.pool("good").ready == 3, "the new minimum is ready")
    assert instance in (world.root / "instances").iterdir(), "nothing is replaced"
    world.supervisor.apply(replace(version, maximum_instances=1))
    await until(lambda: world.pool("good").ready == 1 and not world.pool("good").stopping, "the new maximum holds")
    world.supervisor.apply(replace(version, revision=0, minimum_instances=2))
    assert world.supervisor.versions()[version.version_id].minimum_instances == 1, "an older revision is ignored"
