"""The engine's answer to ``core.ports.ModelRunner`` and ``JobRunner``: one runner for each version and for each job,
and what keeps house for all."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from quinta.core.jobs.model import JobRun
from quinta.core.models.model import JobFolders, RunnableVersion
from quinta.core.ports import LogSink, MeterSink
from quinta.core.reasons import Failure, Reason
from quinta.core.requests.outcome import RunOutcome, RunRequest
from quinta.engine.observation.tally import Tally
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.calls import FileTransfer
from quinta.engine.supervisor.capacity import Capacity
from quinta.engine.supervisor.folders import RESULTS
from quinta.engine.supervisor.launch import Launcher
from quinta.engine.supervisor.leftovers import reap_leftovers
from quinta.engine.supervisor.meter import Meter
from quinta.engine.supervisor.pool import RETIRED
from quinta.engine.supervisor.runner import VersionRunner, Workshop
from quinta.engine.supervisor.sampling import Sampler
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.engine.supervisor.snapshot import PoolSnapshot, snapshot_of
from quinta.engine.supervisor.warming import Warmer
from quinta.engine.supervisor.watchdog import Watchdog
from quinta.kit.clock import Clock

_log: Final = logging.getLogger(__name__)
_STOPPING: Final = Failure(Reason.SERVER_STOPPING, RETIRED[Reason.SERVER_STOPPING])


class Supervisor:
    """Implements ``core.ports.ModelRunner`` and ``JobRunner`` with processes of this machine, in one event loop."""

    def __init__(
        self,
        folders: EngineFolders,
        sandbox: Sandbox,
        clock: Clock,
        logs: LogSink,
        meters: MeterSink,
        policy: SupervisorPolicy,
    ) -> None:
        launcher = Launcher(folders, sandbox, policy)
        files = FileTransfer(folders.staging, policy.limits.file_bytes)
        self.capacity = Capacity(policy.memory_megabytes, policy.maximum_starting)
        meter = Meter(meters)
        self._shop = Workshop(
            folders, sandbox, clock, logs, policy, launcher, files, meter, self.capacity, self._balance
        )
        self._watchdog = Watchdog(sandbox, policy)
        self._sampler = Sampler(meters)
        self._runners: dict[str, VersionRunner] = {}  # by version id, or by the key of a job
        self._warmers: dict[str, Warmer] = {}  # by version id: of rollouts under way
        self._housekeeping: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Ends what an earlier supervisor left in the same folders, then begins to keep house.

        Raises ValueError when instances and staging are not on one file system.
        """
        folders = self._shop.folders
        for folder in (folders.instances, folders.staging):
            folder.mkdir(parents=True, exist_ok=True)
        if folders.instances.stat().st_dev != folders.staging.stat().st_dev:
            raise ValueError(f"{folders.instances} and {folders.staging} must be on one file system")
        left = await asyncio.to_thread(reap_leftovers, folders.instances, self._shop.sandbox)
        if left:
            _log.warning("ended %d instances that an earlier server left: %s", len(left), ", ".join(left))
        if self._shop.sandbox.cgroups is not None:
            await asyncio.to_thread(self._shop.sandbox.cgroups.sweep)
        await asyncio.to_thread(self._shop.files.clear)
        self._housekeeping = asyncio.create_task(self._keep_house(), name="supervisor housekeeping")

    async def close(self) -> None:
        """Stops all instances; the user's ``stop()`` gets its grace. Requests end with SERVER_STOPPING, also those
        that come later. Returns when no process is left."""
        self._closed = True
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        ends = [self.retire(version_id, Reason.SERVER_STOPPING) for version_id in self._runners]
        await asyncio.gather(*ends)
        self._shop.files.tidy()

    async def run(self, version: RunnableVersion, request: RunRequest) -> RunOutcome:
        """Runs one request; see ``core.ports.ModelRunner.run``."""
        if self._closed:
            return RunOutcome(_STOPPING.reason, error_message=_STOPPING.message)
        return await self._runner(version).run(version, request)

    async def run_job(
        self, version: RunnableVersion, run: JobRun, folders: JobFolders, logs: LogSink | None = None
    ) -> RunOutcome:
        """Runs a job; see ``core.ports.JobRunner.run_job``. It waits for room and for its start as long as two starts
        may take; the time limit begins with the call of the code."""
        if self._closed:
            return RunOutcome(_STOPPING.reason, error_message=_STOPPING.message)
        key = f"job-{run.job_id}"
        job = replace(version, minimum_instances=0, maximum_instances=1, job=folders)
        runner = self._add(key, job, run.job_id, logs)
        patience = 2 * self._shop.policy.start_timeout_seconds
        request = RunRequest(run.job_id, run.params, patience, batch=True, run_timeout=run.time_limit)
        try:
            outcome = await runner.run(job, request)
        finally:
            await asyncio.shield(self.retire(key, Reason.INSTANCE_STOPPED))
        if outcome.success and not all((folders.results / name).is_dir() for name in RESULTS):
            text = "what the job left could not be kept; the server's own log says why"
            return RunOutcome(Reason.RESULT_NOT_KEPT, error_message=text, seconds=outcome.seconds)
        return outcome

    def apply(self, version: RunnableVersion) -> None:
        """Makes ``version`` the revision to run; see ``core.ports.ModelRunner.apply``."""
        if not self._closed:
            self._runner(version).apply(version)

    async def probe(self, version: RunnableVersion) -> Failure | None:
        """Starts one instance of a revision that does not serve yet; see ``core.ports.ModelRunner.probe``. Bounded
        by the time limit of a start."""
        return _STOPPING if self._closed else await self._runner(version).probe(version)

    async def warm(self, version: RunnableVersion, instances: int) -> Failure | None:
        """Has instances ready before the version gets its model's traffic; see ``core.ports.ModelRunner.warm``."""
        if self._closed:
            return _STOPPING
        runner = self._runner(version)
        warmer = self._warmers.get(version.version_id)
        if warmer is None:
            warmer = Warmer(runner, self.capacity, self._shop.policy, self._shop.clock)
            self._warmers[version.version_id] = warmer
        return await warmer.warm(version, instances)

    def let_go(self, version_id: str, *, serves: bool) -> None:
        """Ends what ``warm`` began; see ``core.ports.ModelRunner.let_go``."""
        warmer = self._warmers.pop(version_id, None)
        if warmer is not None:
            warmer.let_go(serves=serves)

    async def retire(self, version_id: str, reason: Reason) -> None:
        """Ends a version; see ``core.ports.ModelRunner.retire``. Returns when no process of it is left."""
        runner = self._runners.get(version_id)
        if runner is None:
            return
        try:
            await runner.retire(reason)
        finally:
            if self._runners.get(version_id) is runner:
                del self._runners[version_id]
                self._warmers.pop(version_id, None)
                self.capacity.remove(version_id)

    def snapshot(self) -> dict[str, PoolSnapshot]:
        """By version id: instances in each state, queue and failures, as they are now. Without those of jobs."""
        now = self._shop.clock.monotonic()
        found = self._runners.items()
        return {version_id: snapshot_of(runner.pool, now) for version_id, runner in found if runner.job_id is None}

    def jobs(self) -> list[tuple[RunnableVersion, PoolSnapshot]]:
        """For each job that waits or runs, the version that it runs and its instance."""
        now = self._shop.clock.monotonic()
        pools = [runner.pool for runner in self._runners.values() if runner.job_id is not None]
        return [(pool.version, snapshot_of(pool, now)) for pool in pools if pool.version is not None]

    @property
    def tally(self) -> Tally:
        """What was counted by version since the start."""
        return self._shop.tally

    def versions(self) -> dict[str, RunnableVersion]:
        """By version id: what each version that has runs here was last told to run."""
        found = self._runners.items()
        pools = ((version_id, runner.pool.version) for version_id, runner in found if runner.job_id is None)
        return {version_id: version for version_id, version in pools if version is not None}

    def _runner(self, version: RunnableVersion) -> VersionRunner:
        return self._runners.get(version.version_id) or self._add(version.version_id, version)

    def _add(
        self, key: str, version: RunnableVersion, job_id: str | None = None, logs: LogSink | None = None
    ) -> VersionRunner:
        shop = self._shop if logs is None else replace(self._shop, logs=logs)
        runner = VersionRunner(shop, self.capacity.tenant(version.organization_id), key, job_id)
        self._runners[key] = runner
        self.capacity.add(key, version.organization_id, runner.pool)
        return runner

    def _balance(self) -> None:
        """Starts and stops instances, of any version, as the capacity decides now."""
        for version_id, action in self.capacity.balance(self._shop.clock.monotonic()):
            self._runners[version_id].perform([action])

    async def _keep_house(self) -> None:
        """Lets time pass for every pool, watches memory, and hands over what was metered."""
        shop, metered = self._shop, self._shop.clock.monotonic()
        while True:
            await asyncio.sleep(shop.policy.housekeeping_seconds)
            for version_id, runner in list(self._runners.items()):
                try:
                    runner.tick()
                    self.capacity.changed(version_id)
                except Exception:  # noqa: BLE001 - the top of a loop: one version's trouble is not another's
                    _log.exception("version %s: the supervisor's housekeeping failed", version_id)
            try:
                self._balance()
                processes = [p for runner in self._runners.values() for p in runner.processes.values()]
                await self._watchdog.look(processes)
                now = shop.clock.monotonic()
                if now - metered >= shop.policy.meter_seconds:
                    metered = now
                    shop.meter.settle(now)
                    shop.files.tidy()
                    await self._sampler.look(processes)
            except Exception:  # noqa: BLE001 - the top of a loop
                _log.exception("the supervisor's housekeeping failed")
