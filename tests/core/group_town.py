"""People and the groups they make, on a real database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.errors import QuintaError
from quinta.core.files.model import DataRecord, RecordGroup, group_bits
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.accounts import Accounts
from quinta.core.tenancy.group_places import GroupPlaces
from quinta.core.tenancy.groups import Groups
from quinta.core.tenancy.model import GroupLevel, PendingKind, PendingMember, User
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.passwords import Argon2Passwords
from tests.clocks import NOON, SteppedClock
from tests.core.group_model import PEOPLE, STAFF


class Town:
    """People by their letters, and groups by the order in which they were made, from 0."""

    def __init__(self, database: Database) -> None:
        clock = SteppedClock()
        self.database = database
        self.groups = Groups(database, clock)
        self.places = GroupPlaces(database, clock)
        self.accounts = Accounts(database, clock, Argon2Passwords())
        self.people: dict[str, Actor] = {}
        self.numbers: list[int] = []
        self.ids: list[str] = []

    async def settle(self) -> None:
        """Makes the people and the first group of tests.core.group_model."""
        users = [
            User(new_id(), f"{letter}-{new_id()}@example.com", None, None, None, letter == STAFF, True, NOON)
            for letter in PEOPLE
        ]
        self.people = {user.email[0]: Actor(user.id, user.email, user.is_staff, "", None) for user in users}
        async with self.database.begin() as work:
            await work.of(User, EVERYTHING).add(*users)
        await self.create("a")
        await self.groups.add(None, self.numbers[0], self.email("b"), GroupLevel.MANAGER)
        await self.groups.add(None, self.numbers[0], self.email("c"), GroupLevel.MEMBER)

    def email(self, letter: str) -> str:
        return self.people[letter].email

    async def create(self, actor: str) -> None:
        made = await self.groups.create(self.people[actor], f"group {new_id()}")
        self.numbers.append(made.group.number)
        self.ids.append(made.group.id)

    async def change(self, actor: str, number: int, wanted: Mapping[str, GroupLevel | None]) -> None:
        members = {self.email(person).upper(): level for person, level in wanted.items()}
        await self.groups.change(self.people[actor], self.numbers[number], members=members)

    async def add(self, number: int, person: str, level: GroupLevel) -> None:
        await self.groups.add(None, self.numbers[number], self.email(person), level)

    async def leave(self, actor: str, number: int) -> None:
        await self.groups.leave(self.people[actor], self.numbers[number])

    async def delete(self, actor: str, number: int) -> None:
        await self.groups.delete(self.people[actor], self.numbers[number])

    async def join(self, actor: str, number: int) -> None:
        view = await self.places.join(self.people[actor], self.numbers[number])
        assert (view.number, view.email) == (self.numbers[number], self.email(actor))
        assert view.place.kind is PendingKind.REQUEST

    async def accept(self, actor: str, number: int, kind: PendingKind, person: str) -> None:
        place_id = await self.place_id(number, person)
        view = await self.places.accept(self.people[actor], kind, place_id)
        assert (view.place.id, view.number, view.email) == (place_id, self.numbers[number], self.email(person))

    async def reject(self, actor: str, number: int, kind: PendingKind, person: str) -> None:
        await self.places.reject(self.people[actor], kind, await self.place_id(number, person))

    async def cancel(self, actor: str, number: int, kind: PendingKind, person: str) -> None:
        await self.places.cancel(self.people[actor], kind, await self.place_id(number, person))

    async def place_id(self, number: int, person: str) -> str:
        """That of another one's making where there is none."""
        async with self.database.read() as work:
            user_id = self.people[person].user_id
            found = await work.of(PendingMember, EVERYTHING).get(group_id=self.ids[number], user_id=user_id)
        return new_id() if found is None else found.id

    async def close(self, actor: str) -> None:
        await self.accounts.delete(self.people[actor])

    async def list_in_record(self, number: int) -> None:
        async with self.database.begin() as work:
            await self.add_record(work, number)

    async def add_record(self, work: UnitOfWork, number: int) -> None:
        """A data record of nobody's that lists the group."""
        record = DataRecord(
            id=new_id(),
            uuid=new_id(),
            **dict.fromkeys(("name", "folded_name"), "record"),
            **dict.fromkeys(("description", "folded_description", "location", "folded_location"), ""),
            is_public=False,
            organization=None,
            protocols=None,
            group_bits=group_bits([self.numbers[number]]),
            created_by=None,
            created_at=NOON,
            updated_at=NOON,
        )
        await work.of(DataRecord, EVERYTHING).add(record)
        await work.of(RecordGroup, EVERYTHING).add(RecordGroup(new_id(), record.id, self.ids[number]))

    async def seen_by(self, actor: str | None) -> dict[int, dict[str, GroupLevel]]:
        """As GroupModel.seen_by."""
        who = None if actor is None else self.people[actor]
        views = [view for view in await self.groups.find(who) if view.group.number in self.numbers]
        assert all(view.members == tuple(sorted(view.members)) for view in views)
        return {
            self.numbers.index(view.group.number): {email[0]: level for email, level in view.members} for view in views
        }

    async def places_seen_by(self, actor: str, kind: PendingKind) -> set[tuple[int, str, GroupLevel]]:
        """As GroupModel.places_seen_by."""
        views = await self.places.find(self.people[actor], kind)
        assert [view.place.id for view in views] == sorted({view.place.id for view in views})
        return {
            (self.numbers.index(view.number), view.email[0], view.place.level)
            for view in views
            if view.number in self.numbers
        }


async def outcome(call: Callable[[], Any]) -> type[QuintaError] | None:
    """What is raised, by a plain function or one that is awaited."""
    try:
        answer = call()
        if isinstance(answer, Awaitable):
            await answer
    except QuintaError as error:
        return type(error)
    return None
