"""Many rows in one statement (storage/many_rows.py), on both databases: nothing is changed on the way."""

from __future__ import annotations

from datetime import timedelta

from quinta.core.observation.model import LogLine
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.kit.ids import new_log_id
from quinta.storage.database import Database
from quinta.storage.many_rows import SMALL_CHARACTERS, pages, split
from quinta.storage.tables import requests
from quinta.storage.unit_of_work import SqlUnitOfWork
from tests.storage.rows import NOW, Tenant, add_tenant

TEXTS = ("", "null", "0", '"', "\\u0041", '{"a":"\\n"}', "[1]", "é€😀", "a\tb\nc", "'; --", "$1 %s :x ?", "\x7f\u2028")
LARGE = "x" * (SMALL_CHARACTERS + 1)


def of_each_text(tenant: Tenant) -> list[Request]:
    made = [tenant.request(data=text, error_message=text or None, attempts=2**53 + 1) for text in TEXTS]
    return sorted((*made, tenant.request(data=LARGE)), key=lambda request: request.id)


async def claim_all(unit: SqlUnitOfWork) -> list[Request]:
    until = NOW + timedelta(seconds=30)
    return await unit.claim(
        Request, waiting="pending", working="processing", token="mine", now=NOW, until=until, limit=100
    )


async def test_rows_come_back_as_they_went_in(database: Database) -> None:
    tenant = await add_tenant(database)
    added = of_each_text(tenant)
    async with database.begin() as unit:
        await unit.of(Request, EVERYTHING).add(*added)
    async with database.read() as unit:
        assert await unit.of(Request, EVERYTHING).find(order=("id",)) == added


async def test_truths_and_moments_too(database: Database) -> None:
    project_id = (await add_tenant(database)).project.id
    moments = [NOW, NOW + timedelta(microseconds=1), NOW.replace(microsecond=0)]
    lines = [
        LogLine(project_id=project_id, time=moment, text="line", system=system, id=new_log_id(moment))
        for moment in moments
        for system in (True, False)
    ]
    async with database.begin() as unit:
        await unit.of(LogLine, EVERYTHING).add(*lines)
    async with database.read() as unit:
        found = await unit.of(LogLine, EVERYTHING).find()
    assert sorted(found, key=lambda line: line.id or "") == sorted(lines, key=lambda line: line.id or "")


async def test_results_are_settled_as_they_are_large_ones_among_them(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as unit:
        await unit.of(Request, EVERYTHING).add(*[tenant.request() for _ in range(len(TEXTS) + 2)])
    async with database.begin() as unit:
        items = await claim_all(unit)
        results = dict(zip((item.id for item in items), (*TEXTS, LARGE, None), strict=True))
        ended = RequestStatus.COMPLETED
        changes = {item_id: {"status": ended, "result": result} for item_id, result in results.items()}
        assert await unit.settle(Request, {"nobody": {"result": LARGE}, **changes}, token="mine") == set(results)
    async with database.read() as unit:
        stored = {item.id: item for item in await unit.of(Request, EVERYTHING).find()}
    assert {item_id: item.result for item_id, item in stored.items()} == results
    assert {(item.status, item.lease_token) for item in stored.values()} == {(ended, None)}


async def test_a_large_result_of_another_lease_is_dropped(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as unit:
        await unit.of(Request, EVERYTHING).add(tenant.request())
    async with database.begin() as unit:
        (item,) = await claim_all(unit)
        assert await unit.settle(Request, {item.id: {"result": LARGE}}, token="other") == set()
        assert await unit.settle(Request, {item.id: {"result": LARGE}}, token="mine") == {item.id}


async def test_the_groups_that_can_be_taken(database: Database) -> None:
    """Waiting ones are found by skipping from group to group, those whose lease ran out beside them."""
    tenants = [await add_tenant(database, name) for name in ("one", "two", "three", "four", "five")]
    waiting, done, lapsed, held, both = tenants
    leased = {"status": RequestStatus.PROCESSING, "lease_token": "other"}
    async with database.begin() as unit:
        await unit.of(Request, EVERYTHING).add(
            *[waiting.request() for _ in range(3)],
            done.request(status=RequestStatus.COMPLETED),
            lapsed.request(**leased, lease_expires_at=NOW),
            held.request(**leased, lease_expires_at=NOW + timedelta(microseconds=1)),
            both.request(),
            both.request(**leased, lease_expires_at=NOW - timedelta(hours=1)),
        )
    of_status = {"waiting": "pending", "working": "processing", "now": NOW}
    async with database.begin() as unit:
        groups = await unit.claimable(Request, "version_id", **of_status)  # type: ignore[arg-type]
        assert sorted(groups) == sorted(tenant.version.id for tenant in (waiting, lapsed, both))
        mine = await unit.claimable(Request, "version_id", project_id=both.project.id, **of_status)  # type: ignore[arg-type]
        assert mine == [both.version.id]
        taken = await claim_all(unit)
        assert {request.version_id for request in taken} == set(groups)
        assert await unit.claimable(Request, "version_id", **of_status) == []  # type: ignore[arg-type]


def test_rows_are_cut_into_pages_and_large_ones_apart() -> None:
    rows = [{"id": str(number), "data": "x" * 60_000} for number in range(100)]
    small, large = split([*rows, {"id": "large", "data": LARGE}])
    assert (small, [row["id"] for row in large]) == (rows, ["large"])
    cut = list(pages([requests.c.id, requests.c.data], rows, "sqlite"))
    assert len(cut) == 2
    assert max(map(len, cut)) < (4 << 20) + 2 * SMALL_CHARACTERS
    assert list(pages([requests.c.id], [], "sqlite")) == []
