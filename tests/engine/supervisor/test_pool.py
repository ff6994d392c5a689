"""The state machine of a version's instances, by generated sequences of events and by a few told ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quinta.core.reasons import Reason
from quinta.engine.supervisor.pool import Pool
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
    Refuse,
    Shut,
    Ticket,
    Urgency,
)
from quinta.engine.supervisor.waiting import DIRECT_TURNS, Tenant
from tests.engine.supervisor.harness import version_of

POLICY = SupervisorPolicy()


def new_pool(tenant: Tenant | None = None) -> Pool:
    numbers = count(1)
    return Pool(POLICY, lambda: f"i{next(numbers)}", tenant or Tenant())


def scale(pool: Pool, now: float) -> list[Action]:
    """Grants the pool every start that it wants, as there is room for all."""
    actions: list[Action] = []
    while pool.wants(now) is not None:
        actions.append(pool.launch(now))
    return actions


class Machine(RuleBasedStateMachine):
    """Plays the processes and the callers of a pool, and keeps its own books."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = Tenant()
        self.pool = new_pool(self.tenant)
        self.now = 1000.0
        self.newest = version_of("model", maximum_instances=2, maximum_idle_seconds=30)
        self.tickets: list[Ticket] = []  # accepted and not known to have ended
        self.queue: list[Ticket] = []  # in the order in which they were accepted, not assigned yet
        self.overtaken = 0  # direct requests that went since one of batch did, which waits
        self.processes: dict[str, Instance] = {}
        self.told_to_stop: set[str] = set()
        self.probed: set[str] = set()
        self.granting = True  # whether there is room for instances

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        if data.draw(st.booleans()):
            self.apply(change=False, minimum=1, more=1, idle=30)

    def perform(self, actions: list[Action]) -> None:
        """Carries out what follows from an event, and then grants some of the starts that are wanted."""
        self.carry_out(actions)
        while self.granting and self.pool.wants(self.now) is not None:
            self.carry_out([self.pool.launch(self.now)])

    def carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Launch):
                assert action.instance.id not in self.processes
                assert action.instance.state is InstanceState.STARTING
                self.processes[action.instance.id] = action.instance
            elif isinstance(action, Assign):
                self.leaves_the_queue(action.ticket)
                assert action.ticket in self.tickets
                assert action.instance.ticket is action.ticket
            elif isinstance(action, End):
                self.tickets.remove(action.ticket)  # fails when it ends twice
                if action.ticket in self.queue:
                    self.queue.remove(action.ticket)
                assert action.message
            elif not isinstance(action, Refuse):
                assert isinstance(action, (Shut, Kill))
                assert action.instance.state is InstanceState.STOPPING
                assert action.instance.id not in self.told_to_stop
                self.told_to_stop.add(action.instance.id)
        launched = {action.instance.id for action in actions if isinstance(action, Launch)}
        if launched - self.probed and self.pool.version is not None:
            current = [i for i in self.processes.values() if i.current and i.state in ALIVE]
            extra = sum(i.id in self.probed for i in current)
            assert len(current) - extra <= self.pool.version.maximum_instances

    def leaves_the_queue(self, ticket: Ticket) -> None:
        first = next(waiting for waiting in self.queue if waiting.batch is ticket.batch)
        assert first is ticket, "requests of a kind are served in their order"
        self.queue.remove(ticket)
        batch_waits = any(waiting.batch for waiting in self.queue)
        if ticket.batch:
            direct_waits = any(not waiting.batch for waiting in self.queue)
            assert not direct_waits or self.overtaken == DIRECT_TURNS, "direct requests go first"
        self.overtaken = self.overtaken + 1 if batch_waits and not ticket.batch else 0
        assert self.overtaken <= DIRECT_TURNS, "a batch gets its turn"

    def instances(self, state: InstanceState) -> list[Instance]:
        return [instance for instance in self.processes.values() if instance.state is state]

    def pick(self, data: st.DataObject, state: InstanceState) -> Instance:
        return data.draw(st.sampled_from(self.instances(state)))

    @rule(granting=st.booleans())
    def room_comes_and_goes(self, granting: bool) -> None:
        self.granting = granting
        self.perform([])

    @rule(requests=st.integers(1, 4), batch=st.booleans())
    def accept(self, requests: int, batch: bool) -> None:
        for _ in range(requests):
            ticket = Ticket(10.0, batch=batch)
            self.tickets.append(ticket)
            self.queue.append(ticket)
            self.perform(self.pool.accept(ticket, self.newest, self.now))

    @rule(change=st.booleans(), minimum=st.integers(0, 2), more=st.integers(0, 2), idle=st.sampled_from([0, 30]))
    def apply(self, change: bool, minimum: int, more: int, idle: int) -> None:
        package = f"p{self.newest.revision}" if change else self.newest.package_digest
        self.newest = replace(
            self.newest,
            revision=self.newest.revision + 1,
            package_digest=package,
            minimum_instances=minimum,
            maximum_instances=max(1, minimum + more),
            maximum_idle_seconds=idle,
        )
        self.perform(self.pool.apply(self.newest, self.now))

    @precondition(lambda self: not self.pool.retired)
    @rule(change=st.booleans(), refused=st.booleans())
    def probe(self, change: bool, refused: bool) -> None:
        version = replace(self.newest, revision=self.newest.revision + 1)
        if change:
            version = replace(version, package_digest=f"p{self.newest.revision}")
        instance = self.pool.probe(version, self.now)
        assert instance.state is InstanceState.PLANNED
        self.probed.add(instance.id)
        if refused:
            assert [type(action) for action in self.pool.refuse(instance, Reason.NO_ROOM, "no room")] == [Refuse]
        self.perform([])

    @precondition(lambda self: self.instances(InstanceState.STARTING))
    @rule(data=st.data())
    def started(self, data: st.DataObject) -> None:
        self.perform(self.pool.started(self.pick(data, InstanceState.STARTING), self.now))

    @precondition(lambda self: self.instances(InstanceState.STARTING))
    @rule(data=st.data())
    def start_failed(self, data: st.DataObject) -> None:
        instance = self.pick(data, InstanceState.STARTING)
        self.perform(self.pool.start_failed(instance, Reason.START_IMPORT_ERROR, "no luck", self.now))

    @precondition(lambda self: self.instances(InstanceState.BUSY))
    @rule(data=st.data())
    def finished(self, data: st.DataObject) -> None:
        instance = self.pick(data, InstanceState.BUSY)
        assert instance.ticket is not None
        self.tickets.remove(instance.ticket)
        self.perform(self.pool.finished(instance, self.now))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), memory=st.booleans())
    def exited(self, data: st.DataObject, memory: bool) -> None:
        instance = data.draw(st.sampled_from(list(self.processes.values())))
        del self.processes[instance.id]
        reason = Reason.MEMORY if memory else Reason.EXITED
        self.perform(self.pool.exited(instance, reason, "it ended", self.now))
        assert instance.state is InstanceState.GONE
        with pytest.raises(InvalidState):
            self.pool.exited(instance, reason, "it ended", self.now)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data())
    def expired(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        self.perform(self.pool.expired(ticket, self.now))
        assert ticket not in self.tickets
        with pytest.raises(InvalidState):
            self.pool.expired(ticket, self.now)

    @precondition(lambda self: self.tickets)
    @rule(data=st.data())
    def cancelled(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        instance = ticket.instance
        actions = self.pool.cancelled(ticket, "its caller is gone")
        assert instance is None or any(isinstance(action, Kill) and action.instance is instance for action in actions)
        self.tickets.remove(ticket)
        if ticket in self.queue:
            self.queue.remove(ticket)
        self.perform(actions)
        assert self.pool.cancelled(ticket, "its caller is gone") == []

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        serving = self.serving()
        self.perform(self.pool.tick(self.now))
        if self.pool.version is None or self.pool.retired:
            return
        minimum = self.pool.version.minimum_instances
        assert self.serving() >= min(minimum, serving), "idling goes not below the minimum"
        for instance in self.pool.ready:
            idle = self.now - instance.since >= instance.version.maximum_idle_seconds
            assert not idle or self.serving() <= minimum

    def serving(self) -> int:
        return len(self.pool.ready) + len(self.instances(InstanceState.BUSY))

    @precondition(lambda self: len(self.processes) > 2)
    @rule()
    def retire(self) -> None:
        self.perform(self.pool.retire(Reason.VERSION_DELETED))
        assert not self.tickets

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def impossible_events_are_refused(self, data: st.DataObject) -> None:
        instance = data.draw(st.sampled_from(list(self.processes.values())))
        if instance.state is not InstanceState.STARTING:
            with pytest.raises(InvalidState):
                self.pool.started(instance, self.now)
            with pytest.raises(InvalidState):
                self.pool.start_failed(instance, Reason.START_IMPORT_ERROR, "no", self.now)
        if instance.state is not InstanceState.BUSY:
            with pytest.raises(InvalidState):
                self.pool.finished(instance, self.now)

    @invariant()
    def books_agree(self) -> None:
        assert self.pool.instances == self.processes, "no instance leaks"
        assert len(self.pool.waiting) == len(self.queue)
        assert self.tenant.requests == sum(not ticket.batch for ticket in self.queue)
        busy = [instance.ticket for instance in self.processes.values() if instance.ticket is not None]
        assert len(busy) == len(set(map(id, busy))), "one instance a request"
        assert {id(t) for t in busy} == {id(t) for t in self.tickets} - {id(t) for t in self.queue}
        for instance in self.processes.values():
            assert (instance.ticket is not None) == (instance.state is InstanceState.BUSY)
            assert (instance.state is InstanceState.STOPPING) == (instance.id in self.told_to_stop)
        for instance in self.pool.ready:
            assert instance.state is InstanceState.READY
        assert not (self.pool.ready and self.queue), "nobody waits while an instance is free"

    @invariant()
    def there_are_enough_instances(self) -> None:
        version = self.pool.version
        if version is None or self.pool.retired or self.now < self.pool.not_before or not self.granting:
            return
        current = [i for i in self.processes.values() if i.current and i.state in ALIVE]
        starting = sum(i.state is InstanceState.STARTING for i in current)
        if not self.pool.failures:
            assert len(current) >= version.minimum_instances
        if self.queue and len(current) < version.maximum_instances:
            measured = self.pool.demand.run_seconds is not None and self.pool.demand.start_seconds is not None
            assert starting or (measured and self.instances(InstanceState.BUSY)), "somebody will serve what waits"
        older = [i for i in self.processes.values() if not i.current and i.version.revision < version.revision]
        if any(i.state in ALIVE for i in older):
            assert current, "a newer instance is there or on its way"

    def teardown(self) -> None:
        """Whatever happened: when processes behave from now on, every request ends and old instances go."""
        self.granting = True
        for _ in range(200):
            self.now += 61.0
            self.perform(self.pool.tick(self.now))
            for instance in list(self.processes.values()):
                if instance.state is InstanceState.STARTING:
                    self.perform(self.pool.started(instance, self.now))
                elif instance.state is InstanceState.BUSY and instance.ticket is not None:
                    self.tickets.remove(instance.ticket)
                    self.perform(self.pool.finished(instance, self.now))
                elif instance.state is InstanceState.STOPPING:
                    del self.processes[instance.id]
                    self.perform(self.pool.exited(instance, Reason.EXITED, "it ended", self.now))
            self.books_agree()
            if not self.tickets and not self.instances(InstanceState.STOPPING) and self.settled():
                return
        raise AssertionError(f"requests are left: {len(self.tickets)}; instances: {self.processes}")

    def settled(self) -> bool:
        if self.pool.retired:
            return not self.processes
        limit = 0 if self.pool.version is None else self.pool.version.minimum_instances
        return len(self.processes) <= limit and all(i.current for i in self.processes.values())


TestPool = Machine.TestCase
TestPool.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def started(pool: Pool, actions: list[Action], now: float) -> list[Action]:
    """The actions after every launched instance has become ready."""
    return [after for action in actions if isinstance(action, Launch) for after in pool.started(action.instance, now)]


def fail_start(pool: Pool, actions: list[Action], now: float) -> list[Action]:
    (launch,) = [action for action in actions if isinstance(action, Launch)]
    failed = pool.start_failed(launch.instance, Reason.START_EXITED, "no licence", now)
    return failed + pool.exited(launch.instance, Reason.EXITED, "gone", now)


def test_pauses_double_and_requests_are_refused_after_three_failures() -> None:
    pool, version, now, pauses = new_pool(), version_of("model", minimum_instances=1), 100.0, []
    actions = pool.apply(version, now) + scale(pool, now)
    for failures in range(1, 10):
        fail_start(pool, actions, now)
        pauses.append(pool.not_before - now)
        assert pool.crash_looping is (failures >= 3)
        assert pool.wants(now + pauses[-1] - 0.01) is None
        now += pauses[-1]
        actions = scale(pool, now)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    fail_start(pool, actions, now)
    ticket = Ticket(5.0)
    (end,) = pool.accept(ticket, version, now)
    assert isinstance(end, End)
    assert (end.reason, end.message) == (
        Reason.CRASH_LOOPING,
        "no instance stays up (no licence); the next one is tried in 60 s",
    )
    # Its twin after the pause: it waits for the instance that is tried, and one answer ends the looping.
    now += 60
    ticket = Ticket(5.0)
    assert pool.accept(ticket, version, now) == []
    assert [type(action) for action in scale(pool, now)] == [Launch]
    (instance,) = pool.instances.values()
    assert pool.started(instance, now) == [Assign(instance, ticket)]
    pool.finished(instance, now)
    assert not pool.crash_looping


def test_a_failed_start_ends_what_waits_only_when_nothing_else_serves() -> None:
    pool, version = new_pool(), version_of("model", maximum_instances=2)
    tickets = [Ticket(5.0) for _ in range(3)]
    first, second, _ = (pool.accept(ticket, version, 0.0) + scale(pool, 0.0) for ticket in tickets)
    (assign,) = started(pool, first, 0.0)
    assert assign == Assign(next(iter(pool.instances.values())), tickets[0])
    assert not [action for action in fail_start(pool, second, 0.0) if isinstance(action, End)]
    assert len(pool.waiting) == 2


def test_the_wait_is_named_when_a_request_times_out() -> None:
    pool, version = new_pool(), version_of("model", minimum_instances=1)
    pool.apply(version, 0.0)
    fail_start(pool, scale(pool, 0.0), 0.0)
    ticket = Ticket(0.5)
    assert pool.accept(ticket, version, 0.0) == []
    (end,) = pool.expired(ticket, 0.5)
    text = "timed out after 0.5 s: the request waited for the next try to start an instance (no licence)"
    assert end == End(ticket, Reason.START_RETRY_TIMEOUT, text)


def test_a_long_life_is_not_counted_as_a_loop() -> None:
    pool, version = new_pool(), version_of("model", minimum_instances=1)
    pool.apply(version, 0.0)
    actions, now = scale(pool, 0.0), 0.0
    for _ in range(5):
        started(pool, actions, now)
        (instance,) = pool.instances.values()
        now += 61.0
        pool.exited(instance, Reason.EXITED, "it ended", now)
        assert pool.failures == 1
        now += 1.0
        actions = scale(pool, now)


def test_an_instance_takes_the_next_request_at_once() -> None:
    """An instance is free for the next request before anybody hears of the answer to the last one."""
    pool, version = new_pool(), version_of("model")
    first, second = Ticket(5.0), Ticket(5.0)
    pool.accept(first, version, 0.0)
    started(pool, scale(pool, 0.0), 0.0)
    pool.accept(second, version, 0.0)
    (instance,) = pool.instances.values()
    assert pool.finished(instance, 1.0) == [Assign(instance, second)]
    assert first.ended
    assert instance.state is InstanceState.BUSY


@pytest.mark.parametrize("ready_before", [True, False])
def test_settings_changed_during_a_build_leave_its_probed_instance(ready_before: bool) -> None:
    """The change runs the old package once more, as a newer revision than the one that is probed; when the build is
    applied after that, the probed instance serves at once and the old one goes."""
    pool, old = new_pool(), version_of("model", minimum_instances=1, maximum_instances=2)
    pool.apply(old, 0.0)
    started(pool, scale(pool, 0.0), 0.0)
    built = replace(old, revision=old.revision + 1, package_digest="new")
    probed = pool.probe(built, 1.0)
    assert scale(pool, 1.0) == [Launch(probed)]
    if ready_before:
        assert pool.started(probed, 2.0) == []
    assert pool.apply(replace(old, revision=old.revision + 2, maximum_idle_seconds=61), 3.0) == []
    if not ready_before:
        assert pool.started(probed, 4.0) == []
    actions = pool.apply(replace(built, revision=old.revision + 3, maximum_idle_seconds=61), 5.0)
    assert [type(action) for action in actions] == [Shut]
    ticket = Ticket(5.0)
    assert pool.accept(ticket, replace(built, revision=old.revision + 3), 6.0) == [Assign(probed, ticket)]


def test_a_burst_that_one_instance_works_off_during_a_start_starts_no_other() -> None:
    pool, version = new_pool(), version_of("model", maximum_instances=16)
    pool.accept(Ticket(5.0), version, 0.0)
    started(pool, scale(pool, 0.0), 0.5)
    (instance,) = pool.instances.values()
    pool.finished(instance, 0.51)
    for _ in range(21):
        pool.accept(Ticket(5.0), version, 1.0)
    assert len(pool.waiting) == 20
    assert pool.wants(1.0) is None
    # Its twin: 80 of them take longer than a start.
    for _ in range(60):
        pool.accept(Ticket(5.0), version, 1.0)
    assert len(scale(pool, 1.0)) == 1


def test_requests_of_code_that_was_not_measured_get_an_instance_each() -> None:
    pool, version = new_pool(), version_of("model", maximum_instances=16)
    for _ in range(20):
        pool.accept(Ticket(5.0), version, 0.0)
    assert len(scale(pool, 0.0)) == 16


def test_load_that_stays_gets_as_many_instances_as_there_are_requests_at_once() -> None:
    pool, version = new_pool(), version_of("model", maximum_instances=16)
    pool.accept(Ticket(5.0), version, 0.0)
    started(pool, scale(pool, 0.0), 0.5)
    (instance,) = pool.instances.values()
    pool.finished(instance, 0.51)
    for _ in range(5):
        pool.accept(Ticket(5.0), version, 1.0)
    for hundredth in range(100, 350):
        now = hundredth / 100
        if hundredth % 25 == 0:
            assert pool.wants(now) is None
            pool.tick(now)
        pool.finished(instance, now + 0.01)
        pool.accept(Ticket(5.0), version, now + 0.01)
        if pool.demand.sustained:
            break
    assert pool.demand.sustained == 5
    assert len(scale(pool, 3.5)) == 4


def test_an_instance_that_hangs_is_not_counted_upon() -> None:
    pool, version = new_pool(), version_of("model", maximum_instances=16)
    pool.accept(Ticket(5.0), version, 0.0)
    started(pool, scale(pool, 0.0), 0.5)
    (instance,) = pool.instances.values()
    pool.finished(instance, 0.51)
    for _ in range(2):
        pool.accept(Ticket(5.0), version, 1.0)
    assert pool.wants(1.4) is None
    want = pool.wants(1.6)
    assert want is not None
    assert want.urgency is Urgency.QUEUE
