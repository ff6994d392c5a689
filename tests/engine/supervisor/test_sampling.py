"""What instances use, sampled from real processes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from quinta.engine.sandbox.cgroups import Cgroup
from quinta.engine.sandbox.sandbox import Sandbox
from tests.engine.supervisor.conftest import open_world
from tests.engine.supervisor.harness import World, until, version_of

HELD_MEGABYTES = 64
BUSY = f"""
import os
import subprocess
import sys
import time

SPIN = "import time\\nwhile time.process_time() < {{}}: pass"


class Model:
    def __init__(self):
        self.held = b"1" * ({HELD_MEGABYTES} << 20)

    def request(self, data):
        end = time.process_time() + data["x"]
        while time.process_time() < end:
            pass
        subprocess.run([sys.executable, "-c", SPIN.format(data["x"])], check=True)
        return {{"y": 0}}
"""


def used(world: World, metric: str) -> float:
    return world.meters.values.get(("version-busy", metric), 0.0)


def mean_memory(world: World) -> float:
    return used(world, "memory_megabyte_seconds") / (used(world, "sampled_seconds") or 1.0)


@pytest.mark.parametrize("by_cgroup", [True, False])
async def test_processor_and_memory_of_an_instance(
    tmp_path: Path, environments: Path, sandbox: Sandbox, by_cgroup: bool
) -> None:
    """Half of the work is done by a child that has ended when anybody looks."""
    if by_cgroup and sandbox.cgroups is None:
        pytest.skip("this machine gives no cgroups")
    package = tmp_path / "packages" / "busy"
    package.mkdir(parents=True)
    (package / "model.py").write_text(BUSY)
    seen = sandbox if by_cgroup else replace(sandbox, cgroups=None)
    async with open_world(tmp_path / "data", environments, seen, packages=package.parent) as world:
        begun = time.monotonic()
        assert await world.value("busy", 0.2) == 0
        await until(lambda: used(world, "processor_seconds") >= 0.39, "the work of both processes is counted")
        await until(lambda: mean_memory(world) >= HELD_MEGABYTES - 8, "what it holds shows in the mean")
        assert mean_memory(world) <= version_of("busy").memory_megabytes
        assert used(world, "processor_seconds") <= used(world, "sampled_seconds") * 4
        assert used(world, "sampled_seconds") <= time.monotonic() - begun


async def test_two_instances_are_sampled_for_twice_the_time(world: World) -> None:
    one, two = version_of("good", minimum_instances=1), version_of("returns_input", minimum_instances=2)
    two = replace(two, maximum_instances=2)
    for version in (one, two):
        world.supervisor.apply(version)
    await until(lambda: (world.pool("good").ready, world.pool("returns_input").ready) == (1, 2), "all three are ready")
    values = world.meters.values

    def sampled(package: str) -> float:
        return values.get((f"version-{package}", "sampled_seconds"), 0.0)

    for _ in range(2):  # the first time until all that was before is counted
        one_before, two_before = sampled("good"), sampled("returns_input")
        await until(lambda before=one_before: sampled("good") > before + 0.3, "more is sampled")  # type: ignore[misc]
    assert sampled("returns_input") - two_before == pytest.approx(2 * (sampled("good") - one_before), rel=0.2)


@pytest.mark.parametrize(
    ("files", "seconds", "held"),
    [
        (
            {
                "memory.stat": "anon 3000\nfile 500000\nshmem 70\n",
                "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
            },
            2.5,
            3070,
        ),
        (
            {
                "memory.stat": "cache 9\nrss 1\ntotal_rss 3000\ntotal_shmem 70\n",
                "cpuacct.usage": "2500000000\n",
                "cpu.stat": "nr_periods 0\n",
            },
            2.5,
            3070,
        ),
        ({"memory.stat": "total_rss 3000\n", "cpu.stat": "nr_periods 0\n"}, None, 3000),
        ({}, None, None),
    ],
    ids=["version 2", "version 1", "version 1 with cpuacct apart", "gone"],
)
def test_what_a_cgroup_tells(tmp_path: Path, files: dict[str, str], seconds: float | None, held: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    group = Cgroup((tmp_path / "elsewhere", tmp_path))
    assert (group.processor_seconds(), group.resident_bytes()) == (seconds, held)
