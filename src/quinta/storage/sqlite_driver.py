"""SQLite's connections for SQLAlchemy: each statement is one visit to the connection's thread.

aiosqlite visits it for each step of a cursor (make, execute, fetch, close). A visit costs two switches of threads, and
each of them waits until the event loop has time: a turn of a busy loop of leases made 25 visits in 50 ms.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import aiosqlite


class _Outcome(NamedTuple):
    rows: list[Any]
    description: Any
    rowcount: int
    lastrowid: int | None


class StatementCursor:
    """What SQLAlchemy asks of a cursor. All rows are there when ``execute`` returns."""

    arraysize = 1

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection
        self._outcome = _Outcome([], None, -1, None)

    async def __aenter__(self) -> Self:
        return self

    @property
    def description(self) -> Any:
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._outcome.lastrowid

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        self._outcome = await self._connection.visit(_execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        self._outcome = await self._connection.visit(_execute_many, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        return self._outcome.rows

    async def close(self) -> None:
        """Nothing is left open: the thread has read all rows and closed its own cursor."""


class StatementConnection(aiosqlite.Connection):
    """A connection whose cursors visit the thread once for each statement."""

    def __init__(self, path: str) -> None:
        super().__init__(lambda: sqlite3.connect(path), iter_chunk_size=64)
        self._thread.daemon = True  # SQLAlchemy would do so for a connection that it opens itself

    def cursor(self) -> StatementCursor:  # type: ignore[override]  # as the driver's would, it has what SQLAlchemy uses
        return StatementCursor(self)

    async def rollback(self) -> None:
        """A connection goes back to the pool with a rollback, which after a commit has nothing to do."""
        if self.in_transaction:
            await super().rollback()

    async def visit(self, function: Any, sql: str, parameters: Any) -> _Outcome:
        """``function(connection, sql, parameters)``, called in the thread."""
        outcome: _Outcome = await self._execute(function, self._conn, sql, parameters)  # type: ignore[no-untyped-call]  # aiosqlite's
        return outcome


def _execute(connection: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> _Outcome:
    return _outcome(connection.execute(sql, parameters))


def _execute_many(connection: sqlite3.Connection, sql: str, parameters: Sequence[Sequence[Any]]) -> _Outcome:
    return _outcome(connection.executemany(sql, parameters))


def _outcome(cursor: sqlite3.Cursor) -> _Outcome:
    description = cursor.description
    rows = cursor.fetchall() if description else []
    outcome = _Outcome(rows, description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return outcome
