"""What there is of a version: its instances, its queue, and which instance is wanted next. Nothing changes here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason
from quinta.engine.supervisor.demand import Demand
from quinta.engine.supervisor.settings import SupervisorPolicy
from quinta.engine.supervisor.states import ALIVE, Instance, InstanceState, Urgency, Want
from quinta.engine.supervisor.waiting import Tenant, WaitingRequests


class Census:
    """The state that ``pool.Pool`` changes, event by event.

    ``obstacle`` is a sentence that says why it cannot have what it wants, and ``owed`` counts the instances that stop
    for others when they are free; both are set by whoever grants starts. ``kept`` is how many instances there are to be
    beyond the version's own numbers until ``kept_until``, set by whoever warms them for a rollout (``warming``).
    """

    def __init__(self, policy: SupervisorPolicy, new_id: Callable[[], str], tenant: Tenant) -> None:
        self._policy = policy
        self._new_id = new_id
        self.version: RunnableVersion | None = None
        self._since = 0  # the first revision whose instances start like those of the present one
        self.instances: dict[str, Instance] = {}
        self.waiting = WaitingRequests(policy.queue, tenant)
        self.demand = Demand()
        self.obstacle = ""
        self.owed = 0
        self.kept = 0
        self.kept_until = 0.0
        self._planned: deque[Instance] = deque()  # of probes
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

    def wants(self, now: float) -> Want | None:
        """The instance that should be started next; see ``demand.Demand`` for how many a queue gets."""
        if self.retired:
            return None
        if self._planned:
            beside = Urgency.QUEUE if self._serving() else Urgency.NOTHING_SERVES
            return Want(self._planned[0].version, beside, self._planned[0])
        version = self.version
        if version is None or now < self.not_before:
            return None
        urgency = self._urgency(version, now)
        return None if urgency is None else Want(version, urgency)

    def idle(self) -> list[tuple[Instance, bool]]:
        """Instances that serve and have nothing to do, longest idle first, and whether each is above the minimum."""
        surplus = self._serving() - self.fewest()
        longest = sorted(self.ready, key=lambda instance: instance.since)
        return [(instance, index < surplus) for index, instance in enumerate(longest)]

    def _urgency(self, version: RunnableVersion, now: float) -> Urgency | None:
        """Why one more instance of the version is wanted; None when there are enough, or as many as may be."""
        alive, waiting = self._alive(), len(self.waiting)
        if alive >= self._most(version):
            return None
        starting = sum(i.current and i.state is InstanceState.STARTING for i in self.instances.values())
        if self.failures and starting:
            return None  # one is enough to see whether it works again
        if not alive:
            older = self._older_alive()
            if waiting and not older:
                return Urgency.NOTHING_SERVES
            if older:
                return Urgency.QUEUE  # a replacement for instances of an older revision
        if waiting and self.demand.more(waiting, self._counted_upon(now), starting) > 0:
            return Urgency.QUEUE
        return Urgency.MINIMUM if alive < self.fewest() else None

    def serving_current(self) -> int:
        """Instances of the current revision that are ready or busy."""
        return self._serving(current=True)

    def proven(self, wanted: int, since: float) -> bool:
        """Whether ``wanted`` of the current revision have been up since that moment, and none has failed lately."""
        serves = (InstanceState.READY, InstanceState.BUSY)
        up = [i for i in self.instances.values() if i.current and i.state in serves and i.ready_since <= since]
        return not self.failures and len(up) >= wanted

    def fewest(self) -> int:
        """How many instances there are to be without requests."""
        return max(self.version.minimum_instances if self.version else 0, self.kept)

    def _most(self, version: RunnableVersion) -> int:
        return max(version.maximum_instances, self.kept)

    def _counted_upon(self, now: float) -> int:
        """Busy instances that may soon be free."""
        busy = (i for i in self.instances.values() if i.state is InstanceState.BUSY)
        return sum(not self.demand.stuck(now - instance.since) for instance in busy)

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


def start_key(version: RunnableVersion) -> RunnableVersion:
    """``version`` without what instances need not be started anew for."""
    return replace(version, revision=0, minimum_instances=0, maximum_instances=0, maximum_idle_seconds=0)
