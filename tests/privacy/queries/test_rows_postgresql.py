"""Rows of PostgreSQL are counted as those of files are; what may not be asked of it is refused whatever its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import ConnectorMetadata
from quinta.core.errors import StateConflict
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.sources import Sources
from quinta.privacy.queries.tree import Join, JoinKind, Key, Measure, MeasureKind, Scan, Source
from quinta.storage.engines import parse_url
from tests.privacy.queries import tables
from tests.privacy.queries.tables import AMOUNT, FLAG, MOMENT, NAME, NUMBER, SCHEMA, TABLE, UNIT, Row
from tests.privacy.queries.test_rows import EVERY_ROW, expected
from tests.storage.databases import create_postgres_database, drop_postgres_database

pytestmark = pytest.mark.postgres

TYPES = {UNIT: "bigint", NUMBER: "bigint", AMOUNT: "float8", NAME: "text", MOMENT: "timestamptz", FLAG: "boolean"}


class Server:
    """A database of a test's own, and its one connection that writes."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.loop = asyncio.new_event_loop()
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection: Any = self.loop.run_until_complete(asyncpg.connect(plain))

    def run(self, statement: str) -> None:
        self.loop.run_until_complete(self.connection.execute(statement))

    def write(self, rows: Sequence[Row]) -> None:
        self.run(f"TRUNCATE {_quoted(SCHEMA)}.{_quoted(TABLE)}")
        records = [tuple(row[name] for name in TYPES) for row in rows]
        self.loop.run_until_complete(
            self.connection.copy_records_to_table(TABLE, schema_name=SCHEMA, columns=list(TYPES), records=records)
        )

    def dataset(self) -> AskedDataset:
        connector = ConnectorMetadata(
            "postgresql",
            host=self.url.host or "",
            port=self.url.port or 5432,
            username=self.url.username or "",
            password=str(self.url.password or ""),
        )
        return AskedDataset("1", "people", tables.metadata(connector, database=self.url.database or ""), MaskRules())

    def close(self) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    url = create_postgres_database()
    opened = Server(url)
    columns = ", ".join(f"{_quoted(name)} {type_}" for name, type_ in TYPES.items())
    opened.run(f"CREATE SCHEMA {_quoted(SCHEMA)}; CREATE TABLE {_quoted(SCHEMA)}.{_quoted(TABLE)} ({columns})")
    yield opened
    opened.close()
    drop_postgres_database(url)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    opened = Sources(tmp_path_factory.mktemp("sources") / "imports", memory_megabytes=200, threads=2)
    yield opened
    opened.close()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=tables.rows, questions=st.lists(tables.questions(EVERY_ROW), min_size=6, max_size=10))
def test_a_table_is_counted_as_row_by_row(
    sources: Sources, server: Server, rows: list[Row], questions: list[tuple[Source, list[Key], list[Measure]]]
) -> None:
    server.write(rows)
    with sources.open([server.dataset()]) as opened:
        for source, keys, measures in questions:
            assert opened.measure(source, keys, measures).groups == expected(rows, source, keys, measures)


def one(most_rows: int = EVERY_ROW, unit: str | None = UNIT) -> Source:
    return Source((Scan(0, SCHEMA, TABLE, unit, most_rows),), (), None, most_rows)


def row(unit: int | None, number: int | None = None, name: str | None = None) -> Row:
    return {**dict.fromkeys(TYPES), UNIT: unit, NUMBER: number, NAME: name}


ROWS = Measure(MeasureKind.ROWS)


def test_units_are_bounded_and_drawn_anew(sources: Sources, server: Server) -> None:
    """Two draws of one row of 10 for 40 units are the same once in 1e40."""
    server.write([row(unit, number) for unit in (*range(40), None) for number in range(10)])
    keys = [Key(tables.column(UNIT), None), Key(tables.column(NUMBER), None)]
    draws = []
    for _ in range(2):
        with sources.open([server.dataset()]) as opened:
            draws.append(opened.measure(one(1), keys, [ROWS]).groups)
            assert opened.measure(one(1), keys, [ROWS]).groups == draws[-1]
            assert opened.measure(one(3), [], [ROWS]).groups == {(): (120,)}
    assert all(sorted(key[0] for key in draw) == list(range(40)) for draw in draws)  # type: ignore[type-var]
    assert draws[0] != draws[1]


def test_rows_that_are_alike_are_drawn_as_often_as_others(sources: Sources, server: Server) -> None:
    """Nine rows of ten are alike in 1,000 units: the tenth is drawn of 100 of them, within five standard deviations."""
    server.write([row(unit, min(number, 1)) for unit in range(1_000) for number in (0, *[1] * 9)])
    with sources.open([server.dataset()]) as opened:
        groups = opened.measure(one(1), [Key(tables.column(NUMBER), None)], [ROWS]).groups
    assert groups[1,] == (1_000 - groups[0,][0],)  # type: ignore[operator]
    assert abs(groups[0,][0] - 100) < 48  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "back", "are_unique"),
    [
        ("CREATE UNIQUE INDEX i ON {table} (unit)", "DROP INDEX {schema}.i", True),
        ("ALTER TABLE {table} ADD CONSTRAINT i UNIQUE (unit)", "ALTER TABLE {table} DROP CONSTRAINT i", True),
        ("CREATE INDEX i ON {table} (unit)", "DROP INDEX {schema}.i", False),
        ("CREATE UNIQUE INDEX i ON {table} (unit) WHERE unit < 0", "DROP INDEX {schema}.i", False),
        ("CREATE UNIQUE INDEX i ON {table} (unit, {number})", "DROP INDEX {schema}.i", False),
        ("CREATE UNIQUE INDEX i ON {table} ({number}) INCLUDE (unit)", "DROP INDEX {schema}.i", False),
        ("CREATE UNIQUE INDEX i ON {table} ((unit + {number}))", "DROP INDEX {schema}.i", False),
        (
            "CREATE TABLE {schema}.child () INHERITS ({table});"
            " WITH moved AS (DELETE FROM {table} WHERE {number} % 3 > 0 RETURNING *)"
            " INSERT INTO {schema}.child SELECT * FROM moved; CREATE UNIQUE INDEX i ON {table} (unit)",
            "DROP TABLE {schema}.child; DROP INDEX {schema}.i",
            False,
        ),
    ],
)
def test_units_are_bounded_whatever_the_indexes(
    sources: Sources, server: Server, change: str, back: str, *, are_unique: bool
) -> None:
    """Where an index says that a unit has one row, its rows need no bounding; every other index says nothing."""
    table = f"{_quoted(SCHEMA)}.{_quoted(TABLE)}"
    names = {"table": table, "schema": _quoted(SCHEMA), "number": _quoted(NUMBER)}
    per_unit = 1 if are_unique else 3
    server.write([row(unit, unit * 3 + number) for unit in range(40) for number in range(per_unit)] + [row(None, -1)])
    server.run(change.format(**names))
    try:
        for most_rows in (1, 2):
            with sources.open([server.dataset()]) as opened:
                measured = opened.measure(one(most_rows), [Key(tables.column(UNIT), None)], [ROWS]).groups
            assert measured == {(unit,): (min(most_rows, per_unit),) for unit in range(40)}
    finally:
        server.run(back.format(**names))


def test_a_query_sees_one_snapshot(sources: Sources, server: Server) -> None:
    server.write([row(1)])
    with sources.open([server.dataset()]) as opened:
        assert opened.measure(one(), [], [ROWS]).groups == {(): (1,)}
        server.run(f"INSERT INTO {_quoted(SCHEMA)}.{_quoted(TABLE)} (unit) VALUES (2)")
        assert opened.measure(one(), [], [ROWS]).groups == {(): (1,)}
    with sources.open([server.dataset()]) as opened:
        assert opened.measure(one(), [], [ROWS]).groups == {(): (2,)}


def test_a_connection_that_died_is_made_anew(sources: Sources, server: Server) -> None:
    server.write([row(1)])
    for _ in range(2):
        with sources.open([server.dataset()]) as opened:
            assert opened.measure(one(), [], [ROWS]).groups == {(): (1,)}
        server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize(
    ("type_", "declared", "literals", "values"),
    [
        ("numeric", AMOUNT, ["1e400", "-1e400", "1e-400", "NaN", "Infinity", "0.25"], {1e308, -1e308, 0.0, None, 0.25}),
        ("real", AMOUNT, ["NaN", "-0", "Infinity", "0.5"], {None, 0.0, float("inf"), 0.5}),
        ("date", MOMENT, ["infinity", "5874897-12-31", "4713-01-01 BC"], {None}),
        ("timestamp", MOMENT, ["infinity", "-infinity", "294276-12-31", "0044-03-15 BC"], {None}),
        ("char(4)", NAME, ["a", "A   "], {"a", "A"}),
        ("smallint", NAME, ["7"], {"7"}),
    ],
)
def test_no_value_of_another_type_is_an_error(
    sources: Sources, server: Server, type_: str, declared: str, literals: list[str], values: set[Any]
) -> None:
    table, column = f"{_quoted(SCHEMA)}.{_quoted(TABLE)}", _quoted(declared)
    server.write([])
    server.run(f"ALTER TABLE {table} ALTER {column} TYPE {type_} USING NULL")
    for literal in literals:
        server.run(f"INSERT INTO {table} ({column}) VALUES ('{literal}')")
    with sources.open([server.dataset()]) as opened:
        found = opened.measure(one(unit=None), [Key(tables.column(declared), None)], [ROWS]).groups
    server.run(f"TRUNCATE {table}; ALTER TABLE {table} ALTER {column} TYPE {TYPES[declared]} USING NULL")
    assert {key[0] for key in found} == values


def test_a_table_that_is_not_what_the_metadata_say_is_refused(sources: Sources, server: Server) -> None:
    table, column = f"{_quoted(SCHEMA)}.{_quoted(TABLE)}", _quoted(NUMBER)
    changes = {
        f"ALTER TABLE {table} ALTER {column} TYPE text": f"ALTER TABLE {table} ALTER {column} TYPE bigint USING NULL",
        f"ALTER TABLE {table} RENAME {column} TO other": f"ALTER TABLE {table} RENAME other TO {column}",
        f"ALTER TABLE {table} RENAME TO t; CREATE VIEW {table} AS SELECT * FROM {_quoted(SCHEMA)}.t": (
            f"DROP VIEW {table}; ALTER TABLE {_quoted(SCHEMA)}.t RENAME TO {_quoted(TABLE)}"
        ),
    }
    words = ["is text there, which is no int", "has no column", "is no table"]
    for (change, back), said in zip(changes.items(), words, strict=True):
        server.run(change)
        with sources.open([server.dataset()]) as opened, pytest.raises(StateConflict, match=said):
            opened.measure(one(), [], [ROWS])
        server.run(back)
    with sources.open([server.dataset()]) as opened:
        opened.measure(one(), [], [ROWS])


def test_files_and_databases_are_not_joined(sources: Sources, server: Server, tmp_path: Path) -> None:
    file = tables.file_dataset(tmp_path / "t.csv", [row(1)])
    scans = (*one(1).scans, Scan(1, SCHEMA, TABLE, UNIT, 1))
    with sources.open([file, server.dataset()]) as opened, pytest.raises(StateConflict, match="cannot be joined"):
        opened.measure(Source(scans, (Join(JoinKind.INNER, None),), None, 1), [], [ROWS])
    with sources.open([server.dataset(), server.dataset()]) as opened:
        opened.measure(Source(scans, (Join(JoinKind.INNER, None),), None, 1), [], [ROWS])
