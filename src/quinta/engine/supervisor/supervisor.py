"""The engine's answer to ``core.ports.ModelRunner``: one runner for each version, and what keeps house for all."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from quinta.core.models.model import RunnableVersion
from quinta.core.ports import LogSink, MeterSink
from quinta.core.requests.outcome import Reason, RunOutcome, RunRequest
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.calls import FileTransfer
from quinta.engine.supervisor.launch import Launcher
from quinta.engine.supervisor.leftovers import reap_leftovers
from quinta.engine.supervisor.meter import Meter
from quinta.engine.supervisor.runner import VersionRunner, Workshop
from quinta.engine.supervisor.settings import EngineFolders, SupervisorPolicy
from quinta.engine.supervisor.snapshot import PoolSnapshot, snapshot_of
from quinta.engine.supervisor.watchdog import Watchdog
from quinta.kit.clock import Clock

_log: Final = logging.getLogger(__name__)


class Supervisor:
    """Implements ``core.ports.ModelRunner`` with processes of this machine, in one event loop."""

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
        self._shop = Workshop(folders, sandbox, clock, logs, policy, launcher, files, Meter(meters))
        self._watchdog = Watchdog(sandbox, policy)
        self._runners: dict[str, VersionRunner] = {}
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
        """Stops all instances; the user's ``stop()`` gets its grace. Requests end with reason RETIRED, also those
        that come later. Returns when no process is left."""
        self._closed = True
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        await asyncio.gather(*(self.retire(version_id) for version_id in list(self._runners)))
        self._shop.files.tidy()

    async def run(self, version: RunnableVersion, request: RunRequest) -> RunOutcome:
        """Runs one request; see ``core.ports.ModelRunner.run``."""
        if self._closed:
            return RunOutcome(Reason.RETIRED, error_message="the server stops")
        return await self._runner(version.version_id).run(version, request)

    def apply(self, version: RunnableVersion) -> None:
        """Makes ``version`` the revision to run; see ``core.ports.ModelRunner.apply``."""
        if not self._closed:
            self._runner(version.version_id).apply(version)

    async def probe(self, version: RunnableVersion) -> str | None:
        """Starts one instance of a revision that does not serve yet; see ``core.ports.ModelRunner.probe``. Bounded
        by the time limit of a start."""
        return "the server stops" if self._closed else await self._runner(version.version_id).probe(version)

    async def retire(self, version_id: str) -> None:
        """Ends a version; see ``core.ports.ModelRunner.retire``. Returns when no process of it is left."""
        runner = self._runners.get(version_id)
        if runner is None:
            return
        try:
            await runner.retire()
        finally:
            self._runners.pop(version_id, None)

    def snapshot(self) -> dict[str, PoolSnapshot]:
        """By version id: instances in each state, queue and failures, as they are now."""
        now = self._shop.clock.monotonic()
        return {version_id: snapshot_of(runner.pool, now) for version_id, runner in self._runners.items()}

    def _runner(self, version_id: str) -> VersionRunner:
        runner = self._runners.get(version_id)
        if runner is None:
            runner = self._runners[version_id] = VersionRunner(self._shop)
        return runner

    async def _keep_house(self) -> None:
        """Lets time pass for every pool, watches memory, and hands over what was metered."""
        shop, metered = self._shop, self._shop.clock.monotonic()
        while True:
            await asyncio.sleep(shop.policy.housekeeping_seconds)
            for version_id, runner in list(self._runners.items()):
                try:
                    runner.tick()
                except Exception:  # noqa: BLE001 - the top of a loop: one version's trouble is not another's
                    _log.exception("version %s: the supervisor's housekeeping failed", version_id)
            try:
                await self._watchdog.look(
                    p for runner in list(self._runners.values()) for p in runner.processes.values()
                )
                now = shop.clock.monotonic()
                if now - metered >= shop.policy.meter_seconds:
                    metered = now
                    shop.meter.settle(now)
                    shop.files.tidy()
            except Exception:  # noqa: BLE001 - the top of a loop
                _log.exception("the supervisor's housekeeping failed")
