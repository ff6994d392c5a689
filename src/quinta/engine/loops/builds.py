"""The build loop: a queued archive becomes a package, an environment and a first instance (contract ubiops 7.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.builds import mark_available, mark_deploying, mark_failed
from quinta.core.models.environment import environment_of, model_file_of
from quinta.core.models.find import runnable
from quinta.core.models.model import Build, BuildStatus, Model, ModelVersion
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLine
from quinta.core.ports import LogSink, ModelRunner, ObjectStore, Secrets, Store, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.engine.builds.build import PackageBuilder
from quinta.engine.builds.errors import BuildError
from quinta.engine.leases import Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.kit.clock import Clock

CONCURRENT_BUILDS = 2


class Builds:
    """Leases builds and carries them out."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        builder: PackageBuilder,
        runner: ModelRunner,
        logs: LogSink,
        failures: FailureCounts,
        clock: Clock,
        staging: Path,
        secrets: Secrets,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._objects = objects
        self._builder = builder
        self._runner = runner
        self._logs = logs
        self._failures = failures
        self._clock = clock
        self._staging = staging
        self._under_way: dict[str, str] = {}  # by version: the build that this server is at
        work = LeasedWork(
            name="builds",
            kind=Build,
            waiting=BuildStatus.PENDING,
            working=BuildStatus.RUNNING,
            work=self._work,
            give_up=self._give_up,
            concurrency=CONCURRENT_BUILDS,
            woken_by=EventName.BUILD_REQUESTED,
        )
        self.loop = LeasedLoop(work, store, clock, LeasePolicy(maximum_attempts=3))
        store.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        """A build that is overtaken, or whose version is gone, ends at once with all its processes."""
        requested, deleted = event.name is EventName.BUILD_REQUESTED, event.name is EventName.VERSION_DELETED
        if requested or deleted:
            for tag in event.tags:
                build_id = self._under_way.get(tag.removeprefix("version:"))
                # Ids sort by time: another server's event may be heard after the build that it asked for has begun.
                if build_id is not None and (deleted or build_id < event.subject_id):
                    self.loop.cancel(build_id)

    async def _work(self, build: Build) -> Ended | None:
        self._under_way[build.version_id] = build.id
        try:
            return await self._carry_out(build)
        finally:
            if self._under_way.get(build.version_id) == build.id:
                del self._under_way[build.version_id]

    async def _carry_out(self, build: Build) -> Ended:
        async with self._store.read() as work:
            version = await work.of(ModelVersion, EVERYTHING).get(id=build.version_id)
            model = None if version is None else await work.of(Model, EVERYTHING).get(id=version.model_id)
            project = await work.of(Project, EVERYTHING).get(id=build.project_id)
            if version is None or model is None or project is None or version.latest_build_id != build.id:
                return self._superseded()
            log = self._log(project, model, version)
            model_file = await model_file_of(work, project.id, model.id, version.id)
            try:
                environment = await environment_of(work, self._secrets, project.id, model.id, version.id)
            except StateConflict as conflict:
                failure = Failure(conflict.reason or Reason.SECRET_UNREADABLE, conflict.message)
                log(f"the build failed: {failure}")
                return self._failed(build, failure, while_deploying=False)
        try:
            built = await self._build(build, model_file, log)
        except BuildError as error:
            failure = Failure(error.reason, error.message)
            log(f"the build failed: {failure}")
            return self._failed(build, failure, while_deploying=False)
        async with self._store.begin() as work:
            if not await mark_deploying(work, built):
                return self._superseded()
        log("starting the first instance")
        trouble = await self._runner.probe(runnable(project, model, version, built, environment))
        if trouble is not None:
            log(f"the first instance did not start: {trouble}")
            return self._failed(build, trouble, while_deploying=True)
        log("the version is available")
        return self._succeeded(built)

    async def _build(self, build: Build, model_file: str, log: Callable[[str], None]) -> Build:
        """The build with its digests, dated now: the moment that makes the revision of what it runs as."""
        log(f"building {build.archive_name} ({build.archive_size} bytes) for {build.language}")
        self._staging.mkdir(parents=True, exist_ok=True)
        archive = self._staging / f"{build.id}.zip"
        try:
            await self._objects.fetch(build.archive_key, archive)
            package = await self._builder.build(archive, build.language, model_file, log)
        finally:
            archive.unlink(missing_ok=True)
        return replace(
            build,
            package_digest=package.package_digest,
            environment_digest=package.environment_digest,
            model_file=package.model_file,
            updated_at=self._clock.now(),
        )

    def _succeeded(self, built: Build) -> Ended:
        async def effect(work: UnitOfWork) -> None:
            await mark_available(work, built)

        values = {
            "status": BuildStatus.SUCCEEDED,
            "package_digest": built.package_digest,
            "environment_digest": built.environment_digest,
            "model_file": built.model_file,
            "updated_at": built.updated_at,
        }
        return Ended(values, effect)

    def _failed(self, build: Build, failure: Failure, *, while_deploying: bool) -> Ended:
        async def effect(work: UnitOfWork) -> None:
            await mark_failed(work, build, failure, while_deploying=while_deploying)

        self._failures.add(Subject.BUILD, failure.reason)
        values = {"status": BuildStatus.FAILED, "reason": failure.reason, "updated_at": self._clock.now()}
        return Ended(values, effect)

    def _superseded(self) -> Ended:
        return Ended({"status": BuildStatus.SUPERSEDED, "updated_at": self._clock.now()})

    def _give_up(self, build: Build, error: str) -> Ended:
        failure = Failure(Reason.BUILD_GIVEN_UP, f"the build was given up: {error}")
        text = f"the build of {build.archive_name} failed: {failure}"
        self._logs.write(LogLine(build.project_id, self._clock.now(), text, system=True))
        return self._failed(build, failure, while_deploying=False)

    def _log(self, project: Project, model: Model, version: ModelVersion) -> Callable[[str], None]:
        def log(text: str) -> None:
            if text.strip():
                line = LogLine(project.id, self._clock.now(), text, system=True)
                self._logs.write(replace(line, model_name=model.name, version_name=version.name))

        return log
