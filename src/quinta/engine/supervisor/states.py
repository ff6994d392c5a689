"""The words of the pool: states of an instance, requests as tickets, and the actions that follow from events."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason


class InvalidState(RuntimeError):
    """An event that cannot be in the present state."""


class InstanceState(StrEnum):
    PLANNED = "planned"  # to be started once there is room
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    STOPPING = "stopping"
    GONE = "gone"


ALIVE = frozenset({InstanceState.STARTING, InstanceState.READY, InstanceState.BUSY})


class Ticket:
    """One accepted request. ``timeout`` in seconds is only for messages; who owns the clock reports expiry. ``batch``:
    nobody waits for the answer. ``size`` is that of the input in bytes."""

    __slots__ = ("batch", "ended", "instance", "size", "timeout")

    def __init__(self, timeout: float, *, batch: bool = False, size: int = 0) -> None:
        self.timeout = timeout
        self.batch = batch
        self.size = size
        self.instance: Instance | None = None
        self.ended = False


class Instance:
    """One instance as the pool sees it. ``current`` says whether it runs what the pool's version asks for; ``since`` is
    when it was launched, got its request or became ready, whichever was last."""

    __slots__ = ("current", "id", "ready_since", "since", "state", "ticket", "version")

    def __init__(self, id: str, version: RunnableVersion, current: bool, now: float) -> None:
        self.id = id
        self.version = version
        self.current = current
        self.state = InstanceState.PLANNED
        self.ticket: Ticket | None = None
        self.since = now
        self.ready_since = now


class Urgency(IntEnum):
    """Why another instance is wanted, the most urgent first."""

    NOTHING_SERVES = 0  # a request, a build or a version waits, and no instance is there for it or on its way
    QUEUE = 1  # more requests wait than the instances that are there can take, or older ones are to be replaced
    MINIMUM = 2  # nobody waits


class Want(NamedTuple):
    """The next instance that a version wants. ``instance`` is set when it is planned already, for a probe."""

    version: RunnableVersion
    urgency: Urgency
    instance: Instance | None = None


class Refuse(NamedTuple):
    """The planned instance will not be started."""

    instance: Instance
    reason: Reason
    why: str


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


Action = Launch | Refuse | Assign | Shut | Kill | End
