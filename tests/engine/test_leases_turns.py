"""When a leased loop stores what has ended: soon, and many at once."""

from __future__ import annotations

import asyncio

from sqlalchemy import event

from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.engine.leases import Ended, LeasePolicy
from quinta.storage.database import Database
from tests.engine.leased import completed, eventually, make_loop, running, until_ended
from tests.storage.rows import add_requests, add_tenant

# A result would wait for ever, were it not for what ends the wait in these tests.
PATIENT = LeasePolicy(gather_seconds=3600.0, longest_gather_seconds=3600.0, poll_seconds=3600.0)


async def stored_as_completed(database: Database) -> int:
    async with database.read() as unit:
        return await unit.of(Request, EVERYTHING).count(status=RequestStatus.COMPLETED)


async def test_results_are_stored_when_half_of_what_is_held_has_ended(database: Database) -> None:
    requests = await add_requests(database, await add_tenant(database), 4)
    gates = {request.id: asyncio.Event() for request in requests}

    async def work(request: Request) -> Ended:
        await gates[request.id].wait()
        return completed("done")

    loop = make_loop(database, work, policy=PATIENT)

    async def holds(count: int) -> bool:
        return loop.in_flight == count

    async def stored(count: int) -> bool:
        return await stored_as_completed(database) == count

    async with running(loop):
        await eventually(lambda: holds(4))
        gates[requests[0].id].set()
        await asyncio.sleep(0)
        assert await stored_as_completed(database) == 0
        gates[requests[1].id].set()
        await eventually(lambda: stored(2))
        gates[requests[2].id].set()  # half of the two that are left
        await eventually(lambda: stored(3))
        gates[requests[3].id].set()  # nothing else is under way
        await eventually(lambda: stored(4))


async def test_a_loop_that_closes_does_not_wait_for_more_results(database: Database) -> None:
    requests = await add_requests(database, await add_tenant(database), 3)
    ended = asyncio.Event()

    async def work(request: Request) -> Ended:
        if request.id == requests[0].id:
            ended.set()
            return completed("done")
        await asyncio.Event().wait()
        raise AssertionError

    async with running(make_loop(database, work, policy=PATIENT)):
        await ended.wait()
    assert await stored_as_completed(database) == 1


async def test_what_ends_at_once_is_stored_in_few_statements(database: Database) -> None:
    await add_requests(database, await add_tenant(database), 200)
    settling: list[str] = []

    @event.listens_for(database._writer.sync_engine, "before_cursor_execute")
    def note(_: object, __: object, statement: str, *___: object) -> None:
        if "UPDATE requests SET" in statement and "AS many" in statement:
            settling.append(statement)

    async def work(request: Request) -> Ended:
        return completed("done")

    async with running(make_loop(database, work, concurrency=50)):
        await until_ended(database)
    assert len(settling) == 4
