"""``quinta admin run``, on a data folder without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from quinta.core.commits.model import DataJob
from quinta.core.jobs.model import JobStatus
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import SystemClock
from quinta.settings import read_settings
from quinta.storage.database import Database
from tests.cli.test_admin_clients import Operator
from tests.core.tracking_scene import Laboratory, make_laboratory


async def withheld(laboratory: Laboratory, run_id: str) -> bool:
    """Whether somebody of the project is not shown what a run on secret data logged."""
    return not (await laboratory.tracking.runs.get(laboratory.people["vera"], run_id)).metrics


async def two_runs(folder: Path) -> tuple[str, str]:
    """The numbers of a run on data of the highest level, and of one that has not ended."""
    database = Database(read_settings(folder / "data").database_url, SystemClock())
    await database.start()
    try:
        laboratory = await make_laboratory(database, folder)
        data = await laboratory.scene.dataset("census", laboratory.people["olga"])
        ended, waiting = [await laboratory.job_run(2, [data]) for _ in range(2)]
        assert await withheld(laboratory, ended.id)
        async with database.begin() as work:
            await work.of(DataJob, EVERYTHING).change(str(waiting.job_id), status=JobStatus.QUEUED)
        return ended.id, waiting.id
    finally:
        await database.close()


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(tmp_path / "data")
    made("role", "list")  # makes the database
    return made


def test_an_operator_approves_a_run(operator: Operator, tmp_path: Path) -> None:
    ended, waiting = asyncio.run(two_runs(tmp_path))
    assert operator.shows("run", "approve", ended) == [f"approved  {ended}"]
    assert operator("run", "approve", ended.upper()) == {"approved": ended}
    said = [entry for entry in operator("audit", "list") if entry["action"] == "run.approved"]
    assert [(entry["actor"], entry["description"]) for entry in said] == [("system", said[0]["description"])]
    assert said[0]["description"].startswith("system approved run ")
    assert "has not ended" in operator.is_refused("run", "approve", waiting)
    for unknown in (str(uuid4()), "last"):
        assert operator.is_refused("run", "approve", unknown) == f"there is no run '{unknown}' of a job on data"
