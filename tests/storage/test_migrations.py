"""The sequence of revisions, on both databases: up, in step with the tables, down, and many servers at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from sqlalchemy import Connection, Index, Table, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from quinta.core.access.model import KeyPermission
from quinta.core.files.model import Repository
from quinta.core.models.model import Model
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import ApiKey, Project
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from quinta.storage.engines import migration_engine, parse_url
from quinta.storage.migrate import DatabaseRefused, check, downgrade, upgrade
from quinta.storage.tables import TABLES, metadata
from tests.storage.databases import BACKENDS, create_postgres_database, drop_postgres_database, postgres_server
from tests.storage.rows import NOW, add_tenant

MOMENT = "2026-03-29T01:00:00.000000Z"
BEFORE_ROLES = (
    "INSERT INTO users VALUES ('u', 'a@example.com', NULL, NULL, NULL, false, true, '2026-03-29T01:00:00.000000Z')",
    "INSERT INTO api_keys VALUES ('k', 'u', 'key', 'api', 'digest', '2026-03-29T01:00:00.000000Z', NULL)",
    "INSERT INTO subscriptions VALUES ('s', 'plan', 1, 1, 7, 1, 1, '', '', false)",
    "INSERT INTO organizations VALUES ('o', 'name', 'active', 's', NULL, '2026-03-29T01:00:00.000000Z')",
)
BEFORE_0010 = (
    "INSERT INTO users (id, email, is_staff, is_active, created_at) "
    f"VALUES ('u', 'a@example.com', false, true, '{MOMENT}')",
    *BEFORE_ROLES[1:],
)
REPOSITORY = (
    "INSERT INTO repositories (id, project_id, number, metadata, files, created_by, created_at) "
    f"VALUES ('r', 'p', '1', '{{}}', '[]', 'a@example.com', '{MOMENT}')"
)
SERVICE_USER = (
    f"INSERT INTO projects (id, organization_id, name, created_at) VALUES ('p', 'o', 'name', '{MOMENT}')",
    "INSERT INTO users (id, email, is_staff, is_active, created_at, project_id) "
    f"VALUES ('service', 's@example.com', false, true, '{MOMENT}', 'p')",
    f"INSERT INTO api_keys VALUES ('k2', 'service', 'key', 'api', 'digest 2', '{MOMENT}', NULL)",
)
"""Goes with 0002, and its key with it."""

BEFORE_RELEASES = (
    *(BEFORE_0010[0], *BEFORE_ROLES[2:], SERVICE_USER[0], REPOSITORY),
    "INSERT INTO api_keys (id, user_id, name, kind, digest, created_at) "
    f"VALUES ('k', 'u', 'key', 'api', 'digest', '{MOMENT}')",
    "INSERT INTO models (id, project_id, name, description, input_type, output_type, input_fields, output_fields, "
    "created_at, updated_at) "
    f"VALUES ('m', 'p', 'model', '', 'plain', 'plain', '[]', '[]', '{MOMENT}', '{MOMENT}')",
    f"INSERT INTO log_lines (project_id, time, text, system, id) VALUES ('p', '{MOMENT}', 'text', false, 'l')",
)


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'quinta.db'}"
    else:
        url = create_postgres_database()
        yield url
        drop_postgres_database(url)


async def table_names(url: str) -> set[str]:
    engine = create_async_engine(parse_url(url))
    try:
        async with engine.connect() as connection:
            return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    finally:
        await engine.dispose()


async def test_up_check_down_and_up_again(empty_url: str) -> None:
    url = parse_url(empty_url)
    await upgrade(url)
    assert await table_names(empty_url) == {*metadata.tables, "alembic_version"}
    await upgrade(url)
    await check(url)
    await downgrade(url, "base")
    assert await table_names(empty_url) == {"alembic_version"}
    await upgrade(url)
    await check(url)


async def test_what_was_there_before_roles_stays(empty_url: str) -> None:
    """0002 makes the users' table anew on SQLite: nothing may go with the old one. Plans become history."""
    url = parse_url(empty_url)
    await upgrade(url, "0001")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for statement in BEFORE_ROLES:
            await connection.execute(text(statement))
    await upgrade(url)
    async with engine.connect() as connection:
        history = text("SELECT organization_id, subscription, started_on FROM subscription_periods")
        found = [tuple(map(str, row)) for row in await connection.execute(history)]
        keys = (await connection.execute(text("SELECT user_id FROM api_keys"))).scalars().all()
        users = (await connection.execute(text("SELECT id, project_id FROM users"))).all()
    assert (found, keys, [tuple(user) for user in users]) == ([("o", "plan", "2026-03-29")], ["u"], [("u", None)])
    await downgrade(url, "0002")
    async with engine.begin() as connection:
        for statement in SERVICE_USER:
            await connection.execute(text(statement))
    await downgrade(url, "0001")
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT user_id FROM api_keys"))).scalars().all() == ["u"]
    await engine.dispose()


async def test_lines_of_the_log_stay_when_it_is_put_in_another_order(empty_url: str) -> None:
    """0007 gives the log another key: on SQLite into a table made anew, with whatever else other migrations gave it."""
    url = parse_url(empty_url)
    await upgrade(url, "0002")
    engine = create_async_engine(url)
    line = "'2026-03-29T01:00:00.000000Z', 'text', {system}, 'model', NULL, 'request'"
    async with engine.begin() as connection:
        for statement in (*BEFORE_ROLES[2:], f"INSERT INTO projects VALUES ('p', 'o', 'name', '{MOMENT}')"):
            await connection.execute(text(statement))
        for number in range(3):
            values = f"'p', {line.format(system=number == 0)}, 'line{number}'"
            await connection.execute(text(f"INSERT INTO log_lines VALUES ({values})"))
        await connection.execute(text("ALTER TABLE log_lines ADD COLUMN more VARCHAR DEFAULT 'kept'"))
        await connection.execute(text("CREATE INDEX ix_more ON log_lines (more)"))
    found = text("SELECT id, more, system, request_id FROM log_lines ORDER BY id")
    expected = [(f"line{number}", "kept", number == 0, "request") for number in range(3)]
    for step in (upgrade(url), downgrade(url, "0002"), upgrade(url)):
        await step
        async with engine.connect() as connection:
            assert [tuple(row) for row in await connection.execute(found)] == expected
            names = await connection.run_sync(lambda sync: {i["name"] for i in inspect(sync).get_indexes("log_lines")})
            assert "ix_more" in names
    async with engine.begin() as connection:
        if url.get_backend_name() == "sqlite":
            await connection.execute(text("PRAGMA foreign_keys = ON"))
        await connection.execute(text("DELETE FROM projects"))
        assert (await connection.execute(text("SELECT count(*) FROM log_lines"))).scalar() == 0
    await engine.dispose()


async def test_indexes_are_those_of_the_tables(database_url: str) -> None:
    """``check`` does not see the condition of a partial index on SQLite: here names and conditions are compared."""
    engine = create_async_engine(parse_url(database_url))
    async with engine.connect() as connection:
        found = await connection.run_sync(_partial_or_not)
    await engine.dispose()
    here = parse_url(database_url).get_backend_name()
    every: list[Index] = [index for table in metadata.tables.values() for index in table.indexes]
    indexes = [index for index in every if index.info.get("only", here) == here]
    assert found == {str(index.name): index.dialect_options["sqlite"]["where"] is not None for index in indexes}


def _partial_or_not(connection: Connection) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for table in metadata.tables:
        for index in inspect(connection).get_indexes(table):
            options: dict[str, Any] = index.get("dialect_options", {})
            if not index.get("duplicates_constraint"):
                found[str(index["name"])] = f"{connection.dialect.name}_where" in options
    return found


async def test_a_database_of_a_newer_quinta_is_refused(database_url: str) -> None:
    engine = create_async_engine(parse_url(database_url))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    database = Database(database_url, SystemClock())
    with pytest.raises(DatabaseRefused, match="written by a newer Quinta"):
        await database.start()
    await database.close()


async def refusal(url: str) -> str:
    database = Database(url, SystemClock())
    with pytest.raises(DatabaseRefused) as refused:
        await database.start()
    await database.close()
    return str(refused.value)


async def test_a_database_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, unused_tcp_port: int) -> None:
    message = await refusal(f"postgresql://someone:secret@127.0.0.1:{unused_tcp_port}/none")
    assert "secret" not in message
    assert "cannot be used" in message
    assert "\n" not in message
    assert "unable to open database file" in await refusal(f"sqlite:///{tmp_path}/no/such/folder/quinta.db")
    (tmp_path / "text").write_text("this is no database, and longer than the header of one would be" * 20)
    assert "file is not a database" in await refusal(f"sqlite:///{tmp_path}/text")


@pytest.mark.postgres
async def test_a_postgres_database_that_does_not_exist_is_refused() -> None:
    server = parse_url(postgres_server()).set(drivername="postgresql", database="no_such_database")
    assert 'database "no_such_database" does not exist' in await refusal(server.render_as_string(hide_password=False))


async def test_servers_that_start_together_take_turns(empty_url: str) -> None:
    databases = [Database(empty_url, SystemClock()) for _ in range(4)]
    await asyncio.gather(*[database.start() for database in databases])
    for database in databases:
        await database.close()
    await check(parse_url(empty_url))


def test_processes_that_start_together_take_turns(empty_url: str) -> None:
    start = (
        "import asyncio, sys\n"
        "from quinta.storage.engines import parse_url\n"
        "from quinta.storage.migrate import upgrade\n"
        "sys.stdin.read()\n"
        "asyncio.run(upgrade(parse_url(sys.argv[1])))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", start, empty_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()


@pytest.mark.parametrize("database_url", BACKENDS[:1], indirect=True)
async def test_foreign_keys_are_off_during_a_migration_on_sqlite(database_url: str) -> None:
    """A table that a migration makes anew is dropped first: that must not take along what hangs on its rows."""
    engine = migration_engine(parse_url(database_url))
    async with engine.connect() as connection:
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar_one() == 0
    await engine.dispose()
    opened = Database(database_url, SystemClock())
    await opened.start()
    async with opened._writer.connect() as connection:
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar_one() == 2  # FULL
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"
    await opened.close()


@pytest.mark.parametrize(("kind", "table"), list(TABLES.items()))
def test_a_table_has_the_fields_of_its_type(kind: type, table: Table) -> None:
    hints = get_type_hints(kind)
    assert [column.name for column in table.columns] == [field.name for field in fields(kind)]
    for column in table.columns:
        optional = type(None) in get_args(hints[column.name])
        assert column.nullable == optional, column.name


async def test_metric_points_keep_their_values_and_get_their_organization(database_url: str) -> None:
    """Down to the first schema and up again; there, points went with their project."""
    database = Database(database_url, SystemClock())
    await database.start()
    tenant, gone = await add_tenant(database), await add_tenant(database, "gone")
    points = [
        MetricPoint(of.project.id, "model_version", of.version.id, "requests", NOW, 1.5, of.organization.id)
        for of in (tenant, gone)
    ]
    async with database.begin() as work:
        await work.add_metric_points(points)
        await work.of(Project, EVERYTHING).remove(id=gone.project.id)
        assert await work.of(MetricPoint, EVERYTHING).count() == 2
    await database.close()
    await downgrade(parse_url(database_url), "0001")
    await upgrade(parse_url(database_url))
    database = Database(database_url, SystemClock())
    await database.start()
    async with database.read() as work:
        assert await work.of(MetricPoint, EVERYTHING).find() == points[:1]
    await database.close()


async def test_keys_and_repositories_from_before_records_stay(empty_url: str) -> None:
    """0010 adds a column to each: on the way down and up again nothing that hangs on the rows goes."""
    url = parse_url(empty_url)
    await upgrade(url, "0009")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for statement in (*BEFORE_0010, SERVICE_USER[0], REPOSITORY):
            await connection.execute(text(statement))
    for step in (upgrade(url), downgrade(url, "0009"), upgrade(url)):
        await step
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT id FROM api_keys"))).scalars().all() == ["k"]
            assert (await connection.execute(text("SELECT number FROM repositories"))).scalars().all() == ["1"]
    await engine.dispose()
    database = Database(empty_url, SystemClock())
    await database.start()
    async with database.read() as work:
        (repository,) = await work.of(Repository, EVERYTHING).find()
        (key,) = await work.of(ApiKey, EVERYTHING).find()
    await database.close()
    assert (repository.is_going, key.sealed) == (False, None)


async def test_what_was_there_before_releases_stays(empty_url: str) -> None:
    """0012 makes the projects' table anew on SQLite: what hangs on its rows stays, up, down and up again. Keys
    from before may do everything, projects from before have no title and an empty configuration."""
    url = parse_url(empty_url)
    await upgrade(url, "0011")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for statement in BEFORE_RELEASES:
            await connection.execute(text(statement))
    for step in (upgrade(url), downgrade(url, "0011"), upgrade(url)):
        await step
        async with engine.connect() as connection:
            for table in ("api_keys", "repositories", "models", "log_lines"):
                assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 1, table
    await engine.dispose()
    database = Database(empty_url, SystemClock())
    await database.start()
    async with database.read() as work:
        (key,) = await work.of(ApiKey, EVERYTHING).find()
        (project,) = await work.of(Project, EVERYTHING).find()
        (model,) = await work.of(Model, EVERYTHING).find()
        (line,) = await work.of(LogLine, EVERYTHING).find()
    await database.close()
    assert (key.permissions, key.prefix, key.last_used_at) == ((KeyPermission.ALL,), None, None)
    assert (project.name, project.title, project.config, project.workspace_id) == ("name", None, "{}", None)
    assert (model.live_version_id, line.level) == (None, None)
