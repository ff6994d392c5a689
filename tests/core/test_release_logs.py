"""Reading a log by level and component: every kind of question beside a plain walk over all lines."""

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

from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.observation.release_logs import ReleaseLogQuery, ReleaseLogs, component_of
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id, new_log_id
from quinta.storage.database import Database
from tests.clocks import NOON, SteppedClock
from tests.core.metering import add_user, new_tenant

TICK = timedelta(microseconds=1)
ORDER = list(LogLevel)
WORDS = ("Não pago", "NÃO PAGO", "100% done", "a_b", "C:\\new")


def line(project_id: str, text: str, moment: datetime = NOON, **values: Any) -> LogLine:
    return LogLine(project_id, moment, text, **{"system": False, "id": new_log_id(moment), **values})


def random_lines(project_id: str, chance: Random, count: int) -> list[LogLine]:
    """Within three hours before noon; many share a moment. Names of different kinds of things are the same ones."""
    return [
        line(
            project_id, f"{chance.choice(WORDS)} {number}",
            NOON - timedelta(minutes=30 * chance.randrange(7)) + chance.choice((-TICK, timedelta(0), TICK)),
            system=chance.random() < 0.4, level=chance.choice((None, *LogLevel)),
            model_name=chance.choice((None, "a", "b", "platform")), connector_name=chance.choice((None, None, "a")),
            pipeline_name=chance.choice((None, "a", "p")),
        )
        for number in range(count)
    ]  # fmt: skip


def random_query(lines: Sequence[LogLine], chance: Random) -> ReleaseLogQuery:
    start = chance.choice((None, NOON - timedelta(hours=2), NOON - timedelta(minutes=60) + TICK))
    end = chance.choice((None, NOON - timedelta(minutes=30), NOON))
    return ReleaseLogQuery(
        start, end, chance.choice(ORDER), chance.choice((None, None, "a", "p", "platform", "never")),
        chance.choice((None, None, "não", "%", "A_B", "c:\\N")), chance.choice((1, 5, 1_000)),
        chance.choice((None, chance.choice(lines).id)),
    )  # fmt: skip


def walked(lines: Sequence[LogLine], query: ReleaseLogQuery) -> tuple[list[str], str | None]:
    end = query.end or NOON + TICK
    start = query.start or end - timedelta(hours=1)
    found = [
        line
        for line in sorted(lines, key=lambda line: line.id)
        if start <= line.time < end
        and (query.before is None or line.id < query.before)
        and ORDER.index(line.level or LogLevel.INFO) >= ORDER.index(query.level)
        and query.component in (None, component_of(line))
        and (query.search or "").casefold() in line.text.casefold()
    ]
    ids = [line.id for line in found[-query.limit :]]
    return ids, ids[0] if len(found) > len(ids) else None


async def test_every_question_as_a_walk_over_all_lines_answers_it(database: Database) -> None:
    (tenant, actor), (other, _) = await new_tenant(database), await new_tenant(database)
    chance = Random(7)
    lines = random_lines(tenant.project.id, chance, 400)
    async with database.begin() as work:
        await work.of(LogLine, EVERYTHING).add(*lines, *random_lines(other.project.id, chance, 50))
    logs = ReleaseLogs(database, SteppedClock())
    met = 0
    for _ in range(300):
        query = random_query(lines, chance)
        page = await logs.find(actor, tenant.project.id, query)
        assert ([line.id for line in page.lines], page.older) == walked(lines, query), query
        met += len(page.lines)
    assert met > 1_000


async def test_paging_meets_every_line_once(database: Database) -> None:
    tenant, actor = await new_tenant(database)
    lines = random_lines(tenant.project.id, Random(8), 100)
    async with database.begin() as work:
        await work.of(LogLine, EVERYTHING).add(*lines)
    query = ReleaseLogQuery(NOON - timedelta(hours=4), level=LogLevel.WARN, limit=7)
    found: list[str] = []
    logs = ReleaseLogs(database, SteppedClock(NOON + timedelta(hours=1)))
    while True:
        page = await logs.find(actor, tenant.project.id, query)
        found = [*(line.id for line in page.lines), *found]
        if page.older is None:
            break
        query = replace(query, before=page.older)
    assert found == sorted(line.id for line in lines if line.level in (LogLevel.WARN, LogLevel.ERROR))


async def test_what_a_line_looks_like(database: Database) -> None:
    tenant, actor = await new_tenant(database)
    values: list[dict[str, Any]] = [
        {"model_name": "m", "level": LogLevel.WARN},
        {"model_name": "m", "pipeline_name": "p"},
        {"model_name": "m", "pipeline_name": "p", "system": True, "level": LogLevel.ERROR},
        {"connector_name": "c", "pipeline_name": "p", "system": True},
        {"pipeline_name": "p", "system": True},
        {"system": True},
    ]
    lines = [line(tenant.project.id, "text", **value) for value in values]
    async with database.begin() as work:
        await work.of(LogLine, EVERYTHING).add(*lines)
    page = await ReleaseLogs(database, SteppedClock()).find(actor, tenant.project.id, ReleaseLogQuery())
    assert [(line.component, line.level) for line in page.lines] == [
        ("m", "warn"),
        ("m", "info"),
        ("platform", "error"),
        ("c", "info"),
        ("p", "info"),
        ("platform", "info"),
    ]
    assert [line.time for line in page.lines] == [NOON] * 6


async def test_who_may_ask(database: Database) -> None:
    tenant, administrator = await new_tenant(database)
    logs = ReleaseLogs(database, SteppedClock())
    assert (await logs.find(administrator, tenant.project.id, ReleaseLogQuery())).lines == ()
    with pytest.raises(NotPermitted, match=r"logs\.list"):
        await logs.find(await add_user(database, tenant, is_admin=False), tenant.project.id, ReleaseLogQuery())
    with pytest.raises(NotFound, match="no such project"):
        await logs.find(await add_user(database), tenant.project.id, ReleaseLogQuery())
    with pytest.raises(NotFound, match="no such project"):
        await logs.find(administrator, new_id(), ReleaseLogQuery())


GOOD = ReleaseLogQuery(NOON, NOON + TICK, search="a", limit=1, before="0" * 24)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1_001}, "limit"),
        ({"before": "0" * 23}, "cursor"),
        ({"before": "G" * 24}, "cursor"),
        ({"search": ""}, "search"),
        ({"search": "a" * 201}, "search"),
        ({"end": NOON}, "end_time"),
    ],
)
async def test_what_is_refused(database: Database, changes: dict[str, Any], field: str) -> None:
    tenant, actor = await new_tenant(database)
    logs = ReleaseLogs(database, SteppedClock())
    assert (await logs.find(actor, tenant.project.id, GOOD)).lines == ()
    with pytest.raises(InvalidInput) as refused:
        await logs.find(actor, tenant.project.id, replace(GOOD, **changes))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (ReleaseLogQuery(), {"PRIMARY KEY"}),
        (ReleaseLogQuery(level=LogLevel.INFO), {"PRIMARY KEY"}),
        (ReleaseLogQuery(level=LogLevel.ERROR), {"INDEX ix_log_lines_error"}),
        (ReleaseLogQuery(level=LogLevel.WARN, search="é"), {"INDEX ix_log_lines_warn", "INDEX ix_log_lines_error"}),
        (
            ReleaseLogQuery(component="a"),
            {"INDEX ix_log_lines_project_id_model_name_id", "INDEX ix_log_lines_pipeline_name",
             "INDEX ix_log_lines_connector_name"},
        ),
        (
            ReleaseLogQuery(component="platform"),
            {"INDEX ix_log_lines_project_id_model_name_id", "INDEX ix_log_lines_pipeline_name",
             "INDEX ix_log_lines_connector_name", "INDEX ix_log_lines_system"},
        ),
    ],
)  # fmt: skip
async def test_the_indexes_that_sqlite_takes(
    sqlite_template: Path, tmp_path: Path, query: ReleaseLogQuery, indexes: set[str]
) -> None:
    """Without a sort: each answer comes in the order of an index, and the walk ends at the limit."""
    path = tmp_path / "quinta.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}", SystemClock())
    await database.start()
    tenant, actor = await new_tenant(database)
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM log_lines" in statement:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await ReleaseLogs(database, SystemClock()).find(actor, tenant.project.id, query)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        await database.close()
    with closing(sqlite3.connect(path)) as connection:
        plans = [connection.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall() for text, values in asked]
    assert all(len(plan) == 1 for plan in plans)
    assert {plan[0][3].partition(" USING ")[2].partition(" (")[0] for plan in plans} == indexes
