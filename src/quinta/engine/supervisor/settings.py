"""What the supervisor is told once: where things lie and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from quinta.engine.sandbox.sandbox import Limits


@dataclass(frozen=True, slots=True)
class EngineFolders:
    """``packages`` and ``environments`` hold what builds made, by digest. ``instances`` and ``staging`` belong to one
    supervisor alone, are emptied when it starts, and lie on one file system: inputs are moved between them."""

    packages: Path
    environments: Path
    instances: Path
    staging: Path


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many direct requests may wait for instances: for one version, and for all of one organization, whose inputs
    have at most ``organization_bytes`` together."""

    of_version: int = 1_000
    of_organization: int = 2_000
    organization_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class SupervisorPolicy:
    """Limits and patience, in seconds and bytes.

    ``start_timeout_seconds`` bounds one start of an instance, ``stop_grace_seconds`` the user's ``stop()``. After
    ``failures_before_crash_looping`` starts or crashes outside requests in a row, requests are refused during the
    pause, which doubles from ``first_pause_seconds`` to ``longest_pause_seconds``.

    ``memory_megabytes`` is what all instances together may be allocated, ``maximum_starting`` how many may start at a
    time: a start keeps a core busy for most of its time. Code whose caller has gone is killed after
    ``hang_up_seconds``, so that short requests do not cost an instance. Instances that a rollout warms must stay up for
    ``watch_seconds`` before they count as ready.
    """

    start_timeout_seconds: float = 120.0
    stop_grace_seconds: float = 5.0
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    failures_before_crash_looping: int = 3
    housekeeping_seconds: float = 0.25
    meter_seconds: float = 5.0
    maximum_processes: int = 512
    network: bool = False
    memory_megabytes: int = 4_096
    maximum_starting: int = 4
    hang_up_seconds: float = 1.0
    watch_seconds: float = 1.0
    queue: QueueLimits = field(default_factory=QueueLimits)
    limits: Limits = field(default_factory=Limits)
