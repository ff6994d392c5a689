"""Leased loops on the real databases: claiming, retrying, selecting, closing."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from quinta.core.events import Event, EventName
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.engine.leases import Claim, Ended, LeasePolicy
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from tests.engine.leased import (
    MovedClock,
    Work,
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


async def test_everything_is_done_once_within_the_limit_of_concurrency(database: Database, tenant: Tenant) -> None:
    await add_requests(database, tenant, 100)
    runs: Counter[str] = Counter()
    now = most = 0

    async def work(request: Request) -> Ended:
        nonlocal now, most
        now += 1
        most = max(most, now)
        runs[request.id] += 1
        await asyncio.sleep(0)
        now -= 1
        return completed(request.id)

    loop = make_loop(database, work, concurrency=8)
    async with running(loop):
        requests = await until_ended(database)
    assert {request.result for request in requests} == {request.id for request in requests}
    assert {request.attempts for request in requests} == {1}
    assert set(runs.values()) == {1}
    assert most <= 8
    assert loop.in_flight == 0


async def test_a_woken_loop_does_not_wait_for_its_next_poll(database: Database, tenant: Tenant) -> None:
    async def work(request: Request) -> Ended:
        return completed("done")

    loop = make_loop(database, work, policy=LeasePolicy(poll_seconds=3600.0))
    database.subscribe(lambda event: loop.wake())
    async with running(loop):
        for _ in range(3):
            async with database.begin() as unit:
                await unit.of(Request, EVERYTHING).add(tenant.request())
                unit.emit(Event(EventName.REQUESTS_CREATED, "batch"))
            await until_ended(database)


async def test_an_item_that_is_cancelled_before_its_first_step_frees_its_place(database: Database) -> None:
    """Another server's deletion may be heard in the same round of the event loop in which the work is begun."""
    tenant = await add_tenant(database)

    async def work(request: Request) -> Ended:
        return completed("done")

    loop = make_loop(database, work)
    loop._begin(tenant.request(id="gone"))
    loop.cancel("gone")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert loop.in_flight == 0


async def test_two_servers_share_the_work(database: Database, database_url: str, tenant: Tenant) -> None:
    await add_requests(database, tenant, 120)
    runs: Counter[str] = Counter()
    arrived = {"a": asyncio.Event(), "b": asyncio.Event()}

    def work_of(server: str) -> Work:
        async def work(request: Request) -> Ended:
            arrived[server].set()
            await asyncio.gather(*[event.wait() for event in arrived.values()])  # each server has got something
            runs[request.id] += 1
            return completed(server)

        return work

    other = Database(database_url, SystemClock())
    await other.start()
    loops = [make_loop(store, work_of(name), concurrency=4) for store, name in ((database, "a"), (other, "b"))]
    async with running(*loops):
        requests = await until_ended(database)
    await other.close()
    assert {request.result for request in requests} == {"a", "b"}
    assert set(runs.values()) == {1}


async def test_an_exception_is_tried_again_and_given_up_in_the_end(database: Database, tenant: Tenant) -> None:
    good, bad, flaky = await add_requests(database, tenant, 3)
    runs: Counter[str] = Counter()

    async def work(request: Request) -> Ended:
        runs[request.id] += 1
        if request.id == bad.id or (request.id == flaky.id and runs[request.id] < 3):
            raise ValueError(f"attempt {request.attempts}")
        return completed("done")

    with capture_logs() as logs:
        async with running(make_loop(database, work)):
            results = {request.id: request for request in await until_ended(database)}
    assert runs == {good.id: 1, bad.id: 5, flaky.id: 3}
    assert (results[bad.id].status, results[bad.id].error_message) == (RequestStatus.FAILED, "attempt 5")
    assert results[good.id].result == results[flaky.id].result == "done"
    failures = Counter(str(line["item"]) for line in logs if line["event"] == "leases.work_failed")
    assert failures == {bad.id: 5, flaky.id: 2}


def test_pauses_double_up_to_the_longest() -> None:
    policy = LeasePolicy(first_pause_seconds=2.0, longest_pause_seconds=60.0)
    pauses = [policy.pause(attempts).total_seconds() for attempts in (1, 2, 3, 5, 6, 1000)]
    assert pauses == [2.0, 4.0, 8.0, 32.0, 60.0, 60.0]


async def test_a_failed_item_waits_for_its_pause(database: Database, tenant: Tenant) -> None:
    await add_requests(database, tenant, 1)
    clock = MovedClock()
    tried = asyncio.Event()

    async def work(request: Request) -> Ended:
        if request.attempts == 1:
            tried.set()
            raise ValueError
        return completed("second")

    policy = LeasePolicy(first_pause_seconds=1000.0, longest_pause_seconds=1000.0, poll_seconds=0.05)
    async with running(make_loop(database, work, policy=policy, clock=clock)):
        await tried.wait()

        async def paused() -> bool:
            (request,) = await all_requests(database)
            return request.lease_token is None and request.lease_expires_at is not None

        await eventually(paused)
        (request,) = await all_requests(database)
        assert request.lease_expires_at is not None
        assert request.lease_expires_at > clock.now() + timedelta(seconds=900)
        clock.ahead = timedelta(seconds=1001)
        (request,) = await until_ended(database)
    assert (request.result, request.attempts) == ("second", 2)


async def test_an_item_that_kills_its_server_is_given_up(database: Database, tenant: Tenant) -> None:
    (deadly,) = await add_requests(database, tenant, 1)
    async with database.begin() as unit:
        await unit.of(Request, EVERYTHING).change(deadly.id, attempts=5)

    async def work(request: Request) -> Ended:
        raise AssertionError("must not run again")

    async with running(make_loop(database, work)):
        (request,) = await until_ended(database)
    assert (request.status, request.error_message) == (
        RequestStatus.FAILED,
        "the server ended while it worked on this",
    )


async def test_none_puts_an_item_back_without_counting(database: Database, tenant: Tenant) -> None:
    await add_requests(database, tenant, 1)
    refusals = iter([None, None])

    async def work(request: Request) -> Ended | None:
        return next(refusals, completed("third"))

    async with running(make_loop(database, work)):
        (request,) = await until_ended(database)
    assert (request.result, request.attempts) == ("third", 1)


async def test_select_chooses_what_to_claim(database: Database, tenant: Tenant) -> None:
    chosen = (await add_requests(database, tenant, 6))[3:5]
    wanted = [request.id for request in chosen]

    async def select(claim: Claim[Request]) -> None:
        assert claim.room == 3
        assert await claim.take(1, id=wanted) <= 1
        assert await claim.take(0) == 0
        await claim.take(id=wanted)
        assert await claim.take(id=[]) == 0

    async def work(request: Request) -> Ended:
        return completed("done")

    async with running(make_loop(database, work, concurrency=3, select=select)):

        async def done() -> bool:
            return sum(request.status is RequestStatus.COMPLETED for request in await all_requests(database)) == 2

        await eventually(done)
    assert [request.id for request in await all_requests(database) if request.result == "done"] == wanted


async def test_close_lets_work_end_and_puts_the_rest_back(database: Database, tenant: Tenant) -> None:
    short, long, *waiting = await add_requests(database, tenant, 4)
    held: set[str] = set()
    both, closing = asyncio.Event(), asyncio.Event()

    async def work(request: Request) -> Ended:
        held.add(request.id)
        if len(held) == 2:
            both.set()
        await (closing if request.id == short.id else asyncio.Event()).wait()
        return completed("in time")

    loop = make_loop(database, work, concurrency=2)
    task = asyncio.create_task(loop.run())
    await both.wait()
    assert held == {short.id, long.id}
    assert loop.in_flight == 2
    closed = asyncio.create_task(loop.close(grace=1.0))
    closing.set()
    await closed
    await task
    ended, *others = await all_requests(database)
    assert (ended.id, ended.result) == (short.id, "in time")
    assert {request.id for request in others} == {long.id, *(request.id for request in waiting)}
    for request in others:
        assert (request.status, request.attempts) == (RequestStatus.PENDING, 0)
        assert (request.lease_token, request.lease_expires_at) == (None, None)


async def test_close_before_and_after_running(database: Database) -> None:
    async def work(request: Request) -> Ended:
        raise AssertionError

    loop = make_loop(database, work)
    await loop.close()
    await loop.run()
    await loop.close()
