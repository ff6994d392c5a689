"""Leased loops when something goes wrong: nothing is lost, and nothing has two visible results."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from quinta.core.errors import Unavailable
from quinta.core.events import Event, EventName
from quinta.core.ports import UnitOfWork
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.engine.leases import Ended, LeasePolicy
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from quinta.storage.unit_of_work import SqlUnitOfWork
from tests.engine.leased import (
    DEADLINE,
    MovedClock,
    all_requests,
    completed,
    eventually,
    make_loop,
    running,
    until_ended,
)
from tests.storage.rows import Tenant, add_requests, add_tenant


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    return await add_tenant(database)


async def test_a_result_that_comes_after_the_lease_is_dropped_with_its_effect(
    database: Database, database_url: str, tenant: Tenant
) -> None:
    await add_requests(database, tenant, 1)
    held, released = asyncio.Event(), asyncio.Event()
    effects: list[str] = []

    def ended(server: str) -> Ended:
        async def effect(_: UnitOfWork) -> None:
            effects.append(server)

        return Ended(completed(server).values, effect)

    async def slow(request: Request) -> Ended:
        held.set()
        await released.wait()
        return ended("slow")

    async def quick(request: Request) -> Ended:
        return ended("quick")

    ahead = MovedClock()
    ahead.ahead = timedelta(hours=1)
    other = Database(database_url, SystemClock())
    await other.start()
    first, second = make_loop(database, slow), make_loop(other, quick, clock=ahead)
    with capture_logs() as logs:
        async with running(first):
            await held.wait()
            async with running(second):
                await until_ended(database)
            released.set()

            async def dropped() -> bool:
                return any(line["event"] == "leases.result_dropped" for line in logs)

            await eventually(dropped)
    await other.close()
    (request,) = await all_requests(database)
    assert (request.result, request.attempts) == ("quick", 2)
    assert effects == ["quick"]
    assert first.in_flight == 0


async def test_work_is_told_when_its_lease_is_lost(database: Database, tenant: Tenant) -> None:
    """The heartbeat notices: here the row is deleted, as when a user cancels a request."""
    (request,) = await add_requests(database, tenant, 1)
    held, told = asyncio.Event(), asyncio.Event()

    async def work(_: Request) -> Ended:
        held.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.set()
            raise
        raise AssertionError

    loop = make_loop(database, work, policy=LeasePolicy(lease_seconds=0.3))
    async with running(loop):
        await held.wait()
        async with database.begin() as unit:
            await unit.of(Request, EVERYTHING).remove(id=request.id)
        async with asyncio.timeout(DEADLINE):
            await told.wait()
    assert loop.in_flight == 0


async def test_leases_are_renewed_while_work_goes_on(database: Database, tenant: Tenant) -> None:
    await add_requests(database, tenant, 3)
    released = asyncio.Event()

    async def work(_: Request) -> Ended:
        await released.wait()
        return completed("first")

    async def seen() -> bool:
        ends.update(request.lease_expires_at for request in await all_requests(database))
        return len(ends) > 4

    ends: set[datetime | None] = set()
    async with running(make_loop(database, work, policy=LeasePolicy(lease_seconds=0.5))):
        await eventually(seen)
        released.set()
        requests = await until_ended(database)
    assert {request.attempts for request in requests} == {1}


async def test_an_effect_shares_the_transaction(database: Database, tenant: Tenant) -> None:
    """One whose effect fails is tried again, and does not hold up those that were to be stored together with it."""
    requests = await add_requests(database, tenant, 6)
    bad = requests[2].id
    together = asyncio.Barrier(6)
    heard: list[str] = []
    database.subscribe(lambda event: heard.append(event.subject_id))

    async def work(request: Request) -> Ended:
        if request.attempts == 1:
            await together.wait()

        async def effect(unit: UnitOfWork) -> None:
            unit.emit(Event(EventName.REQUESTS_CREATED, request.id))
            if request.id == bad and request.attempts < 3:
                raise ValueError("the effect fails")

        return Ended(completed(request.id).values, effect)

    with capture_logs() as logs:
        async with running(make_loop(database, work)):
            results = await until_ended(database)
    assert {request.status for request in results} == {RequestStatus.COMPLETED}
    assert Counter(heard) == {request.id: 1 for request in requests}
    assert {request.id: request.attempts for request in results if request.attempts > 1} == {bad: 3}
    assert {line["item"] for line in logs if line["event"] == "leases.result_not_stored"} == {bad}


async def test_a_result_that_can_never_be_stored_is_given_up(database: Database, tenant: Tenant) -> None:
    await add_requests(database, tenant, 2)

    async def work(request: Request) -> Ended:
        return Ended({"status": RequestStatus.COMPLETED, "no_such_field": 1})

    with capture_logs():
        async with running(make_loop(database, work)):
            requests = await until_ended(database)
    for request in requests:
        assert request.status is RequestStatus.FAILED
        assert request.error_message is not None
        assert "the result could not be stored: Request has no field 'no_such_field'" in request.error_message


async def test_results_wait_for_a_store_that_is_away(database: Database, tenant: Tenant) -> None:
    await add_requests(database, tenant, 4)
    runs: Counter[str] = Counter()

    class Interrupted(Database):
        """The real database, now and then away."""

        away = False

        @asynccontextmanager
        async def begin(self) -> AsyncIterator[SqlUnitOfWork]:
            if self.away:
                raise Unavailable("away")
            async with super().begin() as unit:
                yield unit

    async def work(request: Request) -> Ended:
        runs[request.id] += 1
        store.away = True
        return completed("kept")

    store = Interrupted(database._url.render_as_string(hide_password=False), SystemClock())
    with capture_logs() as logs:
        async with running(make_loop(store, work)):

            async def noticed() -> bool:
                return len([line for line in logs if line["event"] == "leases.store_unavailable"]) > 2

            await eventually(noticed)
            store.away = False
            requests = await until_ended(database)
    await store.close()
    assert {request.result for request in requests} == {"kept"}
    assert set(runs.values()) == {1}


async def test_an_exclusive_store_releases_what_a_killed_server_held(database: Database, tenant: Tenant) -> None:
    held = asyncio.Event()

    async def forever(request: Request) -> Ended:
        held.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def quick(request: Request) -> Ended:
        return completed("second server")

    await add_requests(database, tenant, 3)
    killed = asyncio.create_task(make_loop(database, forever).run())
    await held.wait()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    assert {request.status for request in await all_requests(database)} == {RequestStatus.PROCESSING}
    loop = make_loop(database, quick)
    assert await loop.release_abandoned() == 3
    assert await loop.release_abandoned() == 0
    async with running(loop):
        requests = await until_ended(database)
    assert {(request.result, request.attempts) for request in requests} == {("second server", 2)}


CLAIMER = """
import asyncio, sys
from quinta.core.requests.model import Request
from quinta.engine.leases import Ended, LeasedLoop, LeasedWork
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database

async def work(request):
    if hash(request.id) % 3:
        await asyncio.Event().wait()
    return Ended({"status": "completed", "result": "first server"})

async def main():
    database = Database(sys.argv[1], SystemClock())
    await database.start()
    leased = LeasedWork("test", Request, "pending", "processing", work, lambda request, error: Ended({}), 40)
    loop = LeasedLoop(leased, database, SystemClock())
    running = asyncio.create_task(loop.run())
    while loop.in_flight < 40:
        await asyncio.sleep(0.01)
    print("full", flush=True)
    await running

asyncio.run(main())
"""


async def test_a_server_killed_in_the_middle_loses_nothing(
    database: Database, database_url: str, tenant: Tenant
) -> None:
    await add_requests(database, tenant, 150)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLAIMER, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        assert await process.stdout.readline() == b"full\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    before = {request.id: request for request in await all_requests(database)}
    done = {request.id for request in before.values() if request.status is RequestStatus.COMPLETED}
    runs: Counter[str] = Counter()

    async def work(request: Request) -> Ended:
        runs[request.id] += 1
        return completed("second server")

    clock = MovedClock()
    loop = make_loop(database, work, clock=clock)
    if database.exclusive:
        assert await loop.release_abandoned() == 40
    else:
        clock.ahead = timedelta(seconds=31)
    async with running(loop):
        requests = await until_ended(database)
    assert {request.id for request in requests if request.result == "first server"} == done
    assert runs == dict.fromkeys(before.keys() - done, 1)
    assert Counter(request.attempts for request in requests)[2] == 40
