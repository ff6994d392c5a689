"""Groups on both databases: what several do at the same moment ends as if one had come after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial

from quinta.core.errors import NotFound, NotPermitted, StateConflict
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import GroupLevel, GroupMember, PendingKind
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.core.group_town import Town, outcome

MEMBER, OWNER = GroupLevel.MEMBER, GroupLevel.OWNER
REQUEST = PendingKind.REQUEST


async def together(*calls: Awaitable[object]) -> list[type[BaseException] | None]:
    """What each call raises, all being made at the same moment."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return [type(answer) if isinstance(answer, BaseException) else None for answer in answers]


async def test_two_owners_who_leave_at_once_leave_one(database: Database) -> None:
    for _ in range(5):
        town = Town(database)
        await town.settle()
        await town.add(0, "b", OWNER)
        assert sorted(map(str, await together(town.leave("a", 0), town.leave("b", 0)))) == sorted(
            map(str, [None, StateConflict])
        )
        assert list((await town.seen_by(None))[0].values()).count(OWNER) == 1


async def test_two_owners_who_unmake_each_other_at_once(database: Database) -> None:
    for _ in range(5):
        town = Town(database)
        await town.settle()
        await town.add(0, "b", OWNER)
        raised = await together(town.change("a", 0, {"b": MEMBER}), town.change("b", 0, {"a": MEMBER}))
        assert set(raised) == {None, NotPermitted}
        assert list((await town.seen_by(None))[0].values()).count(OWNER) == 1


async def test_one_place_is_taken_once(database: Database) -> None:
    for _ in range(5):
        town = Town(database)
        await town.settle()
        await town.join("m", 0)
        place_id = await town.place_id(0, "m")
        decide = [partial(town.places.accept, town.people[letter], REQUEST, place_id) for letter in "abs"]
        raised = await together(*(call() for call in decide), town.cancel("m", 0, REQUEST, "m"))
        assert sorted(map(str, raised)) == sorted(map(str, [None, NotFound, NotFound, NotFound]))


async def test_who_asks_while_being_invited(database: Database) -> None:
    for _ in range(5):
        town = Town(database)
        await town.settle()
        raised = await together(town.change("a", 0, {"m": MEMBER}), town.join("m", 0))
        assert set(raised) == {None, StateConflict}


async def test_a_record_that_comes_to_list_a_group_being_deleted_wins(database: Database) -> None:
    town = Town(database)
    await town.settle()
    async with database.begin() as work:
        await town.add_record(work, 0)
        deleting = asyncio.create_task(outcome(partial(town.delete, "a", 0)))
        await asyncio.sleep(0)  # so that it has begun; whether it waits or has yet to, it ends the same
    assert await deleting is StateConflict
    assert 0 in await town.seen_by(None)


async def test_who_comes_to_own_a_group_while_leaving_the_server_stays(database: Database) -> None:
    town = Town(database)
    await town.settle()
    async with database.begin() as work:
        await work.of(GroupMember, EVERYTHING).remove(group_id=town.ids[0], user_id=town.people["a"].user_id)
        await work.of(GroupMember, EVERYTHING).add(GroupMember(new_id(), town.ids[0], town.people["m"].user_id, OWNER))
        closing = asyncio.create_task(outcome(partial(town.close, "m")))
        await asyncio.sleep(0)
    assert await closing is StateConflict
    assert (await town.seen_by("m"))[0]["m"] is OWNER
