"""One parameter, two databases: each test that asks for ``database`` runs on SQLite and on PostgreSQL.

Every test has a database of its own, copied from a template that was migrated once in this process (a file copy on
SQLite, CREATE DATABASE … TEMPLATE on PostgreSQL, about 40 ms), so tests may run in parallel.

PostgreSQL is the server at QUINTA_TEST_POSTGRES_URL, for a user who may create databases; script/test starts one.
Without it those tests fail, so that nobody believes they ran; leave them out with ``-m "not postgres"``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from quinta.storage.engines import parse_url
from quinta.storage.migrate import upgrade

BACKENDS = (pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres))


def postgres_server() -> str:
    """The URL of the test server; the test fails when there is none."""
    url = os.environ.get("QUINTA_TEST_POSTGRES_URL")
    if not url:
        pytest.fail('set QUINTA_TEST_POSTGRES_URL, run ./script/test, or deselect with -m "not postgres"')
    return url


def create_postgres_database(template: str | None = None) -> str:
    """A new database on the test server; returns its URL."""
    server = parse_url(postgres_server())
    name = f"quinta_test_{uuid4().hex}"
    _run(_execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")))
    return server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def drop_postgres_database(url: str) -> None:
    _run(_execute(f'DROP DATABASE "{parse_url(url).database}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file."""
    path = tmp_path_factory.mktemp("template") / "quinta.db"
    _run(upgrade(parse_url(f"sqlite:///{path}")))
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a migrated, empty PostgreSQL database."""
    url = create_postgres_database()
    _run(upgrade(parse_url(url)))
    yield str(parse_url(url).database)
    drop_postgres_database(url)


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with the schema in place."""
    if request.param == "sqlite":
        path = tmp_path / "quinta.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        url = create_postgres_database(request.getfixturevalue("postgres_template"))
        yield url
        drop_postgres_database(url)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A started database, on SQLite and on PostgreSQL."""
    opened = Database(database_url, SystemClock())
    await opened.start()
    yield opened
    await opened.close()


async def _execute(statement: str) -> None:
    connection = await asyncpg.connect(postgres_server())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(step: Coroutine[Any, Any, None]) -> None:
    """Runs in a loop of its own, which never becomes the thread's current one: that is the test's."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(step)
