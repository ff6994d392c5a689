"""A laboratory: a project with experiments and runs, and data whose owners say what is shown of what was learnt."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest_asyncio

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.model import Dataset
from quinta.core.jobs.model import JobStatus
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.core.tracking.experiments import experiment_of_project
from quinta.core.tracking.logging import Batch, MetricValue, Pair, record
from quinta.core.tracking.model import Experiment, Run, RunStatus, Source
from quinta.core.tracking.runs import NewRun, add_run, make_run
from quinta.core.tracking.tracking import make_tracking
from quinta.core.tracking.views import RunView
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.core.quarantine_scene import Scene, make_scene


@dataclass
class Laboratory:
    """``uma`` has made the project and administers it, ``ed`` may write and ``vera`` read there, ``eve`` is a stranger.
    ``olga`` and ``otto`` own data, ``ada`` administers the quarantine."""

    scene: Scene
    folder: Path
    people: dict[str, Actor]
    project: Project

    def __post_init__(self) -> None:
        objects = open_objects(f"file://{self.folder}/objects")
        self.budgets = Budgets(self.scene.database, self.scene.clock)
        self.tracking = make_tracking(self.scene.database, objects, self.scene.clock, self.budgets)

    async def experiment(self, name: str = "first") -> Experiment:
        return (await self.tracking.experiments.create(self.people["uma"], self.project.id, name)).experiment

    async def run(self, experiment: Experiment, person: str = "uma", **tags: str) -> RunView:
        """One from outside."""
        pairs = [Pair(key, value) for key, value in tags.items()]
        return await self.tracking.runs.create(self.people[person], NewRun(experiment.id, tags=pairs))

    async def log(self, run_id: str, person: str = "uma", **metrics: float) -> None:
        batch = Batch([MetricValue(key, value, 1_000) for key, value in metrics.items()])
        await self.tracking.logging.log(self.people[person], run_id, batch)

    async def keep(self, person: str, run_id: str, path: str, content: bytes = b"x") -> None:
        await self.tracking.artifacts.upload(self.people[person], run_id, path, self.file(content))

    def file(self, content: bytes) -> Path:
        path = self.folder / "file"
        path.write_bytes(content)
        return path

    async def job_run(self, level: int, datasets: Sequence[Dataset]) -> Run:
        """A run that a job of uma's has made on these datasets. The platform and user code have each logged a metric,
        a parameter, a tag and an artifact, which are called by who wrote them."""
        now, uma = self.scene.clock.now(), self.people["uma"]
        async with self.scene.database.begin() as work:
            job = DataJob(
                id=new_id(),
                project_id=self.project.id,
                number=str(uuid4()),
                kind=DataJobKind.RUN,
                commit_id=None,
                model_id=None,
                entry_point="main",
                params="{}",
                datasets=json.dumps([dataset.id for dataset in datasets]),
                privacy_level=level,
                status=JobStatus.FINISHED,
                progress=100,
                created_by=uma.user_id,
                created_at=now,
                updated_at=now,
            )
            await work.of(DataJob, EVERYTHING).add(job)
            experiment = await experiment_of_project(work, self.project, uma.user_id, self.scene.clock)
            run = make_run(
                job.number,
                experiment,
                None,
                uma.user_id,
                now,
                status=RunStatus.FINISHED,
                job_id=job.id,
                withheld=level > 0,
            )
            await add_run(work, run)
            for source in Source:
                batch = Batch([MetricValue(source, 1.5, 1)], [Pair(source, "of rows")], [Pair(source, "of rows")])
                await record(work, run, batch, source)
        for source in Source:
            await self.tracking.artifacts.keep(run, f"{source}/model.bin", self.file(source.encode()), source)
        return run

    async def approve(self, run: Run) -> None:
        async with self.scene.database.begin() as work:
            await work.of(Run, EVERYTHING).change(run.id, approved_at=self.scene.clock.now())


async def make_laboratory(database: Database, folder: Path) -> Laboratory:
    scene = await make_scene(database)
    people = {
        "ada": await scene.person("ada", BaseRole.ADMIN),
        "olga": await scene.person("olga", BaseRole.OWNER),
        "otto": await scene.person("otto", BaseRole.OWNER),
        **{name: await scene.person(name, BaseRole.USER) for name in ("uma", "ed", "vera", "eve")},
    }
    members = {"project_editor": people["ed"], "project_viewer": people["vera"]}
    project = await scene.project("laboratory", people["uma"], **members)
    return Laboratory(scene, folder, people, project)


@pytest_asyncio.fixture
async def laboratory(database: Database, tmp_path: Path) -> AsyncIterator[Laboratory]:
    yield await make_laboratory(database, tmp_path)
