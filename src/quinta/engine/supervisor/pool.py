"""Decides for one version which instances run and which request goes to which. No clock, no process, no socket.

Every event returns the actions that whoever owns the processes has to take. Events that cannot be, given the state,
raise InvalidState: they are faults of the caller. No event starts an instance: ``wants`` says which one is wanted next,
and ``capacity.Capacity``, which sees the versions of all tenants, decides when and calls ``launch``.

    PLANNED -> STARTING -> READY <-> BUSY -> STOPPING -> GONE        any state -> GONE when the process ends
"""

from __future__ import annotations

from dataclasses import replace

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason
from quinta.engine.supervisor.census import Census, start_key
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
    Refuse,
    Shut,
    Ticket,
)

# An instance of a revision that was probed and then not applied goes after this, if not sooner by its idle time.
_PROBED_IDLE_SECONDS = 60.0

RETIRED = {
    Reason.VERSION_DELETED: "the version was deleted",
    Reason.ORGANIZATION_SUSPENDED: "the version's organization was suspended",
    Reason.SERVER_STOPPING: "the server stops",
    Reason.INSTANCE_STOPPED: "its job has ended",
}
_REPLACED = "a newer revision replaces it"
_NEEDED = "its memory is needed for other instances"
_TOO_MANY = "the version may have fewer instances now"


class Pool(Census):
    """The instances and the queue of one version."""

    def accept(self, ticket: Ticket, version: RunnableVersion, now: float) -> list[Action]:
        """A request arrives. It is assigned, queued or ended; queued ones are served in their order."""
        if self.retired:
            return [self._end(ticket, self.retired, RETIRED[self.retired])]
        actions = self.apply(version, now) if self.version is None or version.revision > self.version.revision else []
        if self.ready:
            actions.append(self._assign(self.ready.pop(), ticket, now))
            return actions
        if self.crash_looping and now < self.not_before and not self._serving():
            pause = self.not_before - now
            text = f"no instance stays up ({self.last_error}); the next one is tried in {pause:.0f} s"
            actions.append(self._end(ticket, Reason.CRASH_LOOPING, text))
            return actions
        refusal = self.waiting.refusal(ticket)
        if refusal is not None:
            actions.append(self._end(ticket, Reason.QUEUE_FULL, refusal))
        else:
            self.waiting.add(ticket)
        return actions

    def finished(self, instance: Instance, now: float) -> list[Action]:
        """The request of a busy instance has its answer; the instance takes the next one or becomes ready."""
        if instance.state is not InstanceState.BUSY or instance.ticket is None:
            raise InvalidState(f"instance {instance.id} is {instance.state}: it has no request to finish")
        instance.ticket.ended = True
        instance.ticket = None
        if instance.current:
            self.failures = 0
            self.demand.ran(now - instance.since)
        return self._free(instance, now)

    def started(self, instance: Instance, now: float) -> list[Action]:
        """A starting instance is ready. Instances of older revisions that are idle stop now, the others when free."""
        if instance.state is not InstanceState.STARTING:
            raise InvalidState(f"instance {instance.id} is {instance.state}: it cannot become ready")
        self.demand.started(now - instance.since)
        instance.ready_since = now
        if instance.current:
            return self._drain_older() + self._free(instance, now)
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
        return actions

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
        return [Kill(instance, Reason.RUN_TIMEOUT, f"its request {message}"), end]

    def cancelled(self, ticket: Ticket, why: str) -> list[Action]:
        """Nobody waits for the request any more. Queued, it is dropped; code that runs is killed with its instance."""
        if ticket.ended:
            return []
        ticket.ended = True
        instance = ticket.instance
        if instance is None:
            self.waiting.remove(ticket)
            return []
        instance.state, instance.ticket = InstanceState.STOPPING, None
        return [Kill(instance, Reason.CANCELLED, why)]

    def apply(self, version: RunnableVersion, now: float) -> list[Action]:
        """Makes ``version`` the one to run. Only what instances were started with makes them stale, and those that
        are serve on until one of the new revision is ready. An older revision than the present one is ignored; of the
        present one the numbers of instances are taken, which a project's configuration may change."""
        if self.retired or (self.version is not None and version.revision < self.version.revision):
            return []
        if self.version is not None and version.revision == self.version.revision:
            return self._resize(version)
        changed = self.version is None or start_key(version) != start_key(self.version)
        self.version = version
        if changed:
            self._since = version.revision
            self.demand.forget_runs()
            self.failures, self.not_before, self.last_error = 0, 0.0, ""
        for instance in self.instances.values():
            instance.current = start_key(instance.version) == start_key(version)
        ready = [i for i in self.instances.values() if i.state is InstanceState.READY]
        fresh = [i for i in ready if i.current]
        # What was probed for a revision that this one has overtaken never served and never will.
        actions = [self._shut(i, _REPLACED) for i in ready if not (i.current or i in self.ready or self._is_probed(i))]
        actions += self._drain_older() if fresh else []
        for instance in fresh:
            if instance not in self.ready:
                actions += self._free(instance, now)
        return actions + self._shut_surplus()

    def _resize(self, version: RunnableVersion) -> list[Action]:
        assert self.version is not None
        least, most = version.minimum_instances, version.maximum_instances
        self.version = replace(self.version, minimum_instances=least, maximum_instances=most)
        return self._shut_surplus()

    def _shut_surplus(self) -> list[Action]:
        actions: list[Action] = []
        while self.version and self.ready and self.ready[0].current and self._alive() > self._most(self.version):
            actions.append(self._shut(self.ready[0], _TOO_MANY))
        return actions

    def probe(self, version: RunnableVersion, now: float) -> Instance:
        """Plans an instance of a revision that does not serve yet. ``apply`` takes it over."""
        if self.retired:
            raise InvalidState("the version is retired")
        instance = Instance(self._new_id(), version, False, now)
        self._planned.append(instance)
        return instance

    def refuse(self, instance: Instance, reason: Reason, why: str) -> list[Action]:
        """The planned instance is not to be started, or nobody waits for it any more."""
        if instance.state is not InstanceState.PLANNED:
            raise InvalidState(f"instance {instance.id} is {instance.state}: it is planned no more")
        instance.state = InstanceState.GONE
        self._planned.remove(instance)
        return [Refuse(instance, reason, why)]

    def end_all(self, reason: Reason, why: str) -> list[Action]:
        """No instance of the version can ever start: what waits ends, unless older instances serve it."""
        if self._serving() or self._alive():
            return []
        return [self._end(ticket, reason, why) for ticket in self.waiting.clear()]

    def launch(self, now: float) -> Launch:
        """Starts what ``wants`` says: there is room for it."""
        if self._planned:
            instance = self._planned.popleft()
            instance.current = self.version is not None and start_key(instance.version) == start_key(self.version)
        elif self.version is not None:
            instance = Instance(self._new_id(), self.version, True, now)
        else:
            raise InvalidState("there is no version to launch an instance of")
        instance.state, instance.since = InstanceState.STARTING, now
        self.instances[instance.id] = instance
        return Launch(instance)

    def reclaim(self, instance: Instance, why: str) -> Action:
        """Stops an idle instance: for the sake of another version, or since it was warmed for nothing."""
        if instance not in self.ready:
            raise InvalidState(f"instance {instance.id} is not idle")
        return self._shut(instance, why)

    def retire(self, reason: Reason) -> list[Action]:
        """Ends everything: queued and running requests with ``reason``, one of RETIRED; instances are stopped."""
        self.retired = reason
        why = RETIRED[reason]
        actions: list[Action] = [self._end(ticket, reason, why) for ticket in self.waiting.clear()]
        for instance in list(self._planned):
            actions += self.refuse(instance, reason, why)
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
        """Time has passed: idle instances stop, and the load is measured."""
        if self.retired:
            return []
        if self.kept and now >= self.kept_until:
            self.kept = 0
        self.demand.sample(len(self.waiting) + self.count(InstanceState.BUSY), now)
        actions: list[Action] = []
        for instance in [i for i in self.instances.values() if i.state is InstanceState.READY]:
            idle: float = instance.version.maximum_idle_seconds
            if self._is_probed(instance):
                surplus, idle = True, max(idle, _PROBED_IDLE_SECONDS)
            else:
                surplus = self.version is None or self._serving() > self.fewest()
            if surplus and now - instance.since >= idle:
                actions.append(self._shut(instance, f"it had no request for {idle:g} s"))
        return actions

    def _assign(self, instance: Instance, ticket: Ticket, now: float) -> Action:
        instance.state, instance.ticket, ticket.instance = InstanceState.BUSY, ticket, instance
        instance.since = now
        return Assign(instance, ticket)

    def _free(self, instance: Instance, now: float) -> list[Action]:
        if not instance.current and self._serving(current=True):
            return [self._shut(instance, _REPLACED)]
        if self.version is not None and len(self.instances) > self._most(self.version) < self._alive():
            return [self._shut(instance, _TOO_MANY)]
        if self.owed and not (instance.current and self._older_alive() > 0):
            self.owed -= 1
            return [self._shut(instance, _NEEDED)]
        if self.waiting:
            return [self._assign(instance, self.waiting.take(), now)]
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
        return [self._end(ticket, reason, message) for ticket in self.waiting.clear()]

    def _end(self, ticket: Ticket, reason: Reason, message: str) -> Action:
        ticket.ended = True
        return End(ticket, reason, message)

    def _waits_for(self) -> tuple[Reason, str]:
        if self.count(InstanceState.BUSY):
            text = "the request waited for a free instance"
            return Reason.QUEUE_TIMEOUT, f"{text}, and {self.obstacle}" if self.obstacle else text
        if self.count(InstanceState.STARTING):
            return Reason.COLD_START_TIMEOUT, "the instance was still starting"
        if self.obstacle:
            return Reason.NO_ROOM, self.obstacle
        text = f"the request waited for the next try to start an instance ({self.last_error or 'none was up'})"
        return Reason.START_RETRY_TIMEOUT, text
