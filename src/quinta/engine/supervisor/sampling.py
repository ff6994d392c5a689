"""Samples what the processes of instances use (contract versiontwo 5.4, decision 0032)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from quinta.core.ports import MeterSink
from quinta.engine.sandbox.processes import Process, scan, trees
from quinta.engine.supervisor.process import InstanceProcess

_MEGABYTE: Final = 1 << 20


class _Use(NamedTuple):
    """Of one instance at ``moment`` of the monotonic clock: processor seconds so far, and memory that it holds."""

    moment: float
    processor_seconds: float
    resident_bytes: int


class Sampler:
    """Adds up from the start of an instance's process until the last look at it.

    Metrics of object type ``model_version``: ``processor_seconds``, ``memory_megabyte_seconds`` (resident memory x
    seconds) and ``sampled_seconds``, by which either is divided for a mean over instances and over time.
    """

    def __init__(self, sink: MeterSink) -> None:
        self._sink = sink
        self._before: dict[str, _Use] = {}  # by instance

    async def look(self, processes: Iterable[InstanceProcess]) -> None:
        """One round; each look counts for the time since the one before."""
        # What code uses that reads private rows is its own choice, so it would be a way out of the quarantine.
        running = [each for each in processes if not each.ended.done() and not each.instance.version.runs_command]
        # In a thread like the watchdog's look: a thousand processes take 15 ms.
        found = await asyncio.to_thread(_measure, running) if running else {}
        for process in running:
            instance, version = process.instance, process.instance.version
            if instance.id in found:
                values = _difference(
                    self._before.get(instance.id, _Use(process.started_at, 0.0, 0)), found[instance.id]
                )
                self._sink.add(version.project_id, "model_version", version.version_id, values)
        self._before = found


def _difference(before: _Use, now: _Use) -> dict[str, float]:
    seconds = now.moment - before.moment
    return {
        # What a child used is not known any more when it ended and nobody waited for it.
        "processor_seconds": max(now.processor_seconds - before.processor_seconds, 0.0),
        "memory_megabyte_seconds": now.resident_bytes / _MEGABYTE * seconds,
        "sampled_seconds": seconds,
    }


def _measure(running: list[InstanceProcess]) -> dict[str, _Use]:
    """By instance; without those that end at this moment. What a cgroup does not tell is summed over the processes."""
    counted = {process.instance.id: _of_cgroup(process) for process in running}
    table: dict[int, list[Process]] = {}
    if any(None in told for told in counted.values()):
        table = trees(scan(), {process.id for process in running})
    found = {}
    for process in running:
        seconds, held = counted[process.instance.id]
        tree = table.get(process.id, [])
        if not tree and (seconds is None or held is None):
            continue
        seconds = sum(member.processor_seconds for member in tree) if seconds is None else seconds
        held = sum(member.resident_bytes for member in tree) if held is None else held
        found[process.instance.id] = _Use(time.monotonic(), seconds, held)
    return found


def _of_cgroup(process: InstanceProcess) -> tuple[float | None, int | None]:
    cgroup = process.prepared.cgroup
    return (None, None) if cgroup is None else (cgroup.processor_seconds(), cgroup.resident_bytes())
