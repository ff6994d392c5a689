"""SQLAlchemy engines from a URL: which driver, which pools, which settings of a connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiosqlite
from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from quinta.storage.errors import UrlRefused
from quinta.storage.sqlite_driver import StatementConnection

SQLITE_READERS = 4
POSTGRESQL_CONNECTIONS = 16
WAIT_FOR_CONNECTION_SECONDS = 60
SQLITE_BUSY_MILLISECONDS = 15_000  # another process's writer (an operator's command); ours queue in the pool

POSTGRESQL_SETTINGS = {
    "application_name": "quinta",
    "statement_timeout": "60s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "120s",
    "timezone": "UTC",
    # A queue's table is empty now and holds 50,000 rows a minute later: a plan made for the one and kept for the other
    # read the whole table in every turn until the next ANALYZE. Planning anew costs 0.1 to 0.5 ms a statement.
    "plan_cache_mode": "force_custom_plan",
}

_QUIET = {"hide_parameters": True}
"""What is stored is no business of the log: an unexpected error is logged with its statement, without the values."""

_SQLITE_PRAGMAS = (
    f"busy_timeout = {SQLITE_BUSY_MILLISECONDS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    f"journal_size_limit = {64 * 1024 * 1024}",
)


def parse_url(text: str) -> URL:
    """``sqlite:///path`` or ``postgresql://user:password@host/name``, with our driver; UrlRefused for others."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise UrlRefused("not a database URL: use sqlite:///… or postgresql://…") from None
    match url.get_backend_name():
        case "sqlite":
            if not url.database or url.database == ":memory:":
                raise UrlRefused("the SQLite database must be a file: sqlite:////folder/quinta.db")
            return url.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            query = {("ssl" if name == "sslmode" else name): value for name, value in url.query.items()}
            return url.set(drivername="postgresql+asyncpg", query=query)
        case other:
            raise UrlRefused(f"no database for {other!r}: use sqlite:///… or postgresql://…")


def writer_and_reader(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """Engines for transactions that may write and for those that only read.

    SQLite: one writing connection, whose pool is the queue of writers, and a few that can only read.
    PostgreSQL: one pool for both; a reading transaction is READ ONLY and sees one moment (REPEATABLE READ), as on
    SQLite.
    """
    if url.get_backend_name() == "sqlite":
        return sqlite_engine(url, "IMMEDIATE", pool_size=1), sqlite_engine(url, "DEFERRED", pool_size=SQLITE_READERS)
    writer = create_async_engine(
        url,
        pool_size=POSTGRESQL_CONNECTIONS,
        max_overflow=0,
        pool_timeout=WAIT_FOR_CONNECTION_SECONDS,
        pool_pre_ping=False,
        **_QUIET,
        connect_args={"server_settings": POSTGRESQL_SETTINGS, "timeout": 10},
    )
    return writer, writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def second_reader(url: URL) -> AsyncEngine | None:
    """One more connection on SQLite, on which a search has half of its work done (storage.record_walks). It is none of
    the readers', of whom those who wait for one could then wait for each other."""
    return sqlite_engine(url, "DEFERRED", pool_size=1) if url.get_backend_name() == "sqlite" else None


def sqlite_engine(url: URL, begin: str, *, pool_size: int) -> AsyncEngine:
    """``begin``: IMMEDIATE for connections that write, DEFERRED for those that may not."""
    engine = create_async_engine(
        url,
        async_creator=_creator(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_FOR_CONNECTION_SECONDS,
        **_QUIET,
    )
    pragmas = (*_SQLITE_PRAGMAS, "query_only = ON") if begin == "DEFERRED" else _SQLITE_PRAGMAS
    _prepare_sqlite(engine.sync_engine, begin, pragmas)
    return engine


def migration_engine(url: URL) -> AsyncEngine:
    """For one connection that changes the schema: no pool and no time-outs of statements, and on SQLite no foreign
    keys, since a table that is made anew there would take along all rows that hang on the old one."""
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, poolclass=NullPool, **_QUIET)
        _prepare_sqlite(engine.sync_engine, "IMMEDIATE", _SQLITE_PRAGMAS[:3])
        return engine
    settings = {"server_settings": {"application_name": "quinta migration", "timezone": "UTC"}, "timeout": 10}
    return create_async_engine(url, poolclass=NullPool, connect_args=settings, **_QUIET)


def _creator(url: URL) -> Callable[[], Awaitable[aiosqlite.Connection]]:
    async def connect() -> aiosqlite.Connection:
        return await StatementConnection(url.database or "")

    return connect


def _prepare_sqlite(engine: Engine, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: the "begin" listener does
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")
