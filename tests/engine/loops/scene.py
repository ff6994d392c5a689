"""Job loops over real storage, archives and instances, and a tenant with an application and clients."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quinta.core.events import Event, EventName
from quinta.core.files.keys import job_key, repository_key
from quinta.core.files.model import Repository
from quinta.core.jobs.model import Job, JobStatus
from quinta.core.models.model import Application, Build, BuildStatus, ModelVersion, VersionStatus
from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.reasons import Reason
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.leases import LeasePolicy
from quinta.engine.loops.job_files import JobFiles
from quinta.engine.loops.jobs import JobLoop
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.engine.supervisor.supervisor import Supervisor
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import Objects, open_objects
from quinta.storage.secrets import SealedSecrets
from tests.engine.supervisor.conftest import QUICK
from tests.engine.supervisor.harness import SHELF
from tests.storage.rows import Tenant, add_tenant, make_version

DEADLINE = 60.0
CLOCK = SystemClock()
QUICK_LEASES = LeasePolicy(first_pause_seconds=0.0, poll_seconds=0.05, maximum_attempts=3)


@dataclass
class Scene:
    """A tenant whose application is the shelf's, and a server's part that runs jobs."""

    database: Database
    objects: Objects
    root: Path
    tenant: Tenant
    application: Application
    environments: Path
    sandbox: Sandbox
    policy: SupervisorPolicy = QUICK
    archives: ZipArchives = field(default_factory=ZipArchives)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.database, CLOCK)
        self.failures = FailureCounts()
        folders = EngineFolders(SHELF, self.environments, self.root / "instances", self.root / "staging")
        self.supervisor = Supervisor(folders, self.sandbox, CLOCK, self.recorder, self.recorder, self.policy)

    @asynccontextmanager
    async def server(self) -> AsyncIterator[JobLoop]:
        """A loop that works, and is closed at the end as a server that stops closes it."""
        secrets = SealedSecrets(Path("unused"), "ab" * 32)
        reading = ReadingProcess()
        files = JobFiles(self.root / "jobs", self.database, self.objects, self.archives, self.recorder)
        jobs = JobLoop(
            self.database,
            secrets,
            self.supervisor,
            Reader(reading),
            files,
            self.recorder,
            self.failures,
            CLOCK,
            lambda _: True,
            QUICK_LEASES,
        )
        running = asyncio.create_task(jobs.loop.run())
        try:
            yield jobs
        finally:
            await jobs.close(grace=0.0)
            await running
            reading.close()

    async def project(self, name: str) -> Project:
        """One more client's project in the organization."""
        project = Project(new_id(), self.tenant.organization.id, name, CLOCK.now())
        async with self.database.begin() as work:
            await work.of(Project, EVERYTHING).add(project)
        return project

    async def repository(self, project: Project, files: dict[str, str] | None = None) -> Repository:
        """One with these files, by default a table."""
        repository_id = new_id()
        key = repository_key(project.id, repository_id)
        stored = await self._store(key, files or {"table.csv": "a,b"})
        number = str(time.time_ns())[:18]
        repository = Repository(
            repository_id, project.id, number, None, "{}", stored, key, "a@example.com", CLOCK.now()
        )
        async with self.database.begin() as work:
            await work.of(Repository, EVERYTHING).add(repository)
        return repository

    async def _store(self, key: str, files: dict[str, str]) -> Any:
        upload, target = self.root / f"{new_id()}.zip", self.root / f"{new_id()}.zip"
        with zipfile.ZipFile(upload, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        stored = await self.archives.take_in(upload, "files.zip", target)
        await self.objects.put_file(key, target)
        return stored

    async def queue(
        self,
        repository: Repository,
        overlay: dict[str, str] | None = None,
        application: Application | None = None,
        **params: Any,
    ) -> Job:
        """A queued job."""
        job_id, now = new_id(), CLOCK.now()
        key = None if overlay is None else job_key(repository.project_id, job_id, "overlay")
        if key is not None and overlay is not None:
            await self._store(key, overlay)
        job = Job(
            id=job_id,
            project_id=repository.project_id,
            repository_id=repository.id,
            application_id=(application or self.application).id,
            number=job_id,
            params=json.dumps(params),
            metadata="{}",
            overlay_key=key,
            status=JobStatus.QUEUED,
            created_by="a@example.com",
            created_at=now,
            updated_at=now,
        )
        async with self.database.begin() as work:
            await work.of(Job, EVERYTHING).add(job)
            work.emit(Event(EventName.JOB_CREATED, job.id, (), None, job.project_id))
        return job

    async def get(self, job: Job) -> Job:
        async with self.database.read() as work:
            found = await work.of(Job, EVERYTHING).get(id=job.id)
        assert found is not None
        return found

    async def ended(self, job: Job) -> Job:
        """The job once it has ended."""
        return await self.when(job, lambda now: now.status.ended)

    async def when(self, job: Job, holds: Callable[[Job], bool]) -> Job:
        """The job once something holds for it."""
        deadline = time.monotonic() + DEADLINE
        while not holds(now := await self.get(job)):
            assert time.monotonic() < deadline, now
            await asyncio.sleep(0.02)
        return now

    async def said(self, job: Job, text: str) -> None:
        """Waits for a line of the job's log."""
        deadline = time.monotonic() + DEADLINE
        while not any(text in line.text for line in await self.lines(job)):
            assert time.monotonic() < deadline, await self.lines(job)
            await asyncio.sleep(0.02)

    async def lines(self, job: Job) -> list[LogLine]:
        await self.recorder.flush()
        async with self.database.read() as work:
            return await work.of(LogLine, EVERYTHING).find(request_id=job.id, order=("id",))

    async def files(self, key: str | None) -> dict[str, str]:
        """What a stored zip holds."""
        assert key is not None
        content = b"".join([piece async for piece in self.objects.stream(key)])
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}

    async def metered(self, project: Project) -> dict[str, float]:
        """Sums of the version's metrics in a project."""
        await self.recorder.flush()
        sums: dict[str, float] = {}
        async with self.database.read() as work:
            points = await work.of(MetricPoint, EVERYTHING).find(
                project_id=project.id, object_type="model_version", object_id=self.tenant.version.id
            )
        for point in points:
            sums[point.metric] = sums.get(point.metric, 0.0) + point.value
        return sums

    async def set_build(self, version_id: str | None = None) -> None:
        """Gives a version, by default the tenant's, a build that serves."""
        version_id = version_id or self.tenant.version.id
        build = replace(
            self.tenant.build(),
            version_id=version_id,
            status=BuildStatus.SUCCEEDED,
            package_digest="misbehaving_application",
            environment_digest="environment",
            model_file="model",
        )
        async with self.database.begin() as work:
            await work.of(Build, EVERYTHING).add(build)
            await work.of(ModelVersion, EVERYTHING).change(
                version_id, live_build_id=build.id, status=VersionStatus.AVAILABLE
            )
            tags = (f"version:{version_id}",)
            work.emit(Event(EventName.BUILD_ENDED, build.id, tags, None, self.tenant.project.id))

    async def pinned(self) -> Application:
        """The application, which runs the tenant's version from now on whatever else there is."""
        async with self.database.begin() as work:
            await work.of(Application, EVERYTHING).change(self.application.id, version_id=self.tenant.version.id)
        return self.application

    async def add_application(
        self, name: str, status: VersionStatus, error: str = "", reason: Reason | None = None
    ) -> Application:
        """One more, with a version of its own that no build serves."""
        version = replace(
            make_version(self.tenant.model, name.lower()), status=status, error_message=error, reason=reason
        )
        application = replace(self.application, id=new_id(), name=name, version_id=version.id)
        async with self.database.begin() as work:
            await work.of(ModelVersion, EVERYTHING).add(version)
            await work.of(Application, EVERYTHING).add(application)
        return application


@asynccontextmanager
async def open_scene(
    database: Database, root: Path, environments: Path, sandbox: Sandbox, **changes: Any
) -> AsyncIterator[Scene]:
    """A scene with an application that can be run; nothing of it is left at the end."""
    tenant = await add_tenant(database)
    application = Application(
        new_id(), tenant.organization.id, tenant.project.id, tenant.model.id, None, "Shelf", 60, CLOCK.now()
    )
    async with database.begin() as work:
        await work.of(Application, EVERYTHING).add(application)
    (root / "jobs").mkdir()
    objects = open_objects(f"file://{root}/objects")
    scene = Scene(database, objects, root, tenant, application, environments, sandbox, **changes)
    await scene.set_build()
    await scene.supervisor.start()
    try:
        yield scene
    finally:
        await scene.supervisor.close()
    assert list((root / "instances").iterdir()) == []
    assert list((root / "jobs").iterdir()) == []
