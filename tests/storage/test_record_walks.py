"""A search among data records has half of its walk done by a second reader, which it never waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from quinta.core.events import Event, EventName
from quinta.core.files.model import DataRecord, RecordGroup
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordPage, RecordQuery, RecordView, Sort
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage import record_walks
from quinta.storage.database import Database
from quinta.storage.engines import SQLITE_READERS
from tests.engine.leased import eventually
from tests.storage.records import add_groups, add_records, expected, make_record

DEADLINE_SECONDS = 60
NAMED = RecordQuery((Filter(RecordField.NAME, Operator.ICONTAINS, ("NAME",)),), limit=5)
QUESTIONS = (
    NAMED,
    RecordQuery(NAMED.filters, (Sort(RecordField.NAME, descending=True),), limit=5, offset=30),
    RecordQuery((Filter(RecordField.DESCRIPTION, Operator.CONTAINS, ("even",)),), limit=5),
    RecordQuery(NAMED.filters, (Sort(RecordField.ORGANIZATION, descending=True),), limit=5),
    RecordQuery(sort=(Sort(RecordField.PROTOCOLS),), limit=5, offset=12),
)


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> list[RecordView]:
    """Of which each walk is worth two readers."""
    monkeypatch.setattr(record_walks, "_WORTH_IT", 1)
    return [
        make_record(f"name {n:02}", (1,), description=("odd", "even")[n % 2], protocols=f"[{n % 7}]") for n in range(40)
    ]


@pytest_asyncio.fixture
async def filled(database: Database, views: list[RecordView]) -> AsyncIterator[Database]:
    await add_records(database, views, await add_groups(database, (1,)))
    yield database


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""PostgreSQL decides by itself how many processors a statement has."""


async def search(database: Database, query: RecordQuery = NAMED) -> RecordPage:
    async with asyncio.timeout(DEADLINE_SECONDS), database.read() as work:
        return await work.records(query)


async def add(database: Database, name: str, *, told: bool) -> None:
    """A record more; ``told``: with the event that whoever adds one writes."""
    record = make_record(name, (1,)).record
    async with database.begin() as work:
        (group,) = await work.of(Group, EVERYTHING).find(number=1)
        await work.of(DataRecord, EVERYTHING).add(record)
        await work.of(RecordGroup, EVERYTHING).add(RecordGroup(new_id(), record.id, group.id))
        if told:
            work.emit(Event(EventName.RECORD_CREATED, record.id, (), None))


async def is_free(database: Database) -> bool:
    async with database._beside() as second:
        return second is not None


def answer(views: list[RecordView], query: RecordQuery) -> RecordPage:
    records, total = expected(views, query, {1: "1"})
    return RecordPage(tuple(records), total)


@on_sqlite
async def test_the_second_reader_counts_the_upper_half(filled: Database, views: list[RecordView]) -> None:
    """It began later, and without an event nothing says that it sees more: what is new in its half is counted."""
    async with filled.read() as work:
        before = await work.records(NAMED)
        await add(filled, "a name", told=False)
        await add(filled, "z name", told=False)
        after = await work.records(NAMED)
    assert (before.total, after.total) == (len(views), len(views) + 1)


async def test_a_transaction_sees_one_moment_whatever_is_committed_meanwhile(
    filled: Database, views: list[RecordView]
) -> None:
    async with filled.read() as work:
        assert (await work.records(NAMED)).total == len(views)
        await add(filled, "a name", told=True)
        await add(filled, "z name", told=True)
        for query in QUESTIONS:
            assert await work.records(query) == answer(views, query)
    assert (await search(filled)).total == len(views) + 2


@on_sqlite
async def test_a_search_does_not_wait_for_the_second_reader(filled: Database, views: list[RecordView]) -> None:
    async with filled._beside() as second:
        assert second is not None
        assert not await is_free(filled)
        for query in QUESTIONS:
            assert await search(filled, query) == answer(views, query)
    assert await is_free(filled)


async def test_more_searches_at_once_than_there_are_connections(filled: Database, views: list[RecordView]) -> None:
    queries = QUESTIONS * SQLITE_READERS
    pages = await asyncio.gather(*(search(filled, query) for query in queries))
    assert pages == [answer(views, query) for query in queries]


@on_sqlite
async def test_a_search_that_is_given_up_gives_the_second_reader_back(
    filled: Database, views: list[RecordView]
) -> None:
    for steps in range(0, 120, 3):  # one further along than the other
        searching = asyncio.create_task(search(filled))
        for _ in range(steps):
            await asyncio.sleep(0)
        searching.cancel()
        await asyncio.wait([searching])
    await eventually(lambda: is_free(filled))
    assert await search(filled) == answer(views, NAMED)


async def test_a_database_closes_while_searches_are_given_up(
    filled: Database, views: list[RecordView], database_url: str
) -> None:
    again = Database(database_url, SystemClock())
    await again.start()
    searching = [asyncio.create_task(search(again, query)) for query in QUESTIONS * 2]
    await asyncio.wait(searching, return_when=asyncio.FIRST_COMPLETED)
    for task in searching:
        task.cancel()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await again.close()
        await asyncio.wait(searching)
    assert await search(filled) == answer(views, NAMED)


@on_sqlite
async def test_who_may_write_has_no_second_reader(filled: Database) -> None:
    """It would not see what the transaction has written."""
    async with filled.begin() as work:
        await work.of(DataRecord, EVERYTHING).add(make_record("z name", (1,)).record)
        assert (await work.records(NAMED)).total == 41
