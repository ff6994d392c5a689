"""Transactions and the outbox (core.ports.Store), on both databases."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError

from quinta.core.errors import Unavailable
from quinta.core.events import Event, EventName
from quinta.core.models.model import Model
from quinta.core.requests.model import Request
from quinta.core.scope import EVERYTHING, in_project
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from quinta.storage.errors import UrlRefused
from quinta.storage.observation_tables import outbox
from quinta.storage.tables import models
from tests.storage.databases import BACKENDS
from tests.storage.rows import add_tenant, make_model

DEADLINE = 30.0


def event(number: int) -> Event:
    return Event(EventName.MODEL_CHANGED, f"model-{number}", ("model:a", f"project:{number}"), "actor", "project")


@asynccontextmanager
async def another(url: str) -> AsyncIterator[Database]:
    """A second server on the same database."""
    database = Database(url, SystemClock())
    await database.start()
    try:
        yield database
    finally:
        await database.close()


class Heard:
    """A listener that can be waited for."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = asyncio.Event()

    def __call__(self, heard: Event) -> None:
        self.events.append(heard)
        self._more.set()

    async def until(self, condition: Callable[[list[Event]], bool]) -> list[Event]:
        async with asyncio.timeout(DEADLINE):
            while not condition(self.events):
                self._more.clear()
                await self._more.wait()
        return self.events


async def stored_events(database: Database) -> int:
    async with database._reader.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(outbox))).scalar_one()


async def test_leaving_normally_commits_and_an_exception_rolls_back(database: Database) -> None:
    tenant = await add_tenant(database)
    heard = Heard()
    database.subscribe(heard)

    async def fail() -> None:
        async with database.begin() as unit:
            await unit.of(Model, EVERYTHING).change(tenant.model.id, name="lost")
            unit.emit(event(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert heard.events == []
    assert await stored_events(database) == 0
    async with database.begin() as unit:
        await unit.of(Model, EVERYTHING).change(tenant.model.id, name="kept")
        unit.emit(event(2))
        assert heard.events == []
    assert heard.events == [event(2)]
    assert await stored_events(database) == 1
    async with database.read() as unit:
        assert [model.name for model in await unit.of(Model, EVERYTHING).find()] == ["kept"]


async def test_an_os_error_of_the_caller_stays_what_it_is(database: Database) -> None:
    with pytest.raises(FileNotFoundError):
        async with database.begin():
            raise FileNotFoundError("mine")


async def test_reads_cannot_write(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.read() as unit:
        with pytest.raises(RuntimeError, match="only reads"):
            await unit.of(Model, EVERYTHING).add(make_model(tenant.project, "new"))
        with pytest.raises(RuntimeError, match="only reads"):
            unit.emit(event(1))
    async with database.begin() as unit:
        await unit.of(Model, EVERYTHING).add(make_model(tenant.project, "new"))
        unit.emit(event(1))
    # The connection itself refuses too, should somebody find a way around the unit of work.
    async with database._reader.connect() as connection:
        with pytest.raises(DBAPIError, match=r"readonly|read-only"):
            await connection.execute(insert(models), [{"id": "x"}])


async def test_a_read_sees_one_moment(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.read() as reader:
        assert await reader.of(Model, EVERYTHING).count() == 1
        async with database.begin() as unit:
            await unit.of(Model, EVERYTHING).add(make_model(tenant.project, "new"))
        assert await reader.of(Model, EVERYTHING).count() == 1
    async with database.read() as reader:
        assert await reader.of(Model, EVERYTHING).count() == 2


async def test_many_writers_and_readers_at_once(database: Database, database_url: str) -> None:
    tenant = await add_tenant(database)

    async def write(store: Database) -> None:
        async with store.begin() as unit:
            requests = unit.of(Request, in_project(tenant.project.id))
            count = await requests.count()
            await requests.add(*[tenant.request() for _ in range(3)])
            assert await requests.count() >= count + 3
            unit.emit(event(0))

    async def read(store: Database) -> None:
        async with store.read() as unit:
            assert await unit.of(Request, EVERYTHING).count() % 3 == 0

    async with another(database_url) as other:
        tasks = [step(store) for _ in range(32) for store in (database, other) for step in (write, read)]
        await asyncio.gather(*tasks)
    async with database.read() as unit:
        assert await unit.of(Request, EVERYTHING).count() == 32 * 2 * 3
    assert await stored_events(database) == 64


async def test_a_cancelled_writer_leaves_nothing_behind(database: Database) -> None:
    tenant = await add_tenant(database)
    inside = asyncio.Event()

    async def write() -> None:
        async with database.begin() as unit:
            await unit.of(Model, EVERYTHING).add(make_model(tenant.project, "lost"))
            inside.set()
            await asyncio.Event().wait()

    for _ in range(20):
        inside.clear()
        task = asyncio.create_task(write())
        await inside.wait()
        queued = asyncio.create_task(write())
        await asyncio.sleep(0)
        queued.cancel()
        task.cancel()
        await asyncio.gather(task, queued, return_exceptions=True)
        assert task.cancelled()
        assert queued.cancelled()
    async with database.begin() as unit:
        assert await unit.of(Model, EVERYTHING).count() == 1


async def test_cancelled_anywhere_an_event_is_heard_if_its_change_was_made(database: Database) -> None:
    """Cancels at every step of the loop in turn: what the database has in the end is what listeners were told."""
    tenant = await add_tenant(database)
    heard = Heard()
    database.subscribe(heard)

    async def write(number: int) -> None:
        async with database.begin() as unit:
            await unit.of(Model, EVERYTHING).add(make_model(tenant.project, f"model-{number}"))
            unit.emit(event(number))

    for number in range(120):
        task = asyncio.create_task(write(number))
        for _ in range(number):
            if not task.done():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with database.begin() as unit:
        made = {model.name for model in await unit.of(Model, EVERYTHING).find()} - {tenant.model.name}
        unit.emit(event(-1))
    subjects = {item.subject_id for item in await heard.until(lambda events: len(events) > len(made))}
    assert subjects == made | {"model--1"}


async def test_other_servers_hear_events_in_the_order_of_commits(database: Database, database_url: str) -> None:
    heard, own = Heard(), Heard()
    async with another(database_url) as other:
        database.subscribe(heard)
        other.subscribe(own)

        async def write(number: int) -> None:
            async with other.begin() as unit:
                unit.emit(event(number))
                unit.emit(event(number))

        await asyncio.gather(*[write(number) for number in range(40)])
        assert len(own.events) == 80
        await heard.until(lambda events: len(events) >= 80)
        if database.exclusive:  # one writer: commits, and so deliveries, have one order everywhere
            assert heard.events == own.events
        assert sorted(heard.events, key=str) == sorted(own.events, key=str)
        numbers = [item.subject_id for item in heard.events]
        assert numbers[::2] == numbers[1::2]
        async with database.begin() as unit:
            unit.emit(event(99))
        await own.until(lambda events: len(events) >= 81)
        assert own.events[-1] == event(99)
    assert [item.subject_id for item in heard.events].count("model-99") == 1


@pytest.mark.parametrize("database_url", BACKENDS[1:], indirect=True)  # SQLite has one writer: nothing can pass
async def test_a_number_is_seen_by_others_only_after_all_smaller_ones(database: Database, database_url: str) -> None:
    """On PostgreSQL a slow commit must not let a later number pass: a follower would never look back for it."""
    heard = Heard()
    async with another(database_url) as other:
        other.subscribe(heard)
        async with database._session(database._writer, may_write=True) as session:
            await database._outbox.take_turn(session)
            await database._outbox.write(session, [event(1)], SystemClock().now())

            async def overtake() -> None:
                async with database.begin() as unit:
                    unit.emit(event(2))

            second = asyncio.create_task(overtake())
            done, _ = await asyncio.wait([second], timeout=0.2)
            assert not done
            await session.commit()
        await second
        await heard.until(lambda events: len(events) == 2)
    assert heard.events == [event(1), event(2)]


async def test_a_listener_that_fails_harms_nobody(database: Database) -> None:
    def broken(_: Event) -> None:
        raise ZeroDivisionError

    heard = Heard()
    database.subscribe(broken)
    database.subscribe(heard)
    async with database.begin() as unit:
        unit.emit(event(1))
    assert heard.events == [event(1)]


async def test_old_events_are_purged_and_numbers_are_not_used_again(database: Database, database_url: str) -> None:
    heard = Heard()
    async with database.begin() as unit:
        unit.emit(event(1))
    async with another(database_url) as other:
        other.subscribe(heard)
        now = SystemClock().now()
        assert await database.purge_events(now - timedelta(days=1)) == 0
        assert await database.purge_events(now + timedelta(days=1)) == 1
        async with database.begin() as unit:
            unit.emit(event(2))
        assert await heard.until(bool) == [event(2)]


async def test_a_database_that_cannot_be_reached_is_unavailable(unused_tcp_port: int) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none", SystemClock())
    with pytest.raises(Unavailable, match="cannot be reached"):
        async with database.begin():
            pass
    await database.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("mysql://host/name", "no database for 'mysql'"),
        ("nonsense", "not a database URL"),
    ],
)
def test_urls_that_are_no_database(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Database(url, SystemClock())


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@host:port/x", "s3cret", "mysql://u:s3cret@host/x"])
def test_the_refusal_of_a_url_does_not_repeat_it(url: str) -> None:
    with pytest.raises(UrlRefused) as refusal:
        Database(url, SystemClock())
    assert "s3cret" not in "".join(traceback.format_exception(refusal.value)[-1])
    assert refusal.value.__cause__ is None


async def test_an_unexpected_error_says_nothing_of_the_values(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as work:
        models_of = work.of(Model, in_project(tenant.project.id))
        with pytest.raises(DBAPIError) as error:
            await models_of.change(tenant.model.id, description="s3cret", name=None)
    assert "UPDATE models" in str(error.value)
    assert "s3cret" not in str(error.value)
