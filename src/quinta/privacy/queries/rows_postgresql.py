"""Rows of tables in PostgreSQL, counted there, in one read-only snapshot for each query.

Only tables whose columns are of types that can be read without an error whatever their rows hold; what the metadata
say of a column must be the table's. A view is refused: what it computes may raise for some rows, and a condition that
leaves those out would tell that they are there.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import asyncpg

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, DatasetMetadata, TableMetadata
from quinta.core.errors import StateConflict
from quinta.privacy.queries.rows_dialects import POSTGRESQL, Dialect, quoted
from quinta.privacy.queries.rows_statements import Relation

_CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 120
_UNREADABLE: Final = "The database of the dataset did not answer: ask its owner, or try again later."
_WHOLE: Final = frozenset({"int2", "int4", "int8"})
_EXACT: Final = _WHOLE | {"uuid"}
"""Two values of these are the same if and only if they are in the declared type; no collation says otherwise."""
_TYPES: Final[Mapping[ColumnType, frozenset[str]]] = {
    ColumnType.BOOLEAN: frozenset({"bool"}),
    ColumnType.DATETIME: frozenset({"date", "timestamp", "timestamptz"}),
    ColumnType.FLOAT: _WHOLE | {"float4", "float8", "numeric"},
    ColumnType.INT: _WHOLE,
    ColumnType.STRING: _WHOLE | {"text", "varchar", "bpchar", "uuid"},
}
"""Types of PostgreSQL that a declared one may be. All of them can be made the declared one whatever their value."""

_COLUMNS: Final = """
SELECT c.column_name::text, c.udt_name::text, t.table_type::text
FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = $1 AND c.table_name = $2
"""
_SERVER: Final = """
SELECT current_setting('server_encoding'), current_setting('server_version_num')::int, EXISTS (
    SELECT FROM pg_catalog.pg_collation WHERE collname = 'und-x-icu' AND collnamespace = 'pg_catalog'::regnamespace
)
"""

_UNIQUE: Final = """
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE c.oid = to_regclass($1) AND a.attname = $2 AND c.relkind = 'r' AND NOT c.relhassubclass
    AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
)
"""
"""Whether an index sees to it that no two rows have the same value in a column."""
_LEAST_VERSION: Final = 140_000
"""The first one with ``hash_record_extended``."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Database:
    """Where a dataset's tables are."""

    host: str
    port: int
    username: str
    password: str = dataclasses.field(repr=False)
    name: str


def database_of(metadata: DatasetMetadata) -> Database:
    connector = metadata.connector
    assert connector is not None
    return Database(connector.host, connector.port, connector.username, connector.password, metadata.database_name)


class DatabaseTables:
    """Connections to databases of datasets, which stay open. One for a process, used from one thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: dict[Database, asyncpg.Connection[asyncpg.Record]] = {}

    @contextmanager
    def snapshot(self, database: Database) -> Iterator[Snapshot]:
        """One state of the database, for reading only. StateConflict where it cannot be reached."""
        connection = self._begin(database)
        try:
            yield Snapshot(self, connection, self._dialect(connection))
        finally:
            self._end(database, connection)

    def close(self) -> None:
        for connection in self._connections.values():
            try:
                self.run(connection.close(timeout=2))
            except StateConflict:
                connection.terminate()
        self._connections.clear()
        if self._loop is not None:
            self._loop.run_until_complete(asyncio.sleep(0))  # in which sockets of ended connections are closed
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """StateConflict, in the same words whatever the rows, for all that goes wrong there."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(work)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            raise StateConflict(_UNREADABLE) from None

    def _begin(self, database: Database) -> asyncpg.Connection[asyncpg.Record]:
        """A connection that was open may have died meanwhile: then there is a new one."""
        known = self._connections.pop(database, None)
        if known is not None:
            try:
                self.run(_begin(known))
            except StateConflict:
                known.terminate()
            else:
                return known
        connection = self.run(_connect(database))
        self.run(_begin(connection))
        return connection

    def _end(self, database: Database, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        try:
            self.run(connection.execute("ROLLBACK"))
        except StateConflict:
            connection.terminate()
        else:
            self._connections[database] = connection

    def _dialect(self, connection: asyncpg.Connection[asyncpg.Record]) -> Dialect:
        encoding, version, has_icu = self.run(_first(connection, _SERVER))
        if version < _LEAST_VERSION:
            raise StateConflict("The database of the dataset is older than PostgreSQL 14: queries need that.")
        if encoding != "UTF8":
            raise StateConflict("The database of the dataset does not keep texts in UTF-8: queries need that.")
        if has_icu:
            return POSTGRESQL
        # Without ICU only A to Z have two cases: what "C" does.
        folds = {name: f"{name}({{0}})" for name in ("lower", "upper")}
        return dataclasses.replace(POSTGRESQL, functions={**POSTGRESQL.functions, **folds})


class Snapshot:
    """An open transaction."""

    def __init__(
        self, tables: DatabaseTables, connection: asyncpg.Connection[asyncpg.Record], dialect: Dialect
    ) -> None:
        self._tables = tables
        self._connection = connection
        self.dialect = dialect

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._tables.run(self._connection.fetch(statement))]

    def table(self, schema: str, table: TableMetadata, unit: str | None) -> Relation:
        """StateConflict where the table is another one than the metadata say."""
        found = self._tables.run(self._connection.fetch(_COLUMNS, schema, table.name))
        types = {name: type_ for name, type_, _ in found}
        if any(kind != "BASE TABLE" for _, _, kind in found):
            raise StateConflict(f"{table.name} is no table of the dataset's database, but a view or the like.")
        for column in table.columns:
            _require(column, types.get(column.name), table)
        values = [_value(column, types[column.name]) for column in table.columns]
        names = [f"c{index}" for index in range(len(values))]
        sql = ", ".join(f"{value} AS {name}" for value, name in zip(values, names, strict=True))
        columns = {column.name: name for column, name in zip(table.columns, names, strict=True)}
        place = f"{quoted(schema)}.{quoted(table.name)}"
        if unit is None:
            return Relation(f"(SELECT {sql} FROM {place})", columns)
        if types[unit] in _EXACT and self._is_unique(place, unit):
            return Relation(f"(SELECT {sql} FROM ONLY {place})", columns, largest={unit: 1})
        tag = f"hash_record_extended(ROW({', '.join(names)}), 0) AS tag"
        return Relation(f"(SELECT *, {tag} FROM (SELECT {sql} FROM {place}) AS r)", columns, "tag", shares_tags=True)

    def _is_unique(self, place: str, unit: str) -> bool:
        """Whether no two rows that this snapshot sees are of one unit."""
        # The name remains that of this table until the end: whatever the statement is, it locks it.
        self._tables.run(self._connection.execute(f"SELECT FROM {place} LIMIT 0"))
        (found,) = self._tables.run(_first(self._connection, _UNIQUE, place, unit))
        return bool(found)


async def _connect(database: Database) -> asyncpg.Connection[asyncpg.Record]:
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "600s",
        "search_path": "pg_catalog",
        "TimeZone": "UTC",
        "DateStyle": "ISO",
        "extra_float_digits": "1",
        "standard_conforming_strings": "on",
        "jit": "off",
    }
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
        host=database.host,
        port=database.port,
        user=database.username or None,
        password=database.password or None,
        database=database.name or None,
        timeout=_CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS + 10,
        server_settings=settings,
    )
    return connection


async def _begin(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


async def _first(connection: asyncpg.Connection[asyncpg.Record], statement: str, *arguments: str) -> tuple[Any, ...]:
    row = await connection.fetchrow(statement, *arguments)
    assert row is not None
    return tuple(row)


def _require(column: ColumnMetadata, found: str | None, table: TableMetadata) -> None:
    if found is None:
        raise StateConflict(f"{table.name} has no column {column.name!r} that the dataset's account may read.")
    if found not in _TYPES[column.type]:
        raise StateConflict(f"The column {column.name!r} of {table.name} is {found} there, which is no {column.type}.")


def _value(column: ColumnMetadata, found: str) -> str:
    """The column's value in the declared type; NaN, and moments beyond the years 1 to 9999, are NULL."""
    name = quoted(column.name)
    match column.type:
        case ColumnType.INT:
            return f"CAST({name} AS int8)"
        case ColumnType.BOOLEAN:
            return name
        case ColumnType.STRING:
            return f'(CAST({name} AS text) COLLATE "C")'
        case ColumnType.DATETIME:
            zone = "+00" if found == "timestamptz" else ""
            range_ = f"{found} '0001-01-01 00:00:00{zone}' AND {found} '9999-12-31 23:59:59.999999{zone}'"
            moment = f"({name} AT TIME ZONE 'UTC')" if found == "timestamptz" else f"CAST({name} AS timestamp)"
            return f"(CASE WHEN {name} BETWEEN {range_} THEN {moment} END)"
    if found == "numeric":
        # Beyond these, and nearer to 0, the cast to float8 raises.
        near = f"round(least(greatest({name}, -1e308), 1e308), 300)"
        return f"(CASE WHEN {name} <> 'NaN' THEN CAST({near} AS float8) + CAST(0 AS float8) END)"
    return f"(NULLIF(CAST({name} AS float8), CAST('NaN' AS float8)) + CAST(0 AS float8))"
