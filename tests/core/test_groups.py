"""Groups on both databases: generated sequences against plain dictionaries, and the rules for names and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, NotPermitted, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.files.record_access import Portal
from quinta.core.files.record_query import RecordQuery
from quinta.core.files.records import NewRecord, Records
from quinta.core.tenancy.group_members import MAXIMUM_AT_ONCE
from quinta.core.tenancy.groups import groups_of
from quinta.core.tenancy.model import GroupLevel, PendingKind
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.clocks import SteppedClock
from tests.core.group_model import PEOPLE, GroupModel
from tests.core.group_town import Town, outcome
from tests.core.test_clients import service_user
from tests.storage.rows import add_tenant

MEMBER, CONTRIBUTOR, MANAGER, OWNER = GroupLevel
INVITATION, REQUEST = PendingKind


@dataclass(frozen=True)
class Step:
    """A call of both Town and GroupModel. ``number`` is taken modulo the groups there are."""

    verb: str
    number: int | None
    arguments: tuple[Any, ...]

    def call(self, of: Town | GroupModel, count: int) -> Any:
        arguments = list(self.arguments)
        if self.number is not None:
            arguments.insert(0 if self.verb in {"add", "list_in_record"} else 1, self.number % count)
        return getattr(of, self.verb)(*arguments)


PERSON, LEVEL, NUMBER, KIND = (
    st.sampled_from(PEOPLE),
    st.sampled_from(GroupLevel),
    st.integers(0, 2),
    st.sampled_from(PendingKind),
)
WANTED = st.dictionaries(PERSON, st.none() | LEVEL, min_size=1, max_size=3)


def step(verb: str, *arguments: st.SearchStrategy[Any], number: bool = True) -> st.SearchStrategy[Step]:
    return st.builds(Step, st.just(verb), NUMBER if number else st.none(), st.tuples(*arguments))


STEPS = st.one_of(
    step("change", PERSON, WANTED),
    step("change", PERSON, WANTED),
    step("add", PERSON, LEVEL),
    step("leave", PERSON),
    step("join", PERSON),
    step("accept", PERSON, KIND, PERSON),
    step("reject", PERSON, KIND, PERSON),
    step("cancel", PERSON, KIND, PERSON),
    step("delete", PERSON),
    step("create", PERSON, number=False),
    step("close", PERSON, number=False),
    step("list_in_record"),
)


JOINED = Step("join", 0, ("m",))
ALONE = Step("create", None, ("m",))


@given(steps=st.lists(STEPS, max_size=16))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=[Step("change", 0, ("a", {"a": MEMBER, "b": OWNER})), Step("leave", 0, ("a",))])
@example(steps=[JOINED, Step("cancel", 0, ("b", REQUEST, "m")), Step("accept", 0, ("b", REQUEST, "m"))])
@example(steps=[Step("change", 0, ("a", {"m": OWNER})), Step("cancel", 0, ("b", INVITATION, "m"))])
@example(steps=[JOINED])
@example(steps=[JOINED, Step("add", 0, ("m", MEMBER))])
@example(steps=[ALONE, Step("close", None, ("m",))])
@example(steps=[ALONE, Step("list_in_record", 1, ()), Step("close", None, ("m",)), Step("delete", 1, ("m",))])
async def test_as_the_model_has_it(database: Database, steps: list[Step]) -> None:
    town, model = Town(database), GroupModel()
    await town.settle()
    for taken in steps:
        if taken.verb not in {"add", "list_in_record"} and taken.arguments[0] in model.closed:
            continue  # without an account nobody calls
        count = len(model.groups)
        expected = await outcome(partial(taken.call, model, count))
        assert await outcome(partial(taken.call, town, count)) is expected, taken
        assert await town.seen_by(None) == model.seen_by(None), taken
    for letter in set(PEOPLE) - model.closed:
        await assert_seen_alike(town, model, letter)


async def assert_seen_alike(town: Town, model: GroupModel, letter: str) -> None:
    actor, seen = town.people[letter], model.seen_by(letter)
    assert await town.seen_by(letter) == seen
    async with town.database.read() as work:
        mine = await groups_of(work, actor.user_id)
    theirs = {number: members[letter] for number, members in model.seen_by(None).items() if letter in members}
    assert mine == {town.ids[number]: level for number, level in theirs.items()}
    for kind in PendingKind:
        assert await town.places_seen_by(letter, kind) == model.places_seen_by(letter, kind)
    for number in range(len(model.groups)):
        expected = None if number in seen else NotFound
        assert await outcome(partial(town.groups.get, actor, town.numbers[number])) is expected


async def test_a_number_is_never_given_again(database: Database) -> None:
    town = Town(database)
    await town.settle()
    await town.create("c")
    await town.delete("c", 1)
    await town.create("c")
    assert town.numbers == [1, 2, 3]
    assert set(await town.groups.known([0, 1, 2, 3, -1, 2**63, 10**30])) == {1, 3}
    assert len(await town.groups.known(range(3_000))) == 2
    for number in (2, 2**63):
        with pytest.raises(NotFound, match=f"no group with the number {number}"):
            await town.groups.get(None, number)


async def test_names_are_unique_and_an_owners_to_change(database: Database) -> None:
    town = Town(database)
    await town.settle()
    a, b, number = town.people["a"], town.people["b"], town.numbers[0]
    made = await town.groups.create(b, "  Größe & Söhne ")
    assert made.group.name == "Größe & Söhne"
    with pytest.raises(AlreadyExists) as taken:
        await town.groups.create(a, "Größe & Söhne")
    assert taken.value.field == "name"
    with pytest.raises(AlreadyExists):
        await town.groups.change(a, number, name="Größe & Söhne")
    with pytest.raises(NotPermitted, match="only an owner"):
        await town.groups.change(b, number, name="of b")
    assert (await town.groups.change(a, number, name="of a")).group.name == "of a"
    same = await town.groups.change(b, number, name=" of a", members={town.email("c"): CONTRIBUTOR})
    assert same.members[2] == (town.email("c"), CONTRIBUTOR)  # a manager may send the name back as it is


@pytest.mark.parametrize("name", ["", "  ", "x" * 151, "a\nb", "a\x00b"])
async def test_a_name_is_a_line_of_text(database: Database, name: str) -> None:
    town = Town(database)
    await town.settle()
    for refused in (
        partial(town.groups.create, town.people["a"], name),
        partial(town.groups.change, town.people["a"], town.numbers[0], name=name),
    ):
        with pytest.raises(InvalidInput) as error:
            await refused()
        assert error.value.field == "name"
    assert (await town.groups.create(town.people["a"], "x" * 150)).group.name == "x" * 150


async def test_service_users_are_in_no_group(database: Database) -> None:
    town, tenant = Town(database), await add_tenant(database)
    await town.settle()
    number, service = town.numbers[0], await service_user(database, tenant.project.id)
    for refused in (
        partial(town.groups.find, service),
        partial(town.groups.get, service, number),
        partial(town.groups.create, service, "mine"),
        partial(town.groups.change, service, number, name="mine"),
        partial(town.groups.delete, service, number),
        partial(town.groups.leave, service, number),
        partial(town.places.join, service, number),
        partial(town.places.find, service, REQUEST),
        partial(town.places.get, service, REQUEST, new_id()),
    ):
        assert await outcome(refused) is NotPermitted
    for email in (service.email, "nobody@example.com", ""):
        assert await outcome(partial(town.groups.add, None, number, email, MEMBER)) is InvalidInput
        assert await outcome(partial(town.groups.change, None, number, members={email: MEMBER})) is InvalidInput


async def test_what_cannot_be_one_change(database: Database) -> None:
    town = Town(database)
    await town.settle()
    change = partial(town.groups.change, town.people["a"], town.numbers[0])
    with pytest.raises(InvalidInput, match="twice") as twice:
        await change(members={town.email("m"): MEMBER, town.email("m").upper(): OWNER})
    assert twice.value.field == "members"
    with pytest.raises(InvalidInput, match="at most 1000"):
        await change(members={f"{number}@example.com": MEMBER for number in range(MAXIMUM_AT_ONCE + 1)})
    assert await town.places_seen_by("a", INVITATION) == set()


async def test_asking_twice_is_asking_once(database: Database) -> None:
    town = Town(database)
    await town.settle()
    m = town.people["m"]
    first, second = [await town.places.join(m, town.numbers[0]) for _ in range(2)]
    assert first == second == await town.places.get(m, REQUEST, first.place.id.upper())
    for kind, place_id in ((INVITATION, first.place.id), (REQUEST, new_id()), (REQUEST, "no id")):
        assert await outcome(partial(town.places.get, m, kind, place_id)) is NotFound


async def test_who_is_taken_out_loses_the_records_at_once(database: Database, tmp_path: Path) -> None:
    town = Town(database)
    await town.settle()
    a, c, m = (town.people[letter] for letter in "acm")
    records = Records(database, SteppedClock(), open_objects(tmp_path.as_uri()))
    record = (await records.create(c, Portal.PRIVATE, NewRecord("of c", groups=(town.numbers[0],)))).record
    await town.change("a", 0, {"m": MEMBER})
    assert (await records.find(m, Portal.PRIVATE, RecordQuery())).total == 0  # invited is not in
    await town.accept("m", 0, INVITATION, "m")
    assert (await records.get(m, Portal.PRIVATE, record.uuid)).view.record == record
    for letter in "mc":  # c made it: that alone opens nothing
        await town.change("a", 0, {letter: None})
        assert (await records.find(town.people[letter], Portal.PRIVATE, RecordQuery())).total == 0
        for refused in (records.get, records.delete):
            assert await outcome(partial(refused, town.people[letter], Portal.PRIVATE, record.uuid)) is NotFound
    with pytest.raises(StateConflict, match=r"listed by data records \(1\)"):
        await town.delete("a", 0)
    await records.delete(a, Portal.PRIVATE, record.uuid)
    await town.delete("a", 0)


async def test_events_name_the_group_and_who_is_concerned(database: Database) -> None:
    town, heard = Town(database), list[Event]()
    await town.settle()
    database.subscribe(heard.append)
    a, m = (town.people[letter].user_id for letter in "am")
    await town.change("a", 0, {"m": MEMBER})
    await town.accept("m", 0, INVITATION, "m")
    await town.change("a", 0, {"m": MEMBER})  # as it is
    await town.add(0, "m", OWNER)
    await town.close("a")
    await town.delete("m", 0)
    group = f"group:{town.ids[0]}"
    assert [(event.name, set(event.tags), event.actor_id) for event in heard if event.subject_id == town.ids[0]] == [
        (EventName.GROUP_CHANGED, {group, f"user:{m}"}, a),
        (EventName.GROUP_CHANGED, {group, f"user:{m}"}, m),
        (EventName.GROUP_CHANGED, {group, f"user:{m}"}, None),
        (EventName.GROUP_CHANGED, {group, f"user:{a}"}, a),
        (EventName.GROUP_DELETED, {group, *(f"user:{town.people[letter].user_id}" for letter in "bcm")}, m),
    ]
