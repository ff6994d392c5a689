"""Watches what the kernel does not limit: the disk, and where there are no cgroups memory and number of processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from quinta.core.reasons import Reason
from quinta.engine.sandbox.processes import scan, trees
from quinta.engine.sandbox.sandbox import Sandbox
from quinta.engine.supervisor.process import InstanceProcess
from quinta.engine.supervisor.scratch import ScratchWatch
from quinta.engine.supervisor.settings import SupervisorPolicy


class Watchdog:
    """Kills instances beyond their allocation. One pass over all processes serves all instances.

    Resident memory is summed over an instance's processes, so pages that forked children share count more than once;
    a cgroup counts them right, and where there is one only the disk is watched here.
    """

    def __init__(self, sandbox: Sandbox, policy: SupervisorPolicy) -> None:
        limited = sandbox.cgroups.parents if sandbox.cgroups else {}
        self._memory = "memory" not in limited
        self._count = "pids" not in limited
        self._maximum_processes = policy.maximum_processes
        self._scratch = ScratchWatch(policy.limits)

    async def look(self, processes: Iterable[InstanceProcess]) -> None:
        """One round."""
        processes = list(processes)
        self._scratch.look(processes)
        roots = {process.id: process for process in processes if not process.ended.done()}
        if not roots or not (self._memory or self._count):
            return
        # Reading /proc for a thousand processes takes 15 ms, too long for the loop that answers requests.
        found = await asyncio.to_thread(lambda: trees(scan(), set(roots)))
        for root, tree in found.items():
            process = roots[root]
            megabytes = process.instance.version.memory_megabytes
            if self._memory and sum(member.resident_bytes for member in tree) > megabytes << 20:
                process.kill(Reason.MEMORY, f"needed more memory than its {megabytes} MB and was killed")
            elif self._count and len(tree) > self._maximum_processes:
                text = f"had more than {self._maximum_processes} processes and was killed"
                process.kill(Reason.PROCESSES, text)
