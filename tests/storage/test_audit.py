"""The audit trail in the database: what is appended, and that every change of it is found (decision 0024)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from quinta.core.events import Event, EventName
from quinta.core.models.model import Model
from quinta.core.observation.audit import AuditQuery, AuditTrail, Verification
from quinta.core.observation.audit_entry import BEGINNING, REFUSED, SYSTEM, AuditEntry, AuditNote, digest_of
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.audit_names import _SOURCES, noun_of
from quinta.storage.database import Database
from quinta.storage.observation_tables import audit_entries
from tests.storage.databases import BACKENDS
from tests.storage.rows import NOW, Tenant, add_tenant

ENTRIES = 6
COLUMNS = [column.name for column in audit_entries.c]


async def entries_of(database: Database) -> list[AuditEntry]:
    """Oldest first."""
    async with database.read() as work:
        return await work.of(AuditEntry, EVERYTHING).find(order=("sequence",))


async def add_user(database: Database, email: str = "ada@example.com") -> User:
    user = User(new_id(), email, None, None, None, False, True, NOW)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        work.emit(Event(EventName.USER_CREATED, user.id, (), user.id))
    return user


def about(tenant: Tenant, name: EventName, subject_id: str, user: User | None = None) -> Event:
    return Event(name, subject_id, (), None if user is None else user.id, tenant.project.id)


def test_every_event_is_about_something_whose_name_is_looked_up() -> None:
    assert {noun_of(name) for name in EventName} == _SOURCES.keys()


async def test_an_entry_says_who_did_what_where(database: Database) -> None:
    tenant, user = await add_tenant(database), await add_user(database)
    async with database.begin() as work:
        work.emit(about(tenant, EventName.MODEL_CREATED, tenant.model.id, user))
        work.emit(about(tenant, EventName.VERSION_CREATED, tenant.version.id))
        work.emit(Event(EventName.ORGANIZATION_CHANGED, tenant.organization.id, (), user.id))
    created, model, version, organization = await entries_of(database)
    assert created.description == "ada@example.com created user 'ada@example.com'"
    assert model.description == "ada@example.com created model 'double' in project 'first-project'"
    assert (model.actor, model.actor_id, model.action) == ("ada@example.com", user.id, "model.created")
    assert (model.subject, model.subject_id) == ("double", tenant.model.id)
    assert (model.project_id, model.organization_id) == (tenant.project.id, tenant.organization.id)
    assert version.description == "system created version 'double/v1' in project 'first-project'"
    assert (version.actor, version.actor_id) == (SYSTEM, None)
    assert organization.description == "ada@example.com changed organization 'first'"
    assert (organization.project_id, organization.organization_id) == (None, tenant.organization.id)
    entries = [created, model, version, organization]
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.previous for entry in entries] == [BEGINNING, *(entry.digest for entry in entries[:-1])]
    assert [entry.digest for entry in entries] == [digest_of(entry) for entry in entries]


async def test_what_is_gone_keeps_the_last_name_that_the_trail_knows(database: Database) -> None:
    tenant, user = await add_tenant(database), await add_user(database)
    async with database.begin() as work:
        await work.of(Model, EVERYTHING).change(tenant.model.id, name="triple")
        work.emit(about(tenant, EventName.MODEL_CHANGED, tenant.model.id, user))
        work.emit(about(tenant, EventName.PROJECT_CHANGED, tenant.project.id, user))
    async with database.begin() as work:
        await work.of(Project, EVERYTHING).remove(id=tenant.project.id)
        await work.of(User, EVERYTHING).remove(id=user.id)
        for noun, item in (("model", tenant.model), ("version", tenant.version), ("project", tenant.project)):
            work.emit(about(tenant, EventName(f"{noun}.deleted"), item.id, user))
    model, version, project = (await entries_of(database))[-3:]
    assert model.description == "ada@example.com deleted model 'triple' in project 'first-project'"
    # Nothing ever told of this version: it has the number of its row.
    assert version.description.startswith(f"ada@example.com deleted version (id {tenant.version.id})")
    assert project.description == "ada@example.com deleted project 'first-project'"
    assert {entry.organization_id for entry in (model, version, project)} == {tenant.organization.id}


async def test_a_transaction_that_fails_leaves_no_entry_and_no_gap(database: Database) -> None:
    tenant = await add_tenant(database)

    async def fail() -> None:
        async with database.begin() as work:
            work.emit(about(tenant, EventName.MODEL_CHANGED, tenant.model.id))
            work.note(AuditNote(None, SYSTEM, REFUSED, "lost"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await entries_of(database) == []
    async with database.begin() as work:
        work.note(AuditNote(None, SYSTEM, REFUSED, "kept", project_id=tenant.project.id))
    (kept,) = await entries_of(database)
    assert (kept.sequence, kept.description, kept.organization_id) == (1, "kept", tenant.organization.id)
    async with database.read() as work:
        with pytest.raises(RuntimeError, match="only reads"):
            work.note(AuditNote(None, SYSTEM, REFUSED, "never"))


@pytest.mark.parametrize("database_url", BACKENDS[:1], indirect=True)  # takes seconds, and there is one statement
async def test_more_events_than_a_statement_takes_parameters(database: Database) -> None:
    tenant = await add_tenant(database)
    async with database.begin() as work:
        for _ in range(33_000):
            work.emit(about(tenant, EventName.JOB_DELETED, new_id()))
    assert (await AuditTrail(database).verify()).entries == 33_000


async def test_servers_that_write_at_once_make_one_chain(database: Database, database_url: str) -> None:
    tenant = await add_tenant(database)
    other = Database(database_url, SystemClock())
    await other.start()

    async def write(to: Database) -> None:
        for _ in range(15):
            async with to.begin() as work:
                work.emit(about(tenant, EventName.MODEL_CHANGED, tenant.model.id))
                work.emit(about(tenant, EventName.VERSION_CHANGED, tenant.version.id))

    await asyncio.gather(*[write(to) for to in (database, other) for _ in range(3)])
    await other.close()
    found = await AuditTrail(database).verify()
    assert (found.entries, found.fault) == (180, None)


WRITER = """
import asyncio, sys
from quinta.core.events import Event, EventName
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database

async def main():
    database = Database(sys.argv[1], SystemClock())
    await database.start()
    sys.stdin.read()
    for number in range(40):
        async with database.begin() as work:
            work.emit(Event(EventName.MODEL_CHANGED, sys.argv[2]))
    await database.close()

asyncio.run(main())
"""


async def test_processes_that_write_at_once_make_one_chain(database: Database, database_url: str) -> None:
    tenant = await add_tenant(database)
    command = [sys.executable, "-c", WRITER, database_url, tenant.model.id]
    pipe = asyncio.subprocess.PIPE
    processes = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stderr=pipe) for _ in range(2)]
    ends = await asyncio.gather(*[process.communicate(b"") for process in processes])
    assert [process.returncode for process in processes] == [0, 0], ends
    found = await AuditTrail(database).verify()
    assert (found.entries, found.fault) == (80, None)
    assert {entry.subject for entry in await entries_of(database)} == {"double"}


@dataclass
class Chain:
    """A short chain that a test changes by hand, and puts right again."""

    runner: asyncio.Runner
    database: Database
    entries: list[AuditEntry]

    @property
    def head(self) -> str:
        return self.entries[-1].digest

    def verify(self, head: str | None = None) -> Verification:
        return self.runner.run(AuditTrail(self.database).verify(head))

    def put(self, entries: list[AuditEntry]) -> None:
        """Makes these the whole trail, as somebody could who may write to the database."""
        self.runner.run(self._put([_row(entry) for entry in entries]))

    def set(self, position: int, column: str, value: Any) -> None:
        self.runner.run(self._set(position, {column: value}))

    async def _put(self, rows: list[Mapping[str, Any]]) -> None:
        async with self.database._writer.begin() as connection:
            await connection.execute(delete(audit_entries))
            await connection.execute(insert(audit_entries), rows)

    async def _set(self, position: int, values: Mapping[str, Any]) -> None:
        async with self.database._writer.begin() as connection:
            await connection.execute(update(audit_entries).where(audit_entries.c.sequence == position).values(**values))


def _row(entry: AuditEntry) -> Mapping[str, Any]:
    return {name: getattr(entry, name) for name in COLUMNS}


@pytest.fixture
def chain(database_url: str) -> Iterator[Chain]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(database_url, SystemClock())
        runner.run(database.start())
        runner.run(_fill(database))
        yield Chain(runner, database, runner.run(entries_of(database)))
        runner.run(database.close())


async def _fill(database: Database) -> None:
    tenant, user = await add_tenant(database), await add_user(database)
    for number in range(ENTRIES - 2):
        async with database.begin() as work:
            work.emit(about(tenant, EventName.MODEL_CHANGED, tenant.model.id, user if number % 2 else None))
    async with database.begin() as work:
        work.note(AuditNote(user.id, user.email, REFUSED, "refused", tenant.project.id))


EACH_EXAMPLE_PUTS_IT_RIGHT = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
POSITIONS = st.integers(1, ENTRIES)
WORDS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def other_value(column: str, value: Any, word: str | None, seconds: int) -> Any:
    """Something else that the column takes."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=seconds)
    if isinstance(value, int):
        return value + 1000 + seconds
    return "" if word is None and not audit_entries.c[column].nullable else word


@EACH_EXAMPLE_PUTS_IT_RIGHT
@given(column=st.sampled_from(COLUMNS), position=POSITIONS, word=WORDS, seconds=st.integers(1, 10**9))
def test_any_change_of_any_column_is_found(
    chain: Chain, column: str, position: int, word: str | None, seconds: int
) -> None:
    assert chain.verify(chain.head) == Verification(ENTRIES, chain.head)
    old = getattr(chain.entries[position - 1], column)
    new = other_value(column, old, word, seconds)
    assume(new != old)
    chain.set(position, column, new)
    found = chain.verify()
    assert (found.entries, found.fault is None) == (position - 1, False)
    chain.put(chain.entries)


@EACH_EXAMPLE_PUTS_IT_RIGHT
@given(position=POSITIONS, other=POSITIONS, kind=st.sampled_from(("remove", "insert", "swap", "forge", "truncate")))
def test_any_other_hand_in_the_chain_is_found(chain: Chain, position: int, other: int, kind: str) -> None:
    entries = list(chain.entries)
    chosen = entries[position - 1]
    match kind:
        case "remove":
            del entries[position - 1]
        case "insert":  # with everything numbered anew behind it, and a digest of its own that fits
            forged = replace(chosen, description="made up")
            forged = replace(forged, digest=digest_of(forged))
            behind = [replace(entry, sequence=entry.sequence + 1) for entry in entries[position - 1 :]]
            entries = [*entries[: position - 1], forged, *behind]
        case "swap":
            assume(position != other)
            entries[position - 1] = replace(entries[other - 1], sequence=position)
            entries[other - 1] = replace(chosen, sequence=other)
        case "forge":
            forged = replace(chosen, actor="somebody@example.com")
            entries[position - 1] = replace(forged, digest=digest_of(forged))
        case "truncate":
            entries = entries[:position]
            assume(position < ENTRIES)
    chain.put(entries)
    assert chain.verify(chain.head).fault is not None
    if kind in ("insert", "swap"):  # seen without a digest told earlier
        assert chain.verify().fault is not None
    if kind in ("remove", "forge"):  # but for the last one
        assert (chain.verify().fault is None) == (position == ENTRIES)
    if kind == "truncate":
        assert chain.verify() == Verification(position, chain.entries[position - 1].digest)
    chain.put(chain.entries)


@pytest.mark.parametrize("database_url", BACKENDS[:1], indirect=True)
def test_an_entry_below_the_first_is_found(chain: Chain) -> None:
    chain.put([replace(chain.entries[0], sequence=0), *chain.entries])
    assert "number below 1" in str(chain.verify().fault)


async def test_a_chain_longer_than_a_page(database: Database) -> None:
    async with database.begin() as work:
        for number in range(2_000):
            work.note(AuditNote(None, SYSTEM, REFUSED, f"{number}"))
    found = await AuditTrail(database).verify()
    assert (found.entries, found.fault) == (2_000, None)
    newest = await AuditTrail(database).find_all(AuditQuery(limit=2, before=2_000))
    assert [entry.description for entry in newest] == ["1998", "1997"]
    async with database._reader.connect() as connection:
        count = (await connection.execute(select(audit_entries.c.sequence))).all()
    assert len(count) == 2_000
