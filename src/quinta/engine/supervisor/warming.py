"""Has instances of a version ready before it gets the traffic of its model, for rollouts (decision 0030)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Failure
from quinta.engine.supervisor.capacity import Capacity
from quinta.engine.supervisor.pool import RETIRED
from quinta.engine.supervisor.runner import VersionRunner
from quinta.engine.supervisor.settings import SupervisorPolicy
from quinta.engine.supervisor.states import ALIVE, InstanceState
from quinta.kit.clock import Clock

KEPT_SECONDS: Final = 300.0
"""Instances that were warmed for nothing, since the server that wanted them has gone on or forgot, stop after this and
their idle time."""
SHORT_SECONDS: Final = 3.0
"""Memory that has not come free in this time is taken by what serves: then fewer instances are enough; none even, where
what serves took the place of the first one back after its start."""

_FOR_NOTHING: Final = "the rollout that it was warmed for failed"


class Warmer:
    """Warms the version of one runner. Made anew for each rollout of it, and kept until that has ended."""

    def __init__(self, runner: VersionRunner, capacity: Capacity, policy: SupervisorPolicy, clock: Clock) -> None:
        self._runner = runner
        self._capacity = capacity
        self._policy = policy
        self._now = clock.monotonic
        self._before = sum(instance.state in ALIVE for instance in runner.pool.instances.values())

    async def warm(self, version: RunnableVersion, instances: int) -> Failure | None:
        """None once ``instances`` of ``version``, or as many as there is room for, are ready and have stayed so for a
        moment; else why not."""
        runner, pool = self._runner, self._runner.pool
        wanted = max(instances, 1)
        broken: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()
        runner.broken.add(broken)
        ready: asyncio.Task[None] | None = None
        try:
            runner.apply(version)
            if not pool.serving_current():
                failure = await runner.probe(version)  # it may take the place of others; the further ones may not
                if failure is not None:
                    return failure
            self._keep(wanted)
            if pool.proven(wanted, self._now() - self._policy.watch_seconds):
                return None
            runner.scale()
            ready = asyncio.create_task(self._all_ready(wanted))
            await asyncio.wait((ready, broken), return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
            if not broken.done():
                await asyncio.wait((broken,), timeout=self._policy.watch_seconds)
            if pool.retired is not None:
                return Failure(pool.retired, RETIRED[pool.retired])
            return broken.result() if broken.done() else None
        finally:
            runner.broken.discard(broken)
            broken.cancel()
            if ready is not None:
                ready.cancel()

    def let_go(self, *, serves: bool) -> None:
        """The rollout has ended. What was warmed stays if it serves now, and its idle time begins; else it is stopped
        as far as it is idle, and the version has as many instances as before, or as its minimum."""
        pool = self._runner.pool
        pool.kept = 0
        idle = [instance for instance in pool.ready if instance.current]
        if serves:
            for instance in idle:
                instance.since = self._now()
            return
        up = sum(instance.current and instance.state in ALIVE for instance in pool.instances.values())
        surplus = max(0, up - max(self._before, pool.fewest()))
        self._runner.perform([pool.reclaim(instance, _FOR_NOTHING) for instance in idle[:surplus]])

    def _keep(self, instances: int) -> None:
        pool = self._runner.pool
        pool.kept, pool.kept_until = instances, self._now() + KEPT_SECONDS

    async def _all_ready(self, wanted: int) -> None:
        """Returns when so many are ready, when memory lacks for more, when that took too long, or when the version is
        retired."""
        pool = self._runner.pool
        short_since: float | None = None
        while pool.retired is None and pool.kept and pool.serving_current() < wanted:
            if self._room_lacks():
                short_since = short_since or self._now()
                if self._now() - short_since >= SHORT_SECONDS:
                    self._keep(pool.serving_current())
                    return
            else:
                short_since = None
            self._runner.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._policy.housekeeping_seconds):
                    await self._runner.changed.wait()

    def _room_lacks(self) -> bool:
        """Whether none is on its way, and there is no memory for another one."""
        pool = self._runner.pool
        if pool.version is None or pool.count(InstanceState.STARTING):
            return False
        return self._capacity.megabytes - self._capacity.held < pool.version.memory_megabytes
