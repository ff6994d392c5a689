"""Shares of the machine's memory between versions of several organizations, by generated sequences and told ones."""

from __future__ import annotations

from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quinta.core.models.model import RunnableVersion
from quinta.core.reasons import Reason
from quinta.engine.supervisor.capacity import Capacity
from quinta.engine.supervisor.pool import Pool
from quinta.engine.supervisor.room import SETTLED_SECONDS, TURN_SECONDS
from quinta.engine.supervisor.settings import SupervisorPolicy
from quinta.engine.supervisor.states import (
    Action,
    End,
    Instance,
    InstanceState,
    Launch,
    Refuse,
    Ticket,
)
from tests.engine.supervisor.harness import version_of

BUDGET = 1_000
STARTING = 3


class House:
    """Pools of several organizations in one capacity, and whoever plays their processes. Keeps its own books."""

    def __init__(self, budget: int = BUDGET, starting: int = STARTING) -> None:
        self.capacity = Capacity(budget, starting)
        self.budget, self.most_starting = budget, starting
        self.now = 1000.0
        self.pools: dict[str, Pool] = {}
        self.versions: dict[str, RunnableVersion] = {}
        self.tickets: dict[Ticket, str] = {}
        self.processes: dict[str, tuple[str, Instance]] = {}
        self.ended: dict[Ticket, End] = {}
        self.refused: list[Refuse] = []
        self._numbers = count(1)

    def add(self, organization: str, name: str, memory: int, **changes: object) -> str:
        version_id = f"{organization}/{name}"
        changes = {"memory_megabytes": memory, "maximum_instances": 3, "maximum_idle_seconds": 30} | changes
        version = version_of(name, version_id=version_id, organization_id=organization, **changes)
        self.versions[version_id] = version
        tenant = self.capacity.tenant(organization)
        pool = self.pools[version_id] = Pool(SupervisorPolicy(), lambda: f"i{next(self._numbers)}", tenant)
        self.capacity.add(version_id, organization, pool)
        return version_id

    def ask(self, version_id: str, requests: int = 1) -> list[Ticket]:
        tickets = [Ticket(10.0) for _ in range(requests)]
        for ticket in tickets:
            self.tickets[ticket] = version_id
            self.happened(version_id, self.pools[version_id].accept(ticket, self.versions[version_id], self.now))
        return tickets

    def happened(self, version_id: str, actions: list[Action]) -> None:
        self.carry_out([(version_id, action) for action in actions])
        self.capacity.changed(version_id)
        self.balance()

    def balance(self) -> None:
        self.carry_out(self.capacity.balance(self.now))

    def carry_out(self, actions: list[tuple[str, Action]]) -> None:
        for version_id, action in actions:
            if isinstance(action, Launch):
                self.processes[action.instance.id] = version_id, action.instance
            elif isinstance(action, End):
                del self.tickets[action.ticket]
                self.ended[action.ticket] = action
            elif isinstance(action, Refuse):
                self.refused.append(action)

    def instances(self, state: InstanceState, version_id: str | None = None) -> list[tuple[str, Instance]]:
        return [
            (owner, instance)
            for owner, instance in self.processes.values()
            if instance.state is state and version_id in (None, owner)
        ]

    def start(self, version_id: str | None = None) -> None:
        """All that are starting become ready."""
        while starting := self.instances(InstanceState.STARTING, version_id):
            owner, instance = starting[0]
            self.happened(owner, self.pools[owner].started(instance, self.now))

    def finish(self, version_id: str) -> None:
        """One request of the version gets its answer."""
        owner, instance = self.instances(InstanceState.BUSY, version_id)[0]
        assert instance.ticket is not None
        del self.tickets[instance.ticket]
        self.happened(owner, self.pools[owner].finished(instance, self.now))

    def bury(self) -> None:
        """All that were told to stop are gone."""
        for owner, instance in self.instances(InstanceState.STOPPING):
            del self.processes[instance.id]
            self.happened(owner, self.pools[owner].exited(instance, Reason.EXITED, "it stopped", self.now))

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for version_id, pool in self.pools.items():
            self.carry_out([(version_id, action) for action in pool.tick(self.now)])
            self.capacity.changed(version_id)
        self.balance()

    def held(self, version_id: str | None = None) -> int:
        return sum(i.version.memory_megabytes for owner, i in self.processes.values() if version_id in (None, owner))

    def check(self) -> None:
        assert self.held() == self.capacity.held <= self.budget
        assert len(self.instances(InstanceState.STARTING)) <= self.most_starting
        for pool in self.pools.values():
            assert pool.owed >= 0


class Machine(RuleBasedStateMachine):
    """Several versions of three organizations in a house too small for all."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.house.add("a", "small", 100)
        self.house.add("a", "large", 400, minimum_instances=1)
        self.house.add("b", "small", 100, minimum_instances=1)
        self.house.add("b", "middle", 300)
        self.house.add("c", "whole", 1_000)
        self.house.add("c", "too large", 1_001)

    version_ids = st.sampled_from(["a/small", "a/large", "b/small", "b/middle", "c/whole", "c/too large"])

    @rule(version_id=version_ids, requests=st.integers(1, 4))
    def ask(self, version_id: str, requests: int) -> None:
        tickets = self.house.ask(version_id, requests)
        if version_id == "c/too large":
            assert {self.house.ended[ticket].reason for ticket in tickets} == {Reason.ALLOCATION_TOO_LARGE}

    @rule(version_id=version_ids)
    def probe(self, version_id: str) -> None:
        self.house.pools[version_id].probe(self.house.versions[version_id], self.house.now)
        self.house.happened(version_id, [])

    @precondition(lambda self: self.house.instances(InstanceState.STARTING))
    @rule(data=st.data(), fails=st.booleans())
    def started(self, data: st.DataObject, fails: bool) -> None:
        owner, instance = data.draw(st.sampled_from(self.house.instances(InstanceState.STARTING)))
        pool, now = self.house.pools[owner], self.house.now
        self.house.happened(
            owner,
            pool.start_failed(instance, Reason.START_EXITED, "no luck", now) if fails else pool.started(instance, now),
        )

    @precondition(lambda self: self.house.instances(InstanceState.BUSY))
    @rule(data=st.data())
    def finished(self, data: st.DataObject) -> None:
        owner, _ = data.draw(st.sampled_from(self.house.instances(InstanceState.BUSY)))
        self.house.finish(owner)

    @precondition(lambda self: self.house.processes)
    @rule(data=st.data())
    def exited(self, data: st.DataObject) -> None:
        owner, instance = data.draw(st.sampled_from(list(self.house.processes.values())))
        del self.house.processes[instance.id]
        actions = self.house.pools[owner].exited(instance, Reason.EXITED, "it ended", self.house.now)
        self.house.happened(owner, actions)

    @precondition(lambda self: self.house.tickets)
    @rule(data=st.data())
    def expired(self, data: st.DataObject) -> None:
        ticket, owner = data.draw(st.sampled_from(list(self.house.tickets.items())))
        self.house.happened(owner, self.house.pools[owner].expired(ticket, self.house.now))

    @rule(seconds=st.sampled_from([0.1, 1.0, TURN_SECONDS, SETTLED_SECONDS, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.house.tick(seconds)

    @invariant()
    def nothing_is_given_twice(self) -> None:
        self.house.check()

    @invariant()
    def room_is_not_left_idle(self) -> None:
        """Whoever has nothing that serves is on the way, or there is no room that it could have."""
        house = self.house
        if len(house.instances(InstanceState.STARTING)) >= STARTING or house.instances(InstanceState.STOPPING):
            return
        for version_id in ("a/small", "b/small"):
            pool = house.pools[version_id]
            alone = pool.waiting and not house.instances(InstanceState.BUSY, version_id)
            if alone and house.now >= pool.not_before and not house.instances(InstanceState.STARTING, version_id):
                assert house.held() + 100 > BUDGET or any(p.obstacle for p in house.pools.values())

    def teardown(self) -> None:
        """When processes behave from now on, every request is served: no version is kept out for ever."""
        house = self.house
        for _ in range(400):
            house.tick(2.0)
            house.start()
            for version_id, _ in house.instances(InstanceState.BUSY):
                house.finish(version_id)
            house.bury()
            house.check()
            if not house.tickets:
                return
        raise AssertionError(f"requests are left: {list(house.tickets.values())}")


TestCapacity = Machine.TestCase
TestCapacity.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_idle_instances_make_room_longest_idle_first() -> None:
    house = House(300)
    one, other, third = (house.add("a", name, 100) for name in ("one", "other", "third"))
    for version_id in (one, other, third):
        house.ask(version_id)
        house.start()
        house.finish(version_id)
        house.now += 1.0
    (ticket,) = house.ask(house.add("b", "new", 100))
    (stopping,) = house.instances(InstanceState.STOPPING)
    assert stopping[0] == one
    house.bury()
    house.start()
    assert ticket.instance is not None
    assert house.held(other) == house.held(third) == 100


def test_minimum_instances_make_room_only_for_who_has_nothing() -> None:
    house = House(200)
    kept = house.add("a", "kept", 100, minimum_instances=1)
    house.happened(kept, house.pools[kept].apply(house.versions[kept], house.now))
    house.start()
    other = house.add("b", "other", 100)
    house.ask(other, 2)
    house.start()
    house.tick(SETTLED_SECONDS)
    assert house.held(kept) == 100, "its second instance is not worth another's minimum"
    (ticket,) = house.ask(house.add("b", "third", 100))
    assert [owner for owner, _ in house.instances(InstanceState.STOPPING)] == [kept]
    house.bury()
    house.start()
    assert ticket.instance is not None


def test_a_request_that_cannot_be_placed_says_why() -> None:
    house = House(200)
    busy, other = house.add("a", "busy", 200), house.add("b", "other", 100)
    house.ask(busy)
    house.start()
    (ticket,) = house.ask(other)
    house.happened(other, house.pools[other].expired(ticket, house.now))
    end = house.ended[ticket]
    assert (end.reason, end.message) == (
        Reason.NO_ROOM,
        "timed out after 10 s: the machine's memory for instances (200 MB) is taken by other instances; "
        "this version needs 100 MB",
    )


def test_a_version_larger_than_the_machine_is_refused_at_once() -> None:
    house = House(200)
    large, fits = house.add("a", "large", 201), house.add("a", "fits", 200)
    (ticket,) = house.ask(large)
    assert house.ended[ticket].reason is Reason.ALLOCATION_TOO_LARGE
    assert house.ended[ticket].message == (
        "the machine's memory for instances is 200 MB; this version needs 201 MB: lower its memory_allocation, or have "
        "the operator raise QUINTA_INSTANCE_MEMORY_MB"
    )
    house.pools[large].probe(house.versions[large], house.now)
    house.happened(large, [])
    assert "this version needs 201 MB" in house.refused[0].why
    (ticket,) = house.ask(fits)
    house.start()
    assert ticket.instance is not None


def test_an_organization_at_work_gives_way_to_one_with_less() -> None:
    house = House(400)
    greedy, modest = house.add("a", "greedy", 100, maximum_instances=4), house.add("b", "modest", 100)
    house.ask(greedy, 20)
    house.start()
    house.start()
    assert house.held(greedy) == 400
    (ticket,) = house.ask(modest)
    assert not house.instances(InstanceState.STOPPING), "what works is not killed"
    house.finish(greedy)
    assert len(house.instances(InstanceState.STOPPING, greedy)) == 1
    house.finish(greedy)
    assert len(house.instances(InstanceState.STOPPING, greedy)) == 1, "one is enough"
    house.bury()
    house.start()
    assert ticket.instance is not None


def test_two_versions_take_turns_where_there_is_room_for_one() -> None:
    house = House(100)
    one, other = house.add("a", "one", 100), house.add("b", "other", 100)
    house.ask(one, 50)
    house.start()
    (ticket,) = house.ask(other)
    house.finish(one)
    assert not house.instances(InstanceState.STOPPING), "it has just begun"
    house.tick(TURN_SECONDS)
    house.finish(one)
    house.bury()
    house.start()
    assert ticket.instance is not None
    house.tick(TURN_SECONDS)
    house.finish(other)
    house.bury()
    house.start()
    assert house.instances(InstanceState.BUSY, one)


def test_a_new_revision_replaces_one_by_one_where_there_is_room_for_no_more() -> None:
    house = House(100)
    version_id = house.add("a", "model", 100, maximum_instances=1)
    first, second = house.ask(version_id, 2)
    house.start()
    old = house.versions[version_id]
    house.versions[version_id] = new = version_of(
        "model",
        **{name: getattr(old, name) for name in ("version_id", "organization_id", "memory_megabytes")},
        revision=2,
    )
    probed = house.pools[version_id].probe(new, house.now)
    house.happened(version_id, [])
    house.finish(version_id)
    assert first.ended
    assert not second.instance
    house.bury()
    assert probed.state is InstanceState.STARTING
    house.start()
    house.happened(version_id, house.pools[version_id].apply(new, house.now))
    assert second.instance is probed


def test_only_so_many_start_at_a_time() -> None:
    house = House(1_000, starting=2)
    names = [house.add(f"o{number}", "model", 100) for number in range(5)]
    tickets = [ticket for version_id in names for ticket in house.ask(version_id)]
    assert len(house.instances(InstanceState.STARTING)) == 2
    late = tickets[-1]
    house.happened(names[-1], house.pools[names[-1]].expired(late, house.now))
    assert "2 other instances were starting, as many as may at a time" in house.ended[late].message
    house.start()
    assert all(ticket.instance for ticket in tickets[:-1])


def test_the_queue_of_a_version_and_of_an_organization_is_bounded() -> None:
    house = House(1_000)
    policy = SupervisorPolicy()
    other = house.add("b", "other", 100)
    limit = policy.queue.of_version
    tickets = house.ask(other, limit + 5)
    refused = [ticket for ticket in tickets if ticket in house.ended]
    assert [house.ended[ticket].reason for ticket in refused] == [Reason.QUEUE_FULL] * 5
    assert house.ended[refused[0]].message == f"{limit} requests wait for this version already: send it again later"
    batch = Ticket(10.0, batch=True)
    house.tickets[batch] = other
    house.happened(other, house.pools[other].accept(batch, house.versions[other], house.now))
    assert batch not in house.ended, "batch requests are rows: their loop bounds them"
    second, third = house.add("b", "second", 100), house.add("b", "third", 100)
    house.ask(second, policy.queue.of_organization - limit)
    (ticket,) = house.ask(third)
    assert "requests of this organization wait already" in house.ended[ticket].message
    (ticket,) = house.ask(house.add("c", "neighbour", 100))
    assert ticket not in house.ended
