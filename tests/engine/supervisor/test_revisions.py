"""Revisions, scaling, idling, probing and metering with real instances."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from quinta.core.reasons import Failure, Reason
from tests.engine.supervisor.harness import World, until, version_of


async def test_a_queue_makes_instances_up_to_the_maximum(world: World) -> None:
    version = version_of("good", maximum_instances=3)
    outcomes = await asyncio.gather(*(world.ask(version, x) for x in range(50)))
    assert [outcome.result for outcome in outcomes] == [f'{{"y":{2 * x}}}'.encode() for x in range(50)]
    await until(lambda: not world.pool("good").starting, "those that were started for the queue are ready")
    pool = world.pool("good")
    assert 1 <= pool.ready <= 3
    assert (pool.busy, pool.waiting) == (0, 0)


async def test_the_minimum_is_kept_and_the_rest_goes_when_idle(world: World) -> None:
    version = version_of("good", minimum_instances=1, maximum_instances=2, maximum_idle_seconds=0)
    world.supervisor.apply(version)
    await until(lambda: world.pool("good").ready == 1, "the minimum is ready")
    await asyncio.gather(*(world.ask(version, x) for x in range(20)))
    await until(lambda: world.logs.said("it had no request for 0 s") or world.pool("good").ready == 1, "one is left")
    await until(lambda: world.pool("good").ready == 1 and not world.pool("good").stopping, "one is left")
    world.supervisor.apply(replace(version, revision=2, minimum_instances=0))
    await until(lambda: world.pool("good").ready == 0, "none is left")
    assert await world.value(replace(version, revision=2, minimum_instances=0), 2) == 4


async def test_a_change_of_counts_keeps_the_instances(world: World) -> None:
    version = version_of("good")
    assert await world.value(version, 1) == 2
    (instance,) = (world.root / "instances").iterdir()
    world.supervisor.apply(replace(version, revision=2, maximum_instances=4, maximum_idle_seconds=10))
    assert await world.value(replace(version, revision=2, maximum_instances=4, maximum_idle_seconds=10), 1) == 2
    assert list((world.root / "instances").iterdir()) == [instance]


@pytest.mark.parametrize(
    "change", [{"package_digest": "returns_input"}, {"memory_megabytes": 300}, {"environment_variables": {"A": "b"}}]
)
async def test_a_change_of_what_runs_replaces_instances_without_a_failed_request(
    world: World, change: dict[str, object]
) -> None:
    old = version_of("good", maximum_instances=2)
    new = replace(old, revision=2, **change)  # type: ignore[arg-type]
    answers: set[bytes | None] = set()

    async def ask_on() -> None:
        while not replaced.is_set():
            outcome = await world.ask(old, 1)  # the caller's cache still has the old revision
            assert outcome.success, outcome
            answers.add(outcome.result)

    replaced = asyncio.Event()
    callers = [asyncio.create_task(ask_on()) for _ in range(4)]
    await until(lambda: answers, "the old revision answers")
    before = {path.name for path in (world.root / "instances").iterdir()}
    world.supervisor.apply(new)
    await until(
        lambda: before.isdisjoint(path.name for path in (world.root / "instances").iterdir()), "the old ones are gone"
    )
    assert (await world.ask(new, 1)).result == (b'{"y":1}' if "package_digest" in change else b'{"y":2}')
    replaced.set()
    await asyncio.gather(*callers)
    assert world.pool("good").revision == 2


async def test_a_revision_that_does_not_start_leaves_the_old_one_serving(world: World) -> None:
    version = version_of("good")
    assert await world.value(version, 1) == 2
    broken = replace(version, revision=2, package_digest="raises_in_init")
    assert await world.supervisor.probe(broken) == Failure(
        Reason.START_CONSTRUCTOR_ERROR, "FileNotFoundError: weights.bin is missing"
    )
    assert await world.value(version, 1) == 2
    world.supervisor.apply(broken)
    await until(lambda: world.pool("good").crash_looping, "the new revision does not start")
    assert await world.value(broken, 1) == 2
    repaired = replace(version, revision=3)
    assert await world.value(repaired, 2) == 4
    assert not world.pool("good").crash_looping


async def test_an_older_revision_is_ignored(world: World) -> None:
    assert await world.value(version_of("good", revision=5), 1) == 2
    world.supervisor.apply(version_of("good", revision=4, package_digest="returns_input"))
    assert await world.value(version_of("good", revision=4, package_digest="returns_input"), 1) == 2
    assert world.pool("good").revision == 5


async def test_a_probed_instance_serves_the_first_request(world: World) -> None:
    version = version_of("good")
    assert await world.supervisor.probe(version) is None
    (instance,) = (world.root / "instances").iterdir()
    assert world.pool("good").revision is None
    world.supervisor.apply(version)
    assert await world.value(version, 1) == 2
    assert list((world.root / "instances").iterdir()) == [instance]
    # A probe of the next revision beside the one that serves, taken over with its first request.
    following = replace(version, revision=2, package_digest="returns_input")
    assert await world.supervisor.probe(following) is None
    assert await world.value(version, 1) == 2
    assert await world.value(following, 1) == 1
    await until(lambda: not instance.exists(), "the old instance is gone")


async def test_a_memory_limit_counts_for_each_version_alone(world: World) -> None:
    one, other = version_of("leaks_memory", memory_megabytes=64), version_of("good", memory_megabytes=64)
    outcomes = await asyncio.gather(world.ask(one, -1), *(world.ask(other, x) for x in range(20)))
    assert outcomes[0].reason in (Reason.MEMORY, Reason.MODEL_ERROR)
    assert all(outcome.success for outcome in outcomes[1:])


async def test_running_instances_are_metered(world: World) -> None:
    version = version_of("good", memory_megabytes=512, maximum_instances=2)
    await asyncio.gather(*(world.ask(version, x) for x in range(10)))
    await until(lambda: ("version-good", "gb_seconds") in world.meters.values, "the meter is read")
    await world.supervisor.retire("version-good", Reason.SERVER_STOPPING)
    values = {metric: value for (_, metric), value in world.meters.values.items()}
    assert values["gb_seconds"] == pytest.approx(values["instance_seconds"] * 0.5)
    assert values["instance_seconds"] >= values["active_time"] > 0


async def test_after_close_requests_are_refused_and_not_started(world: World) -> None:
    assert await world.value("good", 1) == 2
    await world.supervisor.close()
    assert (await world.ask("good", 1)).reason is Reason.SERVER_STOPPING
    assert await world.supervisor.probe(version_of("good")) == Failure(Reason.SERVER_STOPPING, "the server stops")
    world.supervisor.apply(version_of("good", minimum_instances=1))
    assert world.supervisor.snapshot() == {}
