"""The words of the pool: states of an instance, requests as tickets, and the actions that follow from events."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason


class InvalidState(RuntimeError):
    """An event that cannot be in the present state."""


class InstanceState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    STOPPING = "stopping"
    GONE = "gone"


ALIVE = frozenset({InstanceState.STARTING, InstanceState.READY, InstanceState.BUSY})


class Ticket:
    """One accepted request. ``timeout`` in seconds is only for messages; who owns the clock reports expiry."""

    __slots__ = ("ended", "instance", "timeout")

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.instance: Instance | None = None
        self.ended = False


class Instance:
    """One instance as the pool sees it. ``current`` says whether it runs what the pool's version asks for."""

    __slots__ = ("current", "id", "ready_since", "since", "state", "ticket", "version")

    def __init__(self, id: str, version: RunnableVersion, current: bool, now: float) -> None:
        self.id = id
        self.version = version
        self.current = current
        self.state = InstanceState.STARTING
        self.ticket: Ticket | None = None
        self.since = now
        self.ready_since = now


class Launch(NamedTuple):
    """Start a process for this instance; report ``started``, ``start_failed`` or ``exited``."""

    instance: Instance


class Assign(NamedTuple):
    """Send the request to the instance; report ``finished`` or ``exited``."""

    instance: Instance
    ticket: Ticket


class Shut(NamedTuple):
    """Let the instance stop by itself, then kill it; report ``exited``."""

    instance: Instance
    why: str


class Kill(NamedTuple):
    """Kill the instance at once; report ``exited``."""

    instance: Instance
    reason: Reason
    why: str


class End(NamedTuple):
    """Answer the request without a result."""

    ticket: Ticket
    reason: Reason
    message: str


Action = Launch | Assign | Shut | Kill | End
