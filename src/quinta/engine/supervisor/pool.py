"""Decides for one version which instances run and which request goes to which. No clock, no process, no socket.

Every event returns the actions that whoever owns the processes has to take. Events that cannot be, given the state,
raise InvalidState: they are faults of the caller.

    STARTING -> READY <-> BUSY -> STOPPING -> GONE        any state -> GONE when the process ends
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason
from quinta.engine.supervisor.settings import SupervisorPolicy
from quinta.engine.supervisor.states import (
    ALIVE,
    Action,
    Assign,
    End,
    Instance,
    InstanceState,
    InvalidState,
    Kill,
    Launch,
    Shut,
    Ticket,
)

# An instance of a revision that was probed and then not applied goes after this, if not sooner by its idle time.
_PROBED_IDLE_SECONDS = 60.0

RETIRED = {
    Reason.VERSION_DELETED: "the version was deleted",
    Reason.ORGANIZATION_SUSPENDED: "the version's organization was suspended",
    Reason.SERVER_STOPPING: "the server stops",
}
_REPLACED = "a newer revision replaces it"
_TOO_MANY = "the version may have fewer instances now"


class Pool:
    """The instances and the queue of one version."""

    def __init__(self, policy: SupervisorPolicy, new_id: Callable[[], str]) -> None:
        self._policy = policy
        self._new_id = new_id
        self.version: RunnableVersion | None = None
        self._since = 0  # the first revision whose instances start like those of the present one
        self.instances: dict[str, Instance] = {}
        self.waiting: deque[Ticket] = deque()
        # Instances that may get the next request; the most recently used is last and goes first, so others can idle.
        self.ready: list[Instance] = []
        self.failures = 0
        self.not_before = 0.0
        self.last_error = ""
        self.retired: Reason | None = None

    @property
    def crash_looping(self) -> bool:
        """Whether instances have failed so often in a row that requests are refused until the pause ends."""
        return self.failures >= self._policy.failures_before_crash_looping

    def count(self, *states: InstanceState) -> int:
        """How many instances, of any revision, are in one of ``states``."""
        return sum(instance.state in states for instance in self.instances.values())

    def accept(self, ticket: Ticket, version: RunnableVersion, now: float) -> list[Action]:
        """A request arrives. It is assigned, queued or ended; queued ones are served in their order."""
        if self.retired:
            return [self._end(ticket, self.retired, RETIRED[self.retired])]
        actions = self.apply(version, now) if self.version is None or version.revision > self.version.revision else []
        if self.ready:
            actions.append(self._assign(self.ready.pop(), ticket))
            return actions
        if self.crash_looping and now < self.not_before and not self._serving():
            pause = self.not_before - now
            text = f"no instance stays up ({self.last_error}); the next one is tried in {pause:.0f} s"
            actions.append(self._end(ticket, Reason.CRASH_LOOPING, text))
            return actions
        self.waiting.append(ticket)
        return actions + self._scale(now)

    def finished(self, instance: Instance, now: float) -> list[Action]:
        """The request of a busy instance has its answer; the instance takes the next one or becomes ready."""
        if instance.state is not InstanceState.BUSY or instance.ticket is None:
            raise InvalidState(f"instance {instance.id} is {instance.state}: it has no request to finish")
        instance.ticket.ended = True
        instance.ticket = None
        if instance.current:
            self.failures = 0
        return self._free(instance, now)

    def started(self, instance: Instance, now: float) -> list[Action]:
        """A starting instance is ready. Instances of older revisions that are idle stop now, the others when free."""
        if instance.state is not InstanceState.STARTING:
            raise InvalidState(f"instance {instance.id} is {instance.state}: it cannot become ready")
        instance.ready_since = now
        if instance.current:
            return self._drain_older() + self._free(instance, now) + self._scale(now)
        if self._is_probed(instance):
            instance.state, instance.since = InstanceState.READY, now
            return []
        return [self._shut(instance, _REPLACED)]

    def start_failed(self, instance: Instance, reason: Reason, message: str, now: float) -> list[Action]:
        """A starting instance cannot become ready; ``message`` says why."""
        if instance.state is not InstanceState.STARTING:
            raise InvalidState(f"instance {instance.id} is {instance.state}: its start cannot fail")
        instance.state = InstanceState.STOPPING
        return [Kill(instance, reason, message), *self._failed(instance, reason, message, now)]

    def exited(self, instance: Instance, reason: Reason, message: str, now: float) -> list[Action]:
        """The process of an instance is gone, in whatever state it was. ``reason`` is for the request that it had, or
        for those that waited for its start."""
        if self.instances.pop(instance.id, None) is None:
            raise InvalidState(f"instance {instance.id} is gone already")
        was, instance.state = instance.state, InstanceState.GONE
        actions: list[Action] = []
        if was is InstanceState.BUSY and instance.ticket is not None:
            actions.append(self._end(instance.ticket, reason, message))
            instance.ticket = None
        elif was is InstanceState.STARTING:
            actions += self._failed(instance, reason, message, now)
        elif was is InstanceState.READY:
            if instance in self.ready:
                self.ready.remove(instance)
            if now - instance.ready_since >= self._policy.longest_pause_seconds:
                self.failures = 0  # it was up for long: not a loop
            actions += self._failed(instance, reason, message, now)
        return actions + self._scale(now)

    def expired(self, ticket: Ticket, now: float) -> list[Action]:
        """The time-out of a request has passed. Code that still runs is killed with its instance."""
        if ticket.ended:
            raise InvalidState("the request has ended already")
        instance = ticket.instance
        if instance is None:
            self.waiting.remove(ticket)
            reason, text = self._waits_for()
            return [self._end(ticket, reason, f"timed out after {ticket.timeout:g} s: {text}")]
        message = f"timed out after {ticket.timeout:g} s: the code was still running"
        instance.state, instance.ticket = InstanceState.STOPPING, None
        end = self._end(ticket, Reason.RUN_TIMEOUT, message)
        return [Kill(instance, Reason.RUN_TIMEOUT, f"its request {message}"), end, *self._scale(now)]

    def cancelled(self, ticket: Ticket, now: float) -> list[Action]:
        """Nobody waits for the request any more. Queued, it is dropped; code that runs is killed with its instance."""
        if ticket.ended:
            return []
        ticket.ended = True
        instance = ticket.instance
        if instance is None:
            self.waiting.remove(ticket)
            return []
        instance.state, instance.ticket = InstanceState.STOPPING, None
        return [Kill(instance, Reason.CANCELLED, "its request was cancelled"), *self._scale(now)]

    def apply(self, version: RunnableVersion, now: float) -> list[Action]:
        """Makes ``version`` the one to run. Only what instances were started with makes them stale, and those that
        are serve on until one of the new revision is ready. An older revision than the present one is ignored."""
        if self.retired or (self.version is not None and version.revision <= self.version.revision):
            return []
        changed = self.version is None or _start_key(version) != _start_key(self.version)
        self.version = version
        if changed:
            self._since = version.revision
            self.failures, self.not_before, self.last_error = 0, 0.0, ""
        for instance in self.instances.values():
            instance.current = _start_key(instance.version) == _start_key(version)
        ready = [i for i in self.instances.values() if i.state is InstanceState.READY]
        fresh = [i for i in ready if i.current]
        # What was probed for a revision that this one has overtaken never served and never will.
        actions = [self._shut(i, _REPLACED) for i in ready if not (i.current or i in self.ready or self._is_probed(i))]
        actions += self._drain_older() if fresh else []
        for instance in fresh:
            if instance not in self.ready:
                actions += self._free(instance, now)
        while self.ready and self.ready[0].current and self._alive() > version.maximum_instances:
            actions.append(self._shut(self.ready[0], _TOO_MANY))
        return actions + self._scale(now)

    def probe(self, version: RunnableVersion, now: float) -> tuple[Instance, list[Action]]:
        """Starts an instance of a revision that does not serve yet. ``apply`` takes it over."""
        if self.retired:
            raise InvalidState("the version is retired")
        current = self.version is not None and _start_key(version) == _start_key(self.version)
        instance = self._launch(version, current, now)
        return instance, [Launch(instance)]

    def retire(self, reason: Reason) -> list[Action]:
        """Ends everything: queued and running requests with ``reason``, one of RETIREMENTS; instances are stopped."""
        self.retired = reason
        why = RETIRED[reason]
        actions: list[Action] = [self._end(ticket, reason, why) for ticket in self.waiting]
        self.waiting.clear()
        for instance in self.instances.values():
            if instance.state is InstanceState.READY:
                actions.append(self._shut(instance, why))
            elif instance.state in ALIVE:
                if instance.ticket is not None:
                    actions.append(self._end(instance.ticket, reason, why))
                    instance.ticket = None
                instance.state = InstanceState.STOPPING
                actions.append(Kill(instance, reason, why))
        return actions

    def tick(self, now: float) -> list[Action]:
        """Time has passed: idle instances stop, and after a pause new ones start."""
        if self.retired:
            return []
        actions: list[Action] = []
        for instance in [i for i in self.instances.values() if i.state is InstanceState.READY]:
            idle: float = instance.version.maximum_idle_seconds
            if self._is_probed(instance):
                surplus, idle = True, max(idle, _PROBED_IDLE_SECONDS)
            else:
                surplus = self.version is None or self._serving() > self.version.minimum_instances
            if surplus and now - instance.since >= idle:
                actions.append(self._shut(instance, f"it had no request for {idle:g} s"))
        return actions + self._scale(now)

    def _scale(self, now: float) -> list[Action]:
        if self.retired or self.version is None or now < self.not_before:
            return []
        alive = self._alive()
        starting = sum(i.current and i.state is InstanceState.STARTING for i in self.instances.values())
        wanted = max(self.version.minimum_instances - alive, len(self.waiting) - starting)
        if not alive and self._older_alive():
            wanted = max(wanted, 1)  # a replacement for instances of an older revision
        if self.failures:
            wanted = min(wanted, 1 - starting)  # one is enough to see whether it works again
        wanted = min(wanted, self.version.maximum_instances - alive)
        return [Launch(self._launch(self.version, True, now)) for _ in range(wanted)]

    def _launch(self, version: RunnableVersion, current: bool, now: float) -> Instance:
        instance = Instance(self._new_id(), version, current, now)
        self.instances[instance.id] = instance
        return instance

    def _assign(self, instance: Instance, ticket: Ticket) -> Action:
        instance.state, instance.ticket, ticket.instance = InstanceState.BUSY, ticket, instance
        return Assign(instance, ticket)

    def _free(self, instance: Instance, now: float) -> list[Action]:
        if not instance.current and self._serving(current=True):
            return [self._shut(instance, _REPLACED)]
        if self.version is not None and len(self.instances) > self.version.maximum_instances < self._alive():
            return [self._shut(instance, _TOO_MANY)]
        if self.waiting:
            return [self._assign(instance, self.waiting.popleft())]
        instance.state, instance.since = InstanceState.READY, now
        self.ready.append(instance)
        return []

    def _shut(self, instance: Instance, why: str) -> Action:
        instance.state = InstanceState.STOPPING
        if instance in self.ready:
            self.ready.remove(instance)
        return Shut(instance, why)

    def _drain_older(self) -> list[Action]:
        older = [i for i in self.instances.values() if not i.current and i.state is InstanceState.READY]
        return [self._shut(i, _REPLACED) for i in older if not self._is_probed(i)]

    def _failed(self, instance: Instance, reason: Reason, message: str, now: float) -> list[Action]:
        """Counts a failure of the current revision; if nothing else could serve them, queued requests end now."""
        if not instance.current:
            return []
        self.failures += 1
        self.last_error = message
        pause = self._policy.first_pause_seconds * 2.0 ** min(self.failures - 1, 30)
        self.not_before = now + min(pause, self._policy.longest_pause_seconds)
        if self._serving() or self._alive():
            return []
        ended = [self._end(ticket, reason, message) for ticket in self.waiting]
        self.waiting.clear()
        return list(ended)

    def _end(self, ticket: Ticket, reason: Reason, message: str) -> Action:
        ticket.ended = True
        return End(ticket, reason, message)

    def _alive(self) -> int:
        return sum(i.current and i.state in ALIVE for i in self.instances.values())

    def _older_alive(self) -> int:
        return sum(not i.current and i.state in ALIVE and not self._is_probed(i) for i in self.instances.values())

    def _serving(self, *, current: bool | None = None) -> int:
        """Instances that are ready or busy and get requests, of the current revision, of older ones, or of both."""
        serves = (InstanceState.READY, InstanceState.BUSY)
        return sum(
            i.state in serves and (current is None or i.current is current) and not self._is_probed(i)
            for i in self.instances.values()
        )

    def _is_probed(self, instance: Instance) -> bool:
        """Whether it runs a revision that is not applied yet."""
        return not instance.current and (self.version is None or instance.version.revision > self._since)

    def _waits_for(self) -> tuple[Reason, str]:
        if self.count(InstanceState.BUSY):
            return Reason.QUEUE_TIMEOUT, "the request waited for a free instance"
        if self.count(InstanceState.STARTING):
            return Reason.COLD_START_TIMEOUT, "the instance was still starting"
        text = f"the request waited for the next try to start an instance ({self.last_error or 'none was up'})"
        return Reason.START_RETRY_TIMEOUT, text


def _start_key(version: RunnableVersion) -> RunnableVersion:
    """``version`` without what instances need not be started anew for."""
    return replace(version, revision=0, minimum_instances=0, maximum_instances=0, maximum_idle_seconds=0)
