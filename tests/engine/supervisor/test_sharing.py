"""The machine's memory shared by versions, with real instances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Failure, Reason
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.machine import memory_megabytes, supervisor_policy
from tests.engine.supervisor.conftest import QUICK, open_world
from tests.engine.supervisor.harness import World, until, version_of


@pytest.fixture
async def narrow(tmp_path: Path, environments: Path, sandbox: Sandbox) -> AsyncIterator[World]:
    """A supervisor with room for one instance of 256 MB."""
    policy = replace(QUICK, memory_megabytes=256)
    async with open_world(tmp_path, environments, sandbox, policy) as opened:
        yield opened


def of(organization: str, package: str = "good", **changes: object) -> RunnableVersion:
    return version_of(package, version_id=f"version-{organization}", organization_id=organization, **changes)


async def test_an_idle_instance_makes_room_for_another_version(narrow: World) -> None:
    assert await narrow.value(of("a"), 1) == 2
    assert await narrow.value(of("b"), 2) == 4
    assert narrow.logs.said("the instance is stopped: its memory is needed for another instance")
    assert await narrow.value(of("a"), 3) == 6


async def test_a_request_without_room_says_why_and_the_next_one_has_it(narrow: World) -> None:
    assert await narrow.value(of("a", "hangs_in_request"), 1) == 1
    busy = asyncio.create_task(narrow.ask(of("a", "hangs_in_request"), -1, within=3))
    await until(lambda: narrow.pool("a").busy == 1, "it runs")
    outcome = await narrow.ask(of("b"), 1, within=0.2)
    assert (outcome.reason, outcome.error_message) == (
        Reason.NO_ROOM,
        "timed out after 0.2 s: the machine's memory for instances (256 MB) is taken by other instances; "
        "this version needs 256 MB",
    )
    assert (await busy).reason is Reason.RUN_TIMEOUT
    assert await narrow.value(of("b"), 1) == 2


async def test_a_version_larger_than_the_machine_is_refused(narrow: World) -> None:
    large = of("a", memory_megabytes=257)
    outcome = await narrow.ask(large, 1)
    assert outcome.reason is Reason.ALLOCATION_TOO_LARGE
    assert outcome.error_message is not None
    assert "for instances is 256 MB; this version needs 257 MB" in outcome.error_message
    failure = await narrow.supervisor.probe(replace(large, revision=2))
    assert failure is not None
    assert failure.reason is Reason.ALLOCATION_TOO_LARGE
    assert await narrow.value(replace(large, revision=3, memory_megabytes=256), 1) == 2


async def test_two_tenants_under_steady_load_both_get_on(narrow: World) -> None:
    """Room for one instance, and callers of two organizations that never stop asking."""
    answered = {"a": 0, "b": 0}

    async def ask_on(name: str) -> None:
        while min(answered.values()) < 3:
            outcome = await narrow.ask(of(name), 1, within=60)
            assert outcome.success, outcome
            answered[name] += 1

    await asyncio.gather(*(ask_on(name) for name in ("a", "a", "b", "b")))
    assert min(answered.values()) >= 3


@pytest.mark.parametrize("probed", [True, False])
async def test_a_revision_is_replaced_without_a_failed_request_where_there_is_room_for_no_more(
    narrow: World, probed: bool
) -> None:
    old = of("a")
    new = replace(old, revision=2, environment_variables={"A": "b"})
    replaced = asyncio.Event()
    answers = 0

    async def ask_on() -> None:
        nonlocal answers
        while not replaced.is_set():
            outcome = await narrow.ask(old, 1)
            assert outcome.success, outcome
            answers += 1

    callers = [asyncio.create_task(ask_on()) for _ in range(4)]
    await until(lambda: answers, "the old revision answers")
    before = {path.name for path in (narrow.root / "instances").iterdir()}
    if probed:
        assert await narrow.supervisor.probe(new) is None
    narrow.supervisor.apply(new)
    await until(
        lambda: before.isdisjoint(path.name for path in (narrow.root / "instances").iterdir()), "the old one is gone"
    )
    assert await narrow.value(new, 1) == 2
    replaced.set()
    await asyncio.gather(*callers)


async def test_a_probe_that_finds_no_room_says_so(tmp_path: Path, environments: Path, sandbox: Sandbox) -> None:
    policy = replace(QUICK, memory_megabytes=256, start_timeout_seconds=2.0)
    async with open_world(tmp_path, environments, sandbox, policy) as world:
        assert await world.value(of("a", "hangs_in_request"), 1) == 1
        busy = asyncio.create_task(world.ask(of("a", "hangs_in_request"), -1, within=30))
        await until(lambda: world.pool("a").busy == 1, "it runs")
        failure = await world.supervisor.probe(of("b"))
        text = "no instance could start within 2 s: the machine's memory for instances (256 MB) is taken by other "
        assert failure == Failure(Reason.NO_ROOM, f"{text}instances; this version needs 256 MB")
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        assert await world.supervisor.probe(of("b")) is None


async def test_many_cold_versions_at_once_are_all_answered(
    tmp_path: Path, environments: Path, sandbox: Sandbox
) -> None:
    """Twelve scale-from-zero requests at a time, with room for four instances and two starts; twice."""
    policy = replace(QUICK, memory_megabytes=1_024, maximum_starting=2)
    async with open_world(tmp_path, environments, sandbox, policy) as world:
        for _ in range(2):
            versions = [of(f"o{number}") for number in range(12)]
            assert await asyncio.gather(*(world.value(version, 21) for version in versions)) == [42] * 12
        assert world.supervisor.capacity.held <= 1_024


def test_the_policy_follows_the_machine() -> None:
    assert supervisor_policy(20.0, None, 5).memory_megabytes == int(memory_megabytes() * 0.8)
    told = supervisor_policy(20.0, 512, 5)
    assert (told.memory_megabytes, told.queue.of_version, told.queue.of_organization) == (512, 5, 10)


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        ("0::/outer/inner", "outer/memory.max"),
        ("0::/outer/inner", "outer/inner/memory.max"),
        ("0::/not/there", "memory.max"),
        ("7:memory,cpu:/inner", "memory/inner/memory.limit_in_bytes"),
    ],
)
def test_a_cgroups_limit_counts_as_the_machines_memory(tmp_path: Path, line: str, limit: str) -> None:
    (tmp_path / "cgroup").write_text(f"5:cpuset:/elsewhere\n{line}\n")
    file = tmp_path / "mounted" / limit
    file.parent.mkdir(parents=True)
    file.write_text("max\n")
    machine = memory_megabytes(tmp_path, tmp_path / "mounted")
    assert machine == memory_megabytes(tmp_path, tmp_path / "nothing")
    file.write_text(f"{300 << 20}\n")
    assert memory_megabytes(tmp_path, tmp_path / "mounted") == 300 < machine
