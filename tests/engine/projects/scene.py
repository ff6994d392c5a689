"""Projects that are deployed and run on datasets: real storage, environments, sandbox and loop."""

from __future__ import annotations

import asyncio
import io
import os
import platform
import textwrap
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole
from quinta.core.commits.commits import Commits
from quinta.core.commits.job_views import JobView
from quinta.core.commits.jobs import DataJobs
from quinta.core.commits.model import Commit, DataJob
from quinta.core.commits.models import ModelJobs
from quinta.core.datasets.attachments import attach_dataset
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import Dataset, PrivacyBudget
from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.model import LogLine
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.core.tracking.model import Artifact, Run, RunMetric, RunParam, RunTag
from quinta.core.tracking.registry import RegisteredModels
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.builds.build import BuildSettings, PackageBuilder
from quinta.engine.leases import LeasePolicy
from quinta.engine.loops.data_jobs import DataJobLoop, RunSettings
from quinta.engine.projects.run_files import RunFiles
from quinta.engine.projects.snapshots import ProjectSnapshots
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.settings import EngineFolders
from quinta.engine.supervisor.supervisor import Supervisor
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.privacy.metadata.reader import YamlMetadataReader
from quinta.storage.database import Database
from quinta.storage.objects import Objects, open_objects
from quinta.storage.secrets import SealedSecrets
from tests.core.quarantine_scene import Scene as People
from tests.core.quarantine_scene import make_scene
from tests.engine.supervisor.conftest import QUICK

DEADLINE = 60.0
CLOCK = SystemClock()
POLICY = LeasePolicy(first_pause_seconds=0.0, poll_seconds=0.05, maximum_attempts=3)
SETTINGS = RunSettings(
    requirements=(),
    language="python" + ".".join(platform.python_version_tuple()[:2]),
    memory_megabytes=256,
    time_limit_seconds=60.0,
    stop_seconds=20.0,
    look_seconds=0.05,
)
MLPROJECT = """
name: demo
entry_points:
  main:
    parameters:
      mode: {type: string, default: quiet}
    command: "python main.py {mode}"
"""
_META = """
meta_dataset:
  format: simple
  specification: dataset_v1
  node:
    dataset:
      attributes: {{data: {{name: {name}}}, differential_privacy: {{privacy_level: {level}}}}}
      child_nodes:
        database:
          attributes: {{data: {{name: {name}}}, connector: {{type_name: csv, uri: "{uri}"}}}}
"""


def project_files(code: str, mlproject: str = MLPROJECT, **files: str) -> dict[str, str]:
    """The files of a project whose command runs ``code``."""
    return {"MLproject": mlproject, "main.py": textwrap.dedent(code), **files}


@dataclass
class Scene:
    """``owner`` has datasets, ``user`` a project on them, ``administrator`` everything, ``other`` nothing."""

    database: Database
    objects: Objects
    root: Path
    store: Path
    sandbox: Sandbox
    people: People
    owner: Actor
    user: Actor
    administrator: Actor
    other: Actor
    project: Project
    settings: RunSettings = SETTINGS
    reading: ReadingProcess = field(default_factory=ReadingProcess)
    failures: FailureCounts = field(default_factory=FailureCounts)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.database, CLOCK)
        folders = EngineFolders(
            self.store / "packages", self.store / "environments", self.root / "instances", self.root / "staging"
        )
        self.supervisor = Supervisor(folders, self.sandbox, CLOCK, self.recorder, self.recorder, QUICK)
        settings = BuildSettings(index_environment=os.environ)
        self.builder = PackageBuilder(folders.packages, folders.environments, self.sandbox, settings)
        secrets = SealedSecrets(Path("unused"), "ab" * 32)
        secrets.load()
        self.keeper = MetadataKeeper(YamlMetadataReader(), self.reading, secrets)
        self.rules = FileRules()
        (self.root / "uploads").mkdir()
        (self.root / "data-jobs").mkdir()
        uploads = self.root / "uploads"
        snapshots = ProjectSnapshots(self.reading)
        self.commits = Commits(self.database, self.objects, ZipArchives(), snapshots, uploads, CLOCK)
        self.budgets = Budgets(self.database, CLOCK)
        self.models = RegisteredModels(self.database, CLOCK, self.budgets)
        self.jobs = DataJobs(self.database, self.objects, self.budgets, CLOCK)
        self.model_jobs = ModelJobs(self.database, self.objects, uploads, CLOCK, self.models)

    @asynccontextmanager
    async def server(self) -> AsyncIterator[DataJobLoop]:
        """A loop that works, and is closed at the end as a server that stops closes it."""
        archives = ZipArchives()
        files = RunFiles(self.root / "data-jobs", self.objects, archives, self.keeper, self.rules, CLOCK)
        loop = DataJobLoop(
            self.database,
            self.supervisor,
            self.builder,
            files,
            self.models,
            self.budgets,
            self.failures,
            CLOCK,
            self.settings,
            POLICY,
        )
        running = asyncio.create_task(loop.loop.run())
        try:
            yield loop
        finally:
            await loop.loop.close(grace=0.0)
            await running

    async def dataset(self, rows: str, level: int, name: str = "census", owner: Actor | None = None) -> Dataset:
        """One of the owner's, attached to the project."""
        path = self.root / f"{name}.csv"
        path.write_text(rows)
        dataset = await self.people.dataset(name, owner or self.owner)
        meta = self.keeper.sealed(_META.format(name=name, level=level, uri=path), dataset.id)
        async with self.database.begin() as work:
            datasets = work.of(Dataset, EVERYTHING)
            await datasets.change(dataset.id, meta=meta, privacy_level=level)
            await attach_dataset(work, self.project.id, dataset, CLOCK.now())
            found = await datasets.get(id=dataset.id)
        assert found is not None
        return found

    async def budget(self, dataset: Dataset, amount: int) -> None:
        """Gives the dataset a budget, in 1e-9 epsilon."""
        now = CLOCK.now()
        async with self.database.begin() as work:
            budget = PrivacyBudget(new_id(), dataset.id, amount, amount, None, now, now, now)
            await work.of(PrivacyBudget, EVERYTHING).add(budget)

    async def left(self, dataset: Dataset) -> int:
        async with self.database.read() as work:
            found = await work.of(PrivacyBudget, EVERYTHING).get(dataset_id=dataset.id)
        assert found is not None
        return found.current

    def upload(self, files: dict[str, str]) -> Path:
        """A zip of these files."""
        target = self.root / f"upload-{time.monotonic_ns()}.zip"
        with zipfile.ZipFile(target, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return target

    async def deploy(self, code: str, mlproject: str = MLPROJECT, **files: str) -> Commit:
        upload = self.upload(project_files(code, mlproject, **files))
        return (await self.commits.deploy(self.user, self.project.id, upload)).commit

    async def run(self, code: str, **arguments: str) -> DataJob:
        """A queued run of the entry point ``main`` of this code."""
        commit = await self.deploy(code)
        return await self.jobs.run(self.user, self.project.id, commit.id, "main", arguments)

    async def get(self, job: DataJob) -> DataJob:
        """The row, with all that is in it."""
        async with self.database.read() as work:
            found = await work.of(DataJob, EVERYTHING).get(id=job.id)
        assert found is not None
        return found

    async def when(self, job: DataJob, holds: Callable[[DataJob], bool]) -> DataJob:
        deadline = time.monotonic() + DEADLINE
        while not holds(now := await self.get(job)):
            assert time.monotonic() < deadline, now
            await asyncio.sleep(0.02)
        return now

    async def ended(self, job: DataJob) -> DataJob:
        return await self.when(job, lambda now: now.status.ended)

    async def seen(self, actor: Actor, job: DataJob) -> JobView:
        return await self.jobs.get(actor, job.number)

    async def the_run(self, job: DataJob) -> Run:
        async with self.database.read() as work:
            run = await work.of(Run, EVERYTHING).get(id=job.number)
        assert run is not None
        return run

    async def logged(self, job: DataJob) -> tuple[list[RunMetric], list[RunParam], list[RunTag], list[Artifact]]:
        """All rows of the job's run."""
        async with self.database.read() as work:
            return (
                await work.of(RunMetric, EVERYTHING).find(run_id=job.number, order=("id",)),
                await work.of(RunParam, EVERYTHING).find(run_id=job.number, order=("key",)),
                await work.of(RunTag, EVERYTHING).find(run_id=job.number, order=("key",)),
                await work.of(Artifact, EVERYTHING).find(run_id=job.number, order=("path",)),
            )

    async def content(self, key: str) -> bytes:
        return b"".join([piece async for piece in self.objects.stream(key)])

    async def lines(self) -> list[LogLine]:
        """What is in the logs of projects."""
        await self.recorder.flush()
        async with self.database.read() as work:
            return await work.of(LogLine, EVERYTHING).find()


@asynccontextmanager
async def open_scene(database: Database, root: Path, store: Path, sandbox: Sandbox) -> AsyncIterator[Scene]:
    """A scene; nothing of it is left at the end."""
    people = await make_scene(database)
    owner = await people.person("owner", BaseRole.OWNER)
    user = await people.person("user", BaseRole.USER)
    administrator = await people.person("admin", BaseRole.ADMIN)
    other = await people.person("other")
    project = await people.project("analysis", user)
    objects = open_objects(f"file://{root}/objects")
    scene = Scene(database, objects, root, store, sandbox, people, owner, user, administrator, other, project)
    await scene.supervisor.start()
    try:
        yield scene
    finally:
        await scene.supervisor.close()
        scene.reading.close()
    assert list((root / "instances").iterdir()) == []
    assert list((root / "data-jobs").iterdir()) == []


def zip_bytes(files: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return sink.getvalue()
