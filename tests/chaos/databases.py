"""The database of a chaos run: how the server reaches it, how it is disturbed, how the test sees past the server."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Coroutine
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from quinta.storage.engines import parse_url
from tests.chaos.proxy import CuttableProxy
from tests.storage.databases import create_postgres_database, drop_postgres_database

_DUE = "UPDATE schedules SET next_run_at = {now} WHERE name = {name} AND next_run_at > {now}"
_WAIT = "SELECT count(*) FROM schedules WHERE next_run_at <= {now}"


class ChaosDatabase(Protocol):
    """``url`` is for the server's setting; None leaves the default."""

    url: str | None

    def disturb(self, choice: random.Random) -> str:
        """Does something to the server's connections, and ends it again; returns what it was."""
        ...

    def make_due(self, schedule: str) -> bool:
        """Whether the schedule is due now by this call: not while an earlier due time of it waits to be taken."""
        ...

    def due(self) -> int:
        """How many schedules wait to be taken now."""
        ...

    def close(self) -> None: ...


class ChaosSqlite:
    """The file in the data folder; another program's write lock is all that can come between it and the server."""

    def __init__(self, data: Path) -> None:
        self.url: str | None = None
        self._path = data / "quinta.db"

    def disturb(self, choice: random.Random) -> str:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(choice.choice((0.2, 1.0, 3.0)))
            connection.rollback()
        return "write lock"

    def make_due(self, schedule: str) -> bool:
        with closing(self._connect()) as connection:
            statement = _DUE.format(now=":now", name=":name")
            return connection.execute(statement, {"now": _text_of_now(), "name": schedule}).rowcount == 1

    def due(self) -> int:
        with closing(self._connect()) as connection:
            return int(connection.execute(_WAIT.format(now=":now"), {"now": _text_of_now()}).fetchone()[0])

    def close(self) -> None:
        """Nothing is held."""

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60, isolation_level=None)


class ChaosPostgres:
    """A database of its own behind a forwarder that can be cut; the test's own connection goes past it."""

    def __init__(self) -> None:
        self._direct = create_postgres_database()
        there = parse_url(self._direct)
        self._proxy = CuttableProxy(there.host or "127.0.0.1", there.port or 5432)
        here = there.set(drivername="postgresql", host="127.0.0.1", port=self._proxy.port)
        self.url: str | None = here.render_as_string(hide_password=False)

    def disturb(self, choice: random.Random) -> str:
        what = choice.choice(("cut", "cut", "terminate", "refuse"))
        if what == "cut":
            self._proxy.cut()
        elif what == "terminate":
            _run(self._terminate())
        else:
            self._proxy.refuse(True)
            self._proxy.cut()
            time.sleep(choice.choice((0.2, 1.0, 3.0)))
            self._proxy.refuse(False)
        return f"database {what}"

    def make_due(self, schedule: str) -> bool:
        return bool(_run(self._make_due(schedule)))

    def due(self) -> int:
        return int(_run(self._due()))

    def close(self) -> None:
        self._proxy.close()
        drop_postgres_database(self._direct)

    async def _terminate(self) -> None:
        connection = await asyncpg.connect(self._direct)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'quinta' AND random() < 0.7"
            )
        finally:
            await connection.close()

    async def _due(self) -> int:
        connection = await asyncpg.connect(self._direct)
        try:
            return int(await connection.fetchval(_WAIT.format(now="$1"), datetime.now(UTC)))
        finally:
            await connection.close()

    async def _make_due(self, schedule: str) -> bool:
        connection = await asyncpg.connect(self._direct)
        try:
            statement = _DUE.format(now="$1", name="$2")
            return bool(await connection.execute(statement, datetime.now(UTC), schedule) == "UPDATE 1")
        finally:
            await connection.close()


def _text_of_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _run(step: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(step)
