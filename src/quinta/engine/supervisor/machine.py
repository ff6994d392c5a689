"""What the machine has for instances: the policy that follows from its memory and its cores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from quinta.engine.supervisor.settings import QueueLimits, SupervisorPolicy

SHARE: Final = 0.8  # of the memory: the rest is for the server, builds, the database and the system's file cache
_STARTS_A_CORE: Final = 2  # a start waits for the disk for a part of its time


def supervisor_policy(
    start_timeout_seconds: float, instance_megabytes: int | None, queue_requests: int
) -> SupervisorPolicy:
    """The policy for this machine. ``instance_megabytes`` for all instances together, by default SHARE of the memory
    that the server may use; ``queue_requests`` may wait for one version, twice as many for one organization."""
    return SupervisorPolicy(
        start_timeout_seconds=start_timeout_seconds,
        memory_megabytes=instance_megabytes or int(memory_megabytes() * SHARE),
        maximum_starting=_STARTS_A_CORE * len(os.sched_getaffinity(0)),
        queue=QueueLimits(of_version=queue_requests, of_organization=2 * queue_requests),
    )


def memory_megabytes(process: Path = Path("/proc/self"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """The memory of the machine, or the lower limit of a cgroup that this process is in."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for line in (process / "cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            limits += _limits(cgroups, path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(cgroups / "memory", path, "memory.limit_in_bytes")
    return min(limits) >> 20


def _limits(root: Path, path: str, name: str) -> list[int]:
    """The limits of a group and of those above it. Within a container, the group's path may not be there: its own
    limit is at the root then."""
    folder = root / path.lstrip("/")
    found = []
    for group in (folder, *folder.parents):
        if not group.is_relative_to(root):
            break
        try:
            text = (group / name).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            found.append(int(text))
    return found
