"""The only place that wires it: settings -> adapters -> services -> loops -> ASGI application."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import structlog

from quinta.core.access.assignments import RoleAssignments
from quinta.core.access.authentication import Authenticator
from quinta.core.access.base_roles import make_base_roles
from quinta.core.access.custom_roles import Roles
from quinta.core.access.devices import Devices
from quinta.core.access.keys import Keys
from quinta.core.access.rate_limits import RateLimits
from quinta.core.access.service_users import ServiceUsers
from quinta.core.access.sign_in import SignIn
from quinta.core.connectors.connectors import Connectors
from quinta.core.connectors.credentials import CredentialsKeeper
from quinta.core.deployments.deployments import Deployments
from quinta.core.errors import QuintaError
from quinta.core.files.blobs import Blobs
from quinta.core.files.records import Records
from quinta.core.files.repositories import Repositories
from quinta.core.files.stored import StoredArchives
from quinta.core.jobs.jobs import Jobs
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import RunnableVersion
from quinta.core.models.models import Models
from quinta.core.models.packages import Packages
from quinta.core.models.variables import Variables
from quinta.core.models.versions import Versions
from quinta.core.observation.audit import AuditTrail
from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.logs import Logs
from quinta.core.observation.metrics import Metrics
from quinta.core.observation.refusals import Refusals
from quinta.core.observation.release_logs import ReleaseLogs
from quinta.core.observation.release_metrics import ReleaseMetrics
from quinta.core.observation.usage import Usage
from quinta.core.pipelines.attachments import Attachments
from quinta.core.pipelines.batch import BatchPipelineRequests
from quinta.core.pipelines.direct import DirectPipelineRequests
from quinta.core.pipelines.objects import PipelineObjects
from quinta.core.pipelines.pipelines import Pipelines
from quinta.core.pipelines.runs import PipelineRuns
from quinta.core.quarantine import Ground, make_quarantine
from quinta.core.requests.batch import BatchRequests
from quinta.core.requests.direct import DirectRequests
from quinta.core.requests.execution import Execution
from quinta.core.requests.reading import Reader
from quinta.core.schedules.pipelines import ScheduledPipelines
from quinta.core.schedules.schedules import Schedules
from quinta.core.schedules.targets import ScheduledModels, ScheduleTarget
from quinta.core.sealing import seal_all_again
from quinta.core.services import Services
from quinta.core.tenancy.accounts import Accounts
from quinta.core.tenancy.administration import Administration
from quinta.core.tenancy.group_places import GroupPlaces
from quinta.core.tenancy.groups import Groups
from quinta.core.tenancy.members import Members
from quinta.core.tenancy.organizations import Organizations
from quinta.core.tenancy.plans import Plans
from quinta.core.tenancy.projects import Projects
from quinta.core.tenancy.release_projects import ReleaseProjects
from quinta.core.tenancy.resources import Resources
from quinta.core.tenancy.subscriptions import seed_subscriptions
from quinta.core.tenancy.workspaces import Workspaces
from quinta.core.webhooks.webhooks import Webhooks
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.builds.archive import check_is_zip
from quinta.engine.builds.build import BuildSettings, PackageBuilder
from quinta.engine.connectors.delivery import StoreDeliveries
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.drivers import make_drivers
from quinta.engine.data_folder import DataFolder, StartRefused
from quinta.engine.leases import LeasedLoop
from quinta.engine.loops.batches import Batches
from quinta.engine.loops.builds import Builds
from quinta.engine.loops.clock import ClockWatch
from quinta.engine.loops.deliveries import DeliveryLoop
from quinta.engine.loops.flushes import KEY_USES_SECONDS, REFUSALS_SECONDS, keep_flushing
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.engine.loops.instances import Instances
from quinta.engine.loops.job_files import JobFiles
from quinta.engine.loops.jobs import JobLoop
from quinta.engine.loops.quotas import Quotas
from quinta.engine.loops.rollouts import Rollouts
from quinta.engine.loops.schedules import Scheduler
from quinta.engine.loops.verifications import Verifications
from quinta.engine.loops.webhooks import WebhookLoop
from quinta.engine.measurements import Measurements, Sources, gauges_of
from quinta.engine.observation.pulse import Pulse
from quinta.engine.observation.queues import QueueReader
from quinta.engine.observation.status import StatusReport
from quinta.engine.observation.status_socket import StatusSocket
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.engine.sandbox.detection import detect
from quinta.engine.supervisor.machine import supervisor_policy
from quinta.engine.supervisor.supervisor import Supervisor
from quinta.engine.webhooks.calling import Caller
from quinta.kit.clock import Clock, SystemClock
from quinta.server_quarantine import QuarantineParts, quarantine_ground, quarantine_loops, quarantine_parts
from quinta.settings import Settings
from quinta.storage.database import Database
from quinta.storage.migrate import DatabaseRefused
from quinta.storage.objects import Objects, open_objects
from quinta.storage.passwords import Argon2Passwords
from quinta.storage.secrets import KeyringRefused, SealedSecrets

logger = structlog.get_logger(__name__)

VERSION = version("quinta")


@dataclass(frozen=True, slots=True)
class _Shared:
    """What services and loops stand on alike."""

    store: Database
    objects: Objects
    clock: Clock
    reader: Reader
    blobs: Blobs
    versions: LiveVersions
    execution: Execution
    direct_pipelines: DirectPipelineRequests
    batch_pipelines: BatchPipelineRequests
    scheduled: tuple[ScheduleTarget, ...]
    quarantine: QuarantineParts


class Server:
    """One server on one data folder: call ``start`` before the first request, ``close`` after the last.

    StartRefused and storage's UrlRefused, on the way to the first request, say what the operator must change.

    ``services`` is what the faces are made of; ``tell`` gets lines for the operator's terminal. ``address`` is only for
    the status: whoever listens for the server says it there.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None], clock: Clock | None = None) -> None:
        self.settings = settings
        self.ready = False
        self.address = ""
        self._tell = tell
        self._folders = DataFolder(settings.data)
        clock = self.clock = clock or SystemClock()
        self._passwords = Argon2Passwords()
        self._secrets = SealedSecrets(self._folders.keyring, settings.secrets_key)
        self._database = Database(settings.database_url, clock)
        with self._folders.needed():
            self._folders.create()  # the object store may be a folder in it
            objects = open_objects(settings.storage_url)
        self._recorder = Recorder(self._database, clock)
        self._failures = FailureCounts()
        self._sandbox = detect()
        policy = supervisor_policy(
            settings.start_timeout_seconds,
            settings.instance_memory_megabytes,
            settings.queue_requests,
            network=settings.instance_network,
        )
        self.supervisor = Supervisor(self._folders.engine, self._sandbox, clock, self._recorder, self._recorder, policy)
        self._builder = PackageBuilder(
            self._folders.engine.packages,
            self._folders.engine.environments,
            self._sandbox,
            _build_settings(settings),
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: IO[str] | None = None
        self._assemble(clock, objects)

    def _assemble(self, clock: Clock, objects: Objects) -> None:
        """Makes the services and the loops on top of the adapters."""
        store = self._database
        recorder, secrets, failures = self._recorder, self._secrets, self._failures
        blobs = Blobs(store, objects, clock)
        self._reading = ReadingProcess()
        reader = Reader(self._reading)
        drivers = make_drivers(Destinations(self.settings.connector_networks))
        versions = LiveVersions(store, secrets)
        execution = Execution(self.supervisor, reader, blobs, recorder, recorder, failures, clock)
        deliveries = StoreDeliveries(
            store, reader, objects, drivers, secrets, recorder, recorder, failures, clock, self.staging
        )
        direct_pipelines = DirectPipelineRequests(
            store, reader, versions, execution, deliveries, blobs, recorder, recorder, clock, self._runs_here
        )
        batch_pipelines = BatchPipelineRequests(store, reader, blobs, recorder, clock)
        shared = _Shared(
            store=store,
            objects=objects,
            clock=clock,
            reader=reader,
            blobs=blobs,
            versions=versions,
            execution=execution,
            direct_pipelines=direct_pipelines,
            batch_pipelines=batch_pipelines,
            scheduled=(
                ScheduledModels(store, versions, execution, blobs, self._runs_here),
                ScheduledPipelines(batch_pipelines, direct_pipelines),
            ),
            quarantine=quarantine_parts(self.settings, self._folders, secrets, self._reading),
        )
        self.services = self._make_services(shared)
        self._make_loops(shared, deliveries)
        self._verifications = Verifications(store, drivers, secrets, recorder, failures, clock)
        self._observe(store, recorder, clock)
        self._gather_leased(clock)

    def _make_loops(self, shared: _Shared, deliveries: StoreDeliveries) -> None:
        store, objects, clock, reader = shared.store, shared.objects, shared.clock, shared.reader
        recorder, secrets, failures = self._recorder, self._secrets, self._failures
        runs = PipelineRuns(store, reader, recorder, clock)
        self._administration = Administration(store, clock, self._passwords)
        self._builds = Builds(
            store, objects, self._builder, self.supervisor, recorder, failures, clock, self.staging, secrets
        )
        self._batches = Batches(store, shared.versions, shared.execution, runs, failures, clock, self._runs_here)
        job_files = JobFiles(self._folders.jobs, store, objects, ZipArchives(), recorder)
        self._jobs = JobLoop(
            store, secrets, self.supervisor, reader, job_files, recorder, failures, clock, self._runs_here
        )
        self._query_processes = shared.quarantine.queries
        self._data_jobs, self._queries = quarantine_loops(
            self.settings,
            self._folders,
            shared.quarantine,
            self.services.quarantine,
            store,
            objects,
            self.supervisor,
            self._builder,
            failures,
            clock,
        )
        self._rollouts = Rollouts(store, secrets, self.supervisor, recorder, failures, clock, self._runs_here)
        self._scheduler = Scheduler(store, shared.scheduled, recorder, clock)
        self._deliveries = DeliveryLoop(store, deliveries, runs, recorder, failures, clock)
        caller = Caller(f"Quinta/{VERSION}", self.settings.webhook_private)
        first_wait = self.settings.webhook_retry_seconds
        self._webhooks = WebhookLoop(store, caller, secrets, recorder, failures, clock, first_wait)
        self._instances = Instances(store, shared.versions, self.supervisor, self._runs_here)
        self._housekeeping = Housekeeping(store, objects, clock)
        self._quotas = Quotas(store, recorder, clock)

    def _gather_leased(self, clock: Clock) -> None:
        self._leased: dict[str, LeasedLoop[Any]] = {
            "builds": self._builds.loop,
            "batches": self._batches.loop,
            "jobs": self._jobs.loop,
            "data jobs": self._data_jobs.loop,
            "queries": self._queries.loop,
            "rollouts": self._rollouts.loop,
            "deliveries": self._deliveries.loop,
            "verifications": self._verifications.loop,
            "webhooks": self._webhooks.loop,
        }
        menders = {name: loop.end_far_leases for name, loop in self._leased.items()}
        self._clock_watch = ClockWatch(clock, menders | {"schedules": self._scheduler.end_sleep})

    def _observe(self, store: Database, recorder: Recorder, clock: Clock) -> None:
        """Makes what operators look at."""
        self._pulse = Pulse(self.supervisor.tally, self.supervisor.versions, clock)
        sources = Sources(
            supervisor=self.supervisor,
            recorder=recorder,
            failures=self._failures,
            reading=self._reading,
            queues=QueueReader(store, clock),
            pulse=self._pulse,
            clock=clock,
            gauges=self._gauges,
            build={"version": VERSION, "python": platform.python_version()},
        )
        self.measurements = Measurements(sources)
        status = StatusReport(sources, store, self._about)
        self._status = StatusSocket(self.settings.data, status.read)

    def _make_services(self, shared: _Shared) -> Services:
        store, clock, reader, blobs = shared.store, shared.clock, shared.reader, shared.blobs
        stored = StoredArchives(shared.objects, ZipArchives(), self.staging)
        sign_in = SignIn(store, clock, self._passwords, self._secrets)
        authenticator = Authenticator(store, clock)
        groups = Groups(store, clock)
        release_projects = ReleaseProjects(store, clock)
        return Services(
            authenticator=authenticator,
            keys=Keys(store, clock, authenticator.uses),
            rate_limits=RateLimits(store, clock, self.settings.rate_limit),
            sign_in=sign_in,
            devices=Devices(store, clock, sign_in),
            accounts=Accounts(store, clock, self._passwords, activate_at_once=self.settings.activate_accounts),
            organizations=Organizations(store, clock),
            members=Members(store),
            groups=groups,
            group_places=GroupPlaces(store, clock),
            plans=Plans(store),
            resources=Resources(store),
            projects=Projects(store, clock),
            release_projects=release_projects,
            workspaces=Workspaces(store, clock),
            roles=Roles(store),
            role_assignments=RoleAssignments(store),
            service_users=ServiceUsers(store, clock),
            models=Models(store, clock),
            versions=Versions(store, clock),
            variables=Variables(store, clock, self._secrets),
            packages=Packages(store, shared.objects, clock, check_is_zip),
            direct=DirectRequests(store, reader, shared.execution, blobs, self._secrets, self._runs_here),
            batch=BatchRequests(store, reader, blobs, clock),
            pipelines=Pipelines(store, clock),
            pipeline_objects=PipelineObjects(store),
            attachments=Attachments(store),
            direct_pipelines=shared.direct_pipelines,
            batch_pipelines=shared.batch_pipelines,
            schedules=Schedules(store, clock, blobs, shared.scheduled),
            blobs=blobs,
            repositories=Repositories(store, stored, clock, self.settings.time_zone),
            records=Records(store, clock, shared.objects),
            jobs=Jobs(store, stored, reader, clock),
            deployments=Deployments(store, clock),
            connectors=Connectors(store, clock),
            credentials=CredentialsKeeper(store, clock, self._secrets),
            webhooks=Webhooks(store, clock, self._secrets, private=self.settings.webhook_private),
            logs=Logs(store, clock),
            metrics=Metrics(store),
            release_logs=ReleaseLogs(store, clock),
            release_metrics=ReleaseMetrics(store, clock),
            usage=Usage(store, clock),
            reader=reader,
            audit=AuditTrail(store),
            refusals=Refusals(store, clock),
            quarantine=make_quarantine(self._ground(shared), sign_in, groups, release_projects),
        )

    def _ground(self, shared: _Shared) -> Ground:
        return quarantine_ground(
            self.settings,
            self._folders,
            shared.quarantine,
            shared.store,
            shared.objects,
            self._passwords,
            self._secrets,
            self._reading,
            shared.clock,
        )

    @property
    def staging(self) -> Path:
        """Where uploads are written while they arrive."""
        return self._folders.uploads

    async def start(self) -> None:
        """Opens the data folder, brings the schema up to date, starts loops and instances."""
        for sentence in self._sandbox.missing:
            self._tell(f"missing protection: {sentence}")
        if self._sandbox.missing and self.settings.require_sandbox:
            raise StartRefused("a protection is missing, and --require-sandbox refuses to start without it")
        with self._folders.needed():
            self._lock = self._folders.lock()  # first: what is emptied next may be in use by another server
            self._folders.make()
        try:
            self._secrets.load()
            await self._database.start()
        except (KeyringRefused, DatabaseRefused) as refusal:
            raise StartRefused(str(refusal)) from None
        await seed_subscriptions(self._database)
        await make_base_roles(self._database, self.clock)
        if lost := await seal_all_again(self._database, self._secrets):
            self._tell(f"{lost} secret values do not open with the keyring: put their key back, or set them again")
        await self._first_start()
        if self._database.exclusive:
            for loop in self._leased.values():
                await loop.release_abandoned()
        await asyncio.to_thread(self._builder.remove_leftovers)
        await self.supervisor.start()
        runs = {
            "recorder": self._recorder.run(),
            "refusals": keep_flushing("refusals", self.services.refusals.flush, REFUSALS_SECONDS),
            "key uses": keep_flushing("key_uses", self.services.authenticator.uses.flush, KEY_USES_SECONDS),
            **{name: loop.run() for name, loop in self._leased.items()},
            "schedules": self._scheduler.run(),
            "instances": self._instances.run(),
            "housekeeping": self._housekeeping.run(),
            "quotas": self._quotas.run(),
            "pulse": self._pulse.run(),
            "clock": self._clock_watch.run(),
            "warm queries": self._queries.warm(),
        }
        self._tasks = [asyncio.create_task(run, name=name) for name, run in runs.items()]
        await self._status.open()
        self.ready = True

    async def close(self) -> None:
        """Lets running work end for a short while, stops every instance, stores what is buffered."""
        self.ready = False
        await self._status.close()
        await asyncio.gather(
            self._batches.loop.close(grace=5.0),
            self._jobs.close(grace=5.0),
            self._data_jobs.loop.close(grace=5.0),
            self._queries.loop.close(grace=5.0),
            self._deliveries.loop.close(grace=5.0),
            self._builds.loop.close(grace=0.0),
            self._rollouts.loop.close(grace=0.0),
            self._verifications.loop.close(grace=0.0),
            self._webhooks.loop.close(grace=5.0),
            self._scheduler.close(grace=5.0),
        )
        await self.supervisor.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._reading.close)
        await asyncio.to_thread(self._query_processes.close)
        await self._recorder.flush()
        await self.services.refusals.flush(everything=True)
        await self.services.authenticator.uses.flush()
        await self._database.close()
        if self._lock is not None:
            self._lock.close()

    def _runs_here(self, version: RunnableVersion) -> bool:
        """Whether this server has the build. A server alone on its database is the only one that can: it tries, so that
        what is missing shows as a failure instead of waiting for ever."""
        return self._database.exclusive or self._folders.have(version)

    def _about(self) -> dict[str, Any]:
        """What the status says of the server itself (docs/operating.md)."""
        return {
            "address": self.address,
            "process": os.getpid(),
            "data": str(self.settings.data),
            "database": self._database.name,
            "ready": self.ready,
            "sandbox": self._sandbox.level,
            "missing_protections": list(self._sandbox.missing),
        }

    def _gauges(self) -> dict[str, float]:
        return {
            **gauges_of([*self.supervisor.snapshot().values(), *(pool for _, pool in self.supervisor.jobs())]),
            "batch_requests_in_flight": self._batches.loop.in_flight,
            "jobs_in_flight": self._jobs.loop.in_flight + self._data_jobs.loop.in_flight,
            "queries_in_flight": self._queries.loop.in_flight,
            "rollouts_in_flight": self._rollouts.loop.in_flight,
            "scheduled_requests_in_flight": self._scheduler.in_flight,
            "builds_in_flight": self._builds.loop.in_flight,
        }

    async def _first_start(self) -> None:
        wanted = self.settings.administrator
        try:
            made = await self._administration.first_administrator(wanted.email, wanted.password, wanted.token)
        except QuintaError as error:
            raise StartRefused(f"the first administrator (QUINTA_ADMIN_…) cannot be made: {error.message}") from None
        for line in made.told if made is not None else ():
            self._tell(line)


def _build_settings(settings: Settings) -> BuildSettings:
    return BuildSettings(
        pythons=settings.pythons,
        search_path=settings.search_path,
        home=settings.home,
        index_environment=settings.build_environment,
        time_limit_seconds=settings.build_timeout_seconds,
    )
