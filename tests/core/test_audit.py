"""Who may read the audit trail, and how refusals get there (decision 0024)."""

from __future__ import annotations

import re

import pytest

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotAuthenticated, NotFound, NotPermitted, QuintaError, TooManyRequests
from quinta.core.events import Event, EventName
from quinta.core.observation.audit import AuditQuery, AuditTrail
from quinta.core.observation.audit_entry import ANONYMOUS, REFUSED, SYSTEM, AuditEntry
from quinta.core.observation.refusals import MOST_AT_ONCE, Attempt, Refusals
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.storage.rows import NOW, Tenant, add_tenant


class Steps(SystemClock):
    """Seconds that tests move by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


async def person(database: Database, tenant: Tenant | None, name: str, *, admin: bool = False) -> Actor:
    user = User(new_id(), f"{name}@example.com", None, None, None, False, True, NOW)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        if tenant is not None:
            place = Membership(new_id(), tenant.organization.id, user.id, is_admin=admin)
            await work.of(Membership, EVERYTHING).add(place)
    return Actor(user.id, user.email, False, "", None)


def told_of(found: list[AuditEntry]) -> int:
    """How many refusals the entries tell of together."""
    counts = [re.search(r"(\d+) times", entry.description) for entry in found]
    return sum(1 if count is None else int(count[1]) for count in counts)


async def entries(database: Database) -> list[AuditEntry]:
    return await AuditTrail(database).find_all(AuditQuery(limit=500))


async def test_an_owner_reads_the_projects_entries_and_no_others(database: Database) -> None:
    mine, theirs = await add_tenant(database), await add_tenant(database, "second")
    owner = await person(database, mine, "owner", admin=True)
    async with database.begin() as work:
        for tenant in (mine, theirs, mine):
            work.emit(Event(EventName.MODEL_CHANGED, tenant.model.id, (), owner.user_id, tenant.project.id))
        work.emit(Event(EventName.VERSION_CHANGED, mine.version.id, (), None, mine.project.id))
        work.emit(Event(EventName.ORGANIZATION_CHANGED, mine.organization.id))
    trail, name = AuditTrail(database), mine.project.name

    async def numbers(query: AuditQuery) -> list[int]:
        return [entry.sequence for entry in await trail.find(owner, name, query)]

    assert await numbers(AuditQuery()) == [4, 3, 1]
    assert await numbers(AuditQuery(limit=2)) == [4, 3]
    assert await numbers(AuditQuery(before=4)) == [3, 1]
    assert await numbers(AuditQuery(action="model.changed")) == [3, 1]
    assert await numbers(AuditQuery(actor=SYSTEM)) == [4]
    assert await numbers(AuditQuery(actor=owner.email, action="version.changed")) == []
    for limit in (0, 501):
        with pytest.raises(InvalidInput, match="limit must be from 1 to 500"):
            await numbers(AuditQuery(limit=limit))
    assert [entry.sequence for entry in await entries(database)] == [5, 4, 3, 2, 1]


async def test_others_do_not(database: Database) -> None:
    tenant = await add_tenant(database)
    trail, name = AuditTrail(database), tenant.project.name
    owner = await person(database, tenant, "owner", admin=True)
    assert await trail.find(owner, name, AuditQuery()) == []
    with pytest.raises(NotPermitted) as refused:
        await trail.find(await person(database, tenant, "member"), name, AuditQuery(limit=0))
    assert (refused.value.is_refusal, refused.value.project_id) == (True, tenant.project.id)
    stranger = await person(database, None, "stranger")
    with pytest.raises(NotFound) as hidden:
        await trail.find(stranger, name, AuditQuery())
    with pytest.raises(NotFound) as missing:
        await trail.find(stranger, "never-was", AuditQuery())
    assert hidden.value.message.replace(name, "never-was") == missing.value.message
    assert (hidden.value.is_refusal, missing.value.is_refusal) == (True, False)


async def test_operators_find_a_project_that_is_gone(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as work:
        work.emit(Event(EventName.PROJECT_CREATED, tenant.project.id, (), None, tenant.project.id))
    async with database.begin() as work:
        work.emit(Event(EventName.PROJECT_DELETED, tenant.project.id, (), None, tenant.project.id))
        await work.of(type(tenant.project), EVERYTHING).remove(id=tenant.project.id)
    found = await AuditTrail(database).find_all(AuditQuery(), project_name=tenant.project.name)
    assert [entry.action for entry in found] == ["project.deleted", "project.created"]
    with pytest.raises(NotFound, match="nor was there one"):
        await AuditTrail(database).find_all(AuditQuery(), project_name="never-was")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotPermitted("no"), True),
        (NotAuthenticated("a wrong key"), True),
        (NotAuthenticated("no key at all", refusal=False), False),
        (NotFound("not there"), False),
        (NotFound("hidden", refusal=True), True),
        (TooManyRequests("the queue is full"), False),
        (TooManyRequests("too many wrong passwords", refusal=True), True),
        (InvalidInput("a mistake"), False),
    ],
    ids=lambda value: getattr(value, "message", ""),
)
async def test_which_errors_are_refusals(database: Database, error: QuintaError, told: bool) -> None:
    refusals = Refusals(database, SystemClock())
    refusals.note(error, Attempt(None, "GET", "/v2.1/projects"))
    await refusals.flush()
    found = [(entry.actor, entry.action, entry.description) for entry in await entries(database)]
    said = f"{ANONYMOUS} was refused GET /v2.1/projects ({error.code})"
    assert found == ([(ANONYMOUS, REFUSED, said)] if told else [])


async def test_equal_refusals_are_one_entry_with_a_count(database: Database) -> None:
    tenant = await add_tenant(database)
    actor = await person(database, tenant, "ada")
    refusals = Refusals(database, SystemClock())
    for _ in range(3):
        refusals.note(NotPermitted("no", project_id=tenant.project.id), Attempt(actor, "GET", "/a"))
    refusals.note(NotPermitted("no", project_id=tenant.project.id), Attempt(actor, "GET", "/b"))
    await refusals.flush()
    await refusals.flush()
    second, first = await entries(database)
    assert first.description == "ada@example.com was refused GET /a (not_permitted) 3 times"
    assert second.description == "ada@example.com was refused GET /b (not_permitted)"
    assert (first.actor_id, first.project_id) == (actor.user_id, tenant.project.id)
    assert first.organization_id == tenant.organization.id


async def test_a_flood_is_bounded_and_counted(database: Database) -> None:
    clock = Steps()
    refusals = Refusals(database, clock)

    def flood(start: int) -> None:
        for number in range(start, start + 10_000):
            refusals.note(NotPermitted("no"), Attempt(None, "GET", f"/{number}"))

    flood(0)
    await refusals.flush()
    assert len(await entries(database)) == MOST_AT_ONCE
    for second in range(5):  # it goes on, and one entry a second is written of it
        flood((second + 1) * 10_000)
        clock.seconds += 1
        await refusals.flush()
    assert len(await entries(database)) == MOST_AT_ONCE + 5
    for _ in range(3):
        clock.seconds += 3600
        await refusals.flush()
    found = await entries(database)
    assert told_of(found) == 60_000
    assert len(found) < 120


async def test_a_flood_keeps_nobody_elses_refusals_out(database: Database) -> None:
    clock = Steps()
    refusals = Refusals(database, clock)
    noisy, quiet = await person(database, None, "noisy"), await person(database, None, "quiet")
    for second in range(3):
        for number in range(1_000):
            refusals.note(NotPermitted("no"), Attempt(noisy, "GET", f"/{second}/{number}"))
        refusals.note(NotPermitted("no"), Attempt(quiet, "GET", f"/{second}"))
        clock.seconds += 1
        await refusals.flush()
    trail = AuditTrail(database)
    theirs = await trail.find_all(AuditQuery(actor=quiet.email, limit=500))
    assert [entry.description for entry in theirs] == [
        f"{quiet.email} was refused GET /{second} (not_permitted)" for second in (2, 1, 0)
    ]
    flood = await trail.find_all(AuditQuery(actor=noisy.email, limit=500))
    assert f"{noisy.email} was refused 950 times more" in flood[2].description
    assert len(flood) == MOST_AT_ONCE + 2


async def test_the_end_writes_everything(database: Database) -> None:
    refusals = Refusals(database, Steps())
    for number in range(200):
        refusals.note(NotPermitted("no"), Attempt(None, "GET", f"/{number}"))
    await refusals.flush()
    for number in range(200):
        refusals.note(NotPermitted("no"), Attempt(None, "GET", f"/{number}"))
    await refusals.flush(everything=True)
    assert told_of(await entries(database)) == 400
