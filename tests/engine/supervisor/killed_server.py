"""A small server that is killed: starts two instances, keeps one busy, says so, and waits for its end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from quinta.engine.sandbox.detection import detect
from tests.engine.supervisor.conftest import open_world
from tests.engine.supervisor.harness import until


async def _serve(root: Path, environments: Path, use_bwrap: bool, use_cgroups: bool) -> None:
    sandbox = detect(use_bwrap=use_bwrap, use_cgroups=use_cgroups)
    async with open_world(root, environments, sandbox) as world:
        await world.unharmed()
        busy = asyncio.create_task(world.ask("hangs_in_request", -1, within=600))
        await until(lambda: any(pool.busy for pool in world.supervisor.snapshot().values()), "one is busy")
        sys.stdout.write("busy\n")
        sys.stdout.flush()
        await busy


def main(arguments: list[str]) -> None:
    root, environments, bwrap, cgroups = arguments
    asyncio.run(_serve(Path(root), Path(environments), bwrap == "bwrap", cgroups == "cgroups"))
