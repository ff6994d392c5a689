"""Claim, renew and settle (core.ports.UnitOfWork), on both databases."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from quinta.core.events import Event, EventName
from quinta.core.models.model import Build, BuildStatus
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.unit_of_work import SqlUnitOfWork
from tests.storage.rows import NOW, add_requests, add_tenant

LEASE = timedelta(seconds=30)
LATER = NOW + LEASE + timedelta(microseconds=1)


async def claim(
    unit: SqlUnitOfWork, limit: int, *, token: str = "mine", now: object = NOW, **conditions: object
) -> list[Request]:
    moment = now if isinstance(now, type(NOW)) else NOW
    return await unit.claim(
        Request,
        waiting=RequestStatus.PENDING,
        working=RequestStatus.PROCESSING,
        token=token,
        now=moment,
        until=moment + LEASE,
        limit=limit,
        **conditions,
    )


async def stored(database: Database, request_id: str) -> Request:
    async with database.read() as unit:
        request = await unit.of(Request, EVERYTHING).get(id=request_id)
    assert request is not None
    return request


async def test_the_oldest_are_claimed_and_marked(database: Database) -> None:
    requests = await add_requests(database, await add_tenant(database), 5)
    async with database.begin() as unit:
        claimed = await claim(unit, 3)
        assert await claim(unit, 0) == []
    assert [request.id for request in claimed] == [request.id for request in requests[:3]]
    for request in claimed:
        assert request == await stored(database, request.id)
        assert request.status is RequestStatus.PROCESSING
        assert (request.lease_token, request.lease_expires_at, request.attempts) == ("mine", NOW + LEASE, 1)
        assert request.data == requests[0].data
    async with database.begin() as unit:
        assert len(await claim(unit, 10)) == 2
        assert await claim(unit, 10) == []


async def test_a_lease_that_has_run_out_is_claimed_after_what_waits(database: Database) -> None:
    requests = await add_requests(database, await add_tenant(database), 3)
    async with database.begin() as unit:
        await claim(unit, 2)
    async with database.begin() as unit:
        assert len(await claim(unit, 10, token="other", now=NOW + LEASE - timedelta(microseconds=1))) == 1
    async with database.begin() as unit:
        taken_over = await claim(unit, 10, token="third", now=NOW + LEASE)
    assert [request.id for request in taken_over] == [request.id for request in requests[:2]]
    assert {request.attempts for request in taken_over} == {2}
    async with database.begin() as unit:
        assert await unit.settle(Request, {request.id: {} for request in requests}, token="mine") == set()


async def test_conditions_limit_a_claim(database: Database) -> None:
    one, other = await add_tenant(database, "one"), await add_tenant(database, "other")
    await add_requests(database, one, 2)
    await add_requests(database, other, 2)
    async with database.begin() as unit:
        claimed = await claim(unit, 10, version_id=other.version.id)
        assert {request.version_id for request in claimed} == {other.version.id}
        assert await claim(unit, 10, version_id=other.version.id) == []
    async with database.begin() as unit:
        assert len(await claim(unit, 10, now=LATER, version_id=[one.version.id, other.version.id])) == 4


async def test_many_claimers_never_get_the_same_item(database: Database, database_url: str) -> None:
    await add_requests(database, await add_tenant(database), 200)
    other = Database(database_url, SystemClock())
    await other.start()
    claimed: Counter[str] = Counter()

    async def claimer(store: Database) -> None:
        while True:
            async with store.begin() as unit:
                items = await claim(unit, 7, token=new_id())
            if not items:
                return
            claimed.update(item.id for item in items)

    await asyncio.gather(*[claimer(store) for store in (database, other) for _ in range(8)])
    await other.close()
    assert len(claimed) == 200
    assert set(claimed.values()) == {1}


async def test_renew(database: Database) -> None:
    requests = await add_requests(database, await add_tenant(database), 3)
    ids = [request.id for request in requests]
    async with database.begin() as unit:
        await claim(unit, 2)
    async with database.begin() as unit:
        assert await unit.renew(Request, ids, token="other", until=LATER + LEASE) == set()
        assert await unit.renew(Request, [*ids, new_id()], token="mine", until=LATER + LEASE) == set(ids[:2])
    async with database.begin() as unit:
        assert [request.id for request in await claim(unit, 10, token="other", now=LATER)] == ids[2:]


async def test_settle_ends_the_lease_of_what_is_still_ours(database: Database) -> None:
    tenant = await add_tenant(database)
    requests = await add_requests(database, tenant, 4)
    ids = [request.id for request in requests]
    async with database.begin() as unit:
        await claim(unit, 4)
        await unit.of(Request, EVERYTHING).remove(id=ids[2])
    changes: dict[str, dict[str, object]] = {
        ids[0]: {"status": RequestStatus.COMPLETED, "result": "1", "updated_at": LATER},
        ids[1]: {"status": RequestStatus.FAILED, "error_message": "nul \x00"},
        ids[2]: {"status": RequestStatus.COMPLETED},
        ids[3]: {"lease_expires_at": LATER},
    }
    async with database.begin() as unit:
        assert await unit.settle(Request, changes, token="other") == set()
        assert await unit.settle(Request, changes, token="mine") == {ids[0], ids[1], ids[3]}
        assert await unit.settle(Request, changes, token="mine") == set()
        assert await unit.settle(Request, {}, token="mine") == set()
    first, second = await stored(database, ids[0]), await stored(database, ids[1])
    assert (first.status, first.result, first.updated_at) == (RequestStatus.COMPLETED, "1", LATER)
    assert (second.status, second.error_message) == (RequestStatus.FAILED, "nul \ufffd")
    for request in (first, second):
        assert (request.lease_token, request.lease_expires_at, request.attempts) == (None, None, 1)
    async with database.begin() as unit:  # a pause before the next attempt: nobody holds it, and it comes back later
        assert await claim(unit, 10, now=NOW + LEASE) == []
        assert [request.id for request in await claim(unit, 10, now=LATER)] == [ids[3]]


async def test_hundreds_are_settled_at_once(database: Database) -> None:
    await add_requests(database, await add_tenant(database), 700)
    async with database.begin() as unit:
        items = await claim(unit, 700)
        changes = {item.id: {"status": RequestStatus.COMPLETED, "result": item.id} for item in items}
        assert len(await unit.settle(Request, changes, token="mine")) == 700
    async with database.read() as unit:
        done = await unit.of(Request, EVERYTHING).find(status=RequestStatus.COMPLETED)
    assert {request.id: request.result for request in done} == {item.id: item.id for item in items}


async def test_a_claim_that_is_rolled_back_leaves_everything_waiting(database: Database) -> None:
    await add_requests(database, await add_tenant(database), 2)

    async def fail() -> None:
        async with database.begin() as unit:
            assert len(await claim(unit, 2)) == 2
            unit.emit(Event(EventName.REQUESTS_CREATED, "x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.begin() as unit:
        assert {request.attempts for request in await claim(unit, 10)} == {1}


async def test_claims_read_the_partial_indexes(database: Database) -> None:
    """With thousands of finished rows behind it, a claim must not look at them."""
    tenant = await add_tenant(database)
    async with database.begin() as unit:
        requests = [tenant.request(status=RequestStatus.COMPLETED) for _ in range(3000)]
        builds = [replace(tenant.build(), status=BuildStatus.SUCCEEDED) for _ in range(3000)]
        await unit.of(Request, EVERYTHING).add(*requests, tenant.request())
        await unit.of(Build, EVERYTHING).add(*builds, tenant.build())
    statements: list[tuple[str, Any]] = []

    @event.listens_for(database._writer.sync_engine, "before_cursor_execute")
    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if "picked" in statement:
            statements.append((statement, parameters))

    lease = {"token": "mine", "now": NOW, "until": LATER, "limit": 5, "waiting": "pending"}
    async with database.begin() as unit:
        assert len(await unit.claim(Build, working="running", **lease)) == 1  # type: ignore[arg-type]
        assert len(await claim(unit, 5, version_id=tenant.version.id)) == 1
    explain = "EXPLAIN QUERY PLAN" if database.exclusive else "EXPLAIN"
    plans = []
    async with database._writer.begin() as connection:
        if not database.exclusive:
            await connection.execute(text("ANALYZE"))
        for statement, parameters in statements[:]:
            plans.append(str((await connection.exec_driver_sql(f"{explain} {statement}", parameters)).all()))
    by_version = "ix_requests_version_id_status" if database.exclusive else "ix_requests_leased"  # as few rows, either
    for plan, index in zip(
        plans, ("ix_builds_waiting", "ix_builds_leased", "ix_requests_waiting", by_version), strict=True
    ):
        assert index in plan
