"""What an observer sees of a version's instances."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.engine.supervisor.pool import Pool
from quinta.engine.supervisor.states import InstanceState


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """Counts of instances by state, of queued requests and of failures in a row.

    ``obstacle`` says why an instance that is wanted cannot start now; "" when none is.
    ``revision`` is None before one was applied. ``next_try_seconds`` is how long no instance will be started after
    failures; 0 when one may be.
    """

    revision: int | None
    starting: int
    ready: int
    busy: int
    stopping: int
    waiting: int
    failures: int
    crash_looping: bool
    last_error: str
    next_try_seconds: float
    obstacle: str


def snapshot_of(pool: Pool, now: float) -> PoolSnapshot:
    """The state of ``pool`` at the monotonic time ``now``."""
    return PoolSnapshot(
        revision=pool.version.revision if pool.version else None,
        starting=pool.count(InstanceState.STARTING),
        ready=pool.count(InstanceState.READY),
        busy=pool.count(InstanceState.BUSY),
        stopping=pool.count(InstanceState.STOPPING),
        waiting=len(pool.waiting),
        failures=pool.failures,
        crash_looping=pool.crash_looping,
        last_error=pool.last_error,
        next_try_seconds=max(0.0, pool.not_before - now),
        obstacle=pool.obstacle,
    )
