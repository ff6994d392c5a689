"""Reading the log: every kind of question beside a plain walk over all lines, and the index that SQLite takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event

from quinta.core.access.model import Actor
from quinta.core.observation.logs import LogQuery, Logs
from quinta.core.observation.model import LogLine
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import first_log_id, new_id, new_log_id
from quinta.storage.database import Database
from tests.clocks import NOON, SteppedClock
from tests.storage.rows import Tenant, add_tenant

REQUESTS = [new_id() for _ in range(5)]
TICK = timedelta(microseconds=1)


async def reader(database: Database, tenant: Tenant) -> Actor:
    """An administrator of the tenant's organization."""
    user = User(new_id(), f"{new_id()}@example.com", None, None, None, is_staff=False, is_active=True, created_at=NOON)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        await work.of(Membership, EVERYTHING).add(Membership(new_id(), tenant.organization.id, user.id, is_admin=True))
    return Actor(user.id, user.email, is_staff=False, key_id="", expires_at=None)


def random_lines(project_id: str, chance: Random, count: int) -> list[LogLine]:
    """Within two days before noon; many share a moment, or lie a microsecond apart."""
    lines = []
    for number in range(count):
        moment = NOON - timedelta(hours=chance.randrange(48)) + chance.choice((-TICK, timedelta(0), TICK))
        model = chance.choice((None, "a", "b"))
        lines.append(
            LogLine(
                project_id, moment, f"line {number}", system=chance.random() < 0.1, model_name=model,
                version_name=model and chance.choice(("v1", "v2")), request_id=chance.choice((None, *REQUESTS)),
                id=new_log_id(moment),
            )
        )  # fmt: skip
    return lines


def random_query(lines: Sequence[LogLine], chance: Random) -> LogQuery:
    model = chance.choice((None, None, "a", "never"))
    return LogQuery(
        model_name=model,
        version_name=model and chance.choice((None, "v1")),
        request_id=chance.choice((None, None, None, *REQUESTS)),
        system=chance.choice((None, None, True, False)),
        start_id=chance.choice((None, chance.choice(lines).id)),
        start=chance.choice((None, chance.choice(lines).time, chance.choice(lines).time + TICK)),
        range_seconds=chance.choice((-1, 1)) * chance.choice((1, 3_600, 21_600, 86_400)),
        limit=chance.choice((1, 3, 50, 500)),
    )


def walked(lines: Sequence[LogLine], query: LogQuery) -> list[str]:
    """What contract ubiops 5.5, 8.5, 10.17 and 10.18 say, line by line."""
    first = next((line for line in lines if line.id == query.start_id), None)
    start = first.time if first else query.start or NOON
    end = start + timedelta(seconds=query.range_seconds)
    near, far = min(start, end), max(start, end)
    filters = ("model_name", "version_name", "request_id", "system")
    found = [
        line
        for line in sorted(lines, key=lambda line: line.id, reverse=query.range_seconds < 0)
        if near <= line.time <= far
        and all(getattr(query, name) in (None, getattr(line, name)) for name in filters)
        and (first is None or (line.id < first.id if query.range_seconds < 0 else line.id > first.id))
    ]
    return [line.id for line in ([first] if first else []) + found][: query.limit]


async def test_every_question_as_a_walk_over_all_lines_answers_it(database: Database) -> None:
    tenant, other = await add_tenant(database), await add_tenant(database, "second")
    actor = await reader(database, tenant)
    chance = Random(7)
    lines = random_lines(tenant.project.id, chance, 400)
    async with database.begin() as work:
        await work.of(LogLine, EVERYTHING).add(*lines, *random_lines(other.project.id, chance, 50))
    logs = Logs(database, SteppedClock())
    for _ in range(300):
        query = random_query(lines, chance)
        found = await logs.find(actor, tenant.project.name, query)
        assert [line.id for line in found] == walked(lines, query), query


async def test_paging_by_id_meets_every_line_once_in_both_directions(database: Database) -> None:
    tenant = await add_tenant(database)
    actor = await reader(database, tenant)
    lines = sorted(random_lines(tenant.project.id, Random(8), 100), key=lambda line: line.id)
    async with database.begin() as work:
        await work.of(LogLine, EVERYTHING).add(*lines)
    logs = Logs(database, SteppedClock(NOON + timedelta(hours=1)))
    for range_seconds, expected in ((-86_400, lines[::-1]), (86_400, lines)):
        query = LogQuery(start_id=expected[0].id, range_seconds=range_seconds, limit=7)
        met = [expected[0]]
        while len(page := await logs.find(actor, tenant.project.name, query)) > 1:
            met += page[1:]
            query = replace(query, start_id=page[-1].id)
        assert met == expected


@pytest.mark.parametrize("moment", [NOON, NOON + TICK, datetime.max.replace(year=4000, tzinfo=NOON.tzinfo)])
def test_ids_sort_by_time_to_the_microsecond(moment: datetime) -> None:
    assert new_log_id(moment - TICK) < first_log_id(moment) <= new_log_id(moment) < first_log_id(moment + TICK)
    assert len(new_log_id(moment)) == 24


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "PRIMARY KEY"),
        ({"request_id": REQUESTS[0]}, "ix_log_lines_project_id_request_id_id"),
        ({"model_name": "a"}, "ix_log_lines_project_id_model_name_id"),
        ({"model_name": "a", "version_name": "v1"}, "ix_log_lines_project_id_model_name_id"),
        ({"model_name": "a", "request_id": REQUESTS[0]}, "ix_log_lines_project_id_request_id_id"),
        ({"system": True}, "ix_log_lines_system"),
        ({"system": False}, "PRIMARY KEY"),
        ({"pipeline_request_id": REQUESTS[0]}, "ix_log_lines_pipeline_request_id"),
        ({"pipeline_name": "a"}, "ix_log_lines_pipeline_name"),
        ({"pipeline_name": "a", "pipeline_object_name": "b"}, "ix_log_lines_pipeline_name"),
        ({"connector_name": "a"}, "ix_log_lines_connector_name"),
    ],
)
@pytest.mark.parametrize("range_seconds", [-86_400, 86_400])
async def test_the_index_that_sqlite_takes(
    sqlite_template: Path, tmp_path: Path, filters: dict[str, Any], index: str, range_seconds: int
) -> None:
    """Without a sort: the answer comes in the order of the index, and the walk ends at the limit."""
    path = tmp_path / "quinta.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}", SystemClock())
    await database.start()
    tenant = await add_tenant(database)
    actor = await reader(database, tenant)
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM log_lines" in statement:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await Logs(database, SystemClock()).find(
            actor, tenant.project.name, LogQuery(range_seconds=range_seconds, **filters)
        )
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        await database.close()
    ((statement, parameters),) = asked
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert len(plan) == 1
    assert f"USING {index} (" in plan[0] or f"USING INDEX {index} (" in plan[0]
