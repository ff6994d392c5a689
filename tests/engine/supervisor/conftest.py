"""A supervisor for each test, and after it the check that nothing is left: no process, folder, cgroup or descriptor."""

from __future__ import annotations

import asyncio
import os
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quinta.engine.sandbox.detection import detect
from quinta.engine.sandbox.processes import marked
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.engine.supervisor.supervisor import Supervisor
from quinta.kit.clock import SystemClock
from tests.engine.supervisor.harness import SHELF, Logs, Meters, World, descendants, until

QUICK = SupervisorPolicy(
    start_timeout_seconds=20.0,
    stop_grace_seconds=0.5,
    first_pause_seconds=0.05,
    housekeeping_seconds=0.02,
    meter_seconds=0.05,
    maximum_processes=64,
    hang_up_seconds=0.1,
)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one environment, made of the interpreter that runs the tests."""
    root = tmp_path_factory.mktemp("environments")
    venv.create(root / "environment", with_pip=False)
    return root


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """The best that this machine gives."""
    return detect()


@asynccontextmanager
async def open_world(
    root: Path, environments: Path, sandbox: Sandbox, policy: SupervisorPolicy = QUICK, packages: Path = SHELF
) -> AsyncIterator[World]:
    """A started supervisor that is closed at the end; then nothing of it may be left."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int)  # the executor's threads and the loop's own descriptors are there from now on
    before, descriptors = descendants(), set(os.listdir("/proc/self/fd"))
    folders = EngineFolders(packages, environments, root / "instances", root / "staging")
    logs, meters = Logs(), Meters()
    supervisor = Supervisor(folders, sandbox, SystemClock(), logs, meters, policy)
    await supervisor.start()
    names: set[str] = set()
    try:
        yield World(supervisor, logs, meters, root)
    finally:
        names.update(path.name for path in folders.instances.iterdir())
        await supervisor.close()
    assert list(folders.instances.iterdir()) == []
    await until(lambda: descendants() <= before, f"processes are left: {descendants() - before}")
    await until(lambda: set(os.listdir("/proc/self/fd")) <= descriptors, "descriptors are left")
    assert [name for name in names if marked(name)] == []
    if sandbox.cgroups is not None:
        assert not [p for name in names for p in sandbox.cgroups.existing(name).folders if p.exists()]


@pytest.fixture
async def world(tmp_path: Path, environments: Path, sandbox: Sandbox) -> AsyncIterator[World]:
    """A supervisor over the shelf in the best sandbox, quick in its patience."""
    async with open_world(tmp_path, environments, sandbox) as opened:
        yield opened
