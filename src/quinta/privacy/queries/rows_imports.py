"""Files of datasets as tables of DuckDB in the server's own folder, imported once for each content.

The name of an import tells the file, its content (inode, size, time of change) and what the metadata say of it; one
whose content or columns changed is made anew and the older one removed. Two workers may import at once: each writes a
file of its own and renames it. The table ``rows`` has the declared columns as c0, c1, ... in their order, the rows of a
unit beside each other, and for tables with units ``tag``: a hash of the row and of how many like it are before it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import duckdb

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, ConnectorMetadata, TableMetadata
from quinta.core.errors import StateConflict
from quinta.privacy.queries.rows_dialects import DUCKDB, quoted
from quinta.privacy.queries.rows_plain import PlainFile, plain_file
from quinta.privacy.queries.rows_records import ESCAPED, LARGEST_LINE_BYTES, SEPARATOR, write_records

Settings = dict[str, str | bool | int | float | list[str]]
"""Of DuckDB, as it is opened with."""

_FORMAT: Final = 1
"""Raised when imports of earlier versions are of no use."""
_ENDING: Final = ".rows"
_PARTIAL: Final = ".partial"
_ABANDONED_SECONDS: Final = 3_600
_UNUSED_SECONDS: Final = 7 * 86_400
"""After which an import that nobody opened goes: that of a deleted dataset among them."""
MOST_BYTES: Final = 64 * 2**30
"""Of all imports together; the least recently opened ones are removed beyond it."""
_EARLIEST, _LATEST = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
_UNREADABLE: Final = (
    "The file of the dataset cannot be read: its owner must see that it is there and what it says it is."
)


class Imports:
    """The imports in ``folder``, which is made, for the server's account alone. ``settings`` are DuckDB's."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._folder = folder
        self._settings = settings
        self._remove_abandoned()

    def path(self, source: str, connector: ConnectorMetadata, table: TableMetadata) -> Path:
        """The import of the file as it is now, made if there is none. StateConflict where the file cannot be read."""
        for _ in range(3):
            try:
                before = _content(source)
                prefix, found = self._named(source, before, connector, table)
                if found.exists():
                    os.utime(found)
                    return found
                with self._partial() as partial:
                    self._import(source, connector, table, partial)
                    if _content(source) != before:
                        continue
                    partial.chmod(0o600)
                    partial.replace(found)
            except (OSError, duckdb.Error):
                raise StateConflict(_UNREADABLE) from None
            self._remove_older(prefix, found)
            self._remove_abandoned()
            return found
        raise StateConflict("The file of the dataset changes while it is read: try again later.")

    def _named(
        self, source: str, content: tuple[int, ...], connector: ConnectorMetadata, table: TableMetadata
    ) -> tuple[str, Path]:
        said = [
            _FORMAT,
            source,
            {**asdict(connector), "uri": "", "password": ""},
            [(column.name, column.type) for column in table.columns],
            table.privacy_column,
        ]
        prefix = _digest(said)
        return prefix, self._folder / f"{prefix}-{_digest(list(content))}{_ENDING}"

    @contextmanager
    def _partial(self) -> Iterator[Path]:
        partial = self._folder / f"{secrets.token_hex(16)}{_PARTIAL}"
        try:
            yield partial
        finally:
            for path in (partial, partial.with_suffix(".partial.wal"), partial.with_suffix(f".records{_PARTIAL}")):
                path.unlink(missing_ok=True)

    def _import(self, source: str, connector: ConnectorMetadata, table: TableMetadata, to: Path) -> None:
        records = to.with_suffix(f".records{_PARTIAL}")
        plain = plain_file(source, connector, table.columns) if connector.type_name == "csv" else None
        if connector.type_name == "parquet":
            read, readable = _parquet(source), source
        elif plain is not None:
            read, readable = _plain_table(source, plain, connector, table), source
        else:
            os.close(os.open(records, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            write_records(source, connector, table.columns, records)
            read, readable = _text_table(records, len(table.columns)), str(records)
        with duckdb.connect(config=self._settings) as database:
            database.execute("SET TimeZone = 'UTC'")
            database.execute(f"SET allowed_paths = [{_text(readable)}]")
            database.execute(f"SET allowed_directories = [{_text(f'{self._folder}/')}]")
            database.execute("SET enable_external_access = false")
            database.execute("SET enable_progress_bar = false")
            # Hands the type of a TRY_CAST to the reader of csv files, which then fails where the cast would be NULL.
            database.execute("SET disabled_optimizers = 'type_pushdown'")
            database.execute("SET lock_configuration = true")
            database.execute(f"ATTACH {_text(str(to))} AS made")
            names = self._names(database, read, connector, table)
            rows = _typed(read, names, connector, table)
            if table.privacy_column is not None:
                database.execute(f"CREATE TEMP TABLE sorted AS {rows}")
                rows = _numbered(table)
            database.execute(f"CREATE TABLE made.rows AS {rows}")
            database.execute("DETACH made")

    def _names(
        self, database: duckdb.DuckDBPyConnection, read: str, connector: ConnectorMetadata, table: TableMetadata
    ) -> list[tuple[str, str]]:
        """What the declared columns are called in what is read, and their types there."""
        found = [(row[0], row[1]) for row in database.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()]
        if connector.type_name != "parquet":
            return found
        types = dict(found)
        for column in table.columns:
            if column.name not in types:
                raise StateConflict(
                    f"The file of the dataset has no column {column.name!r}: its owner must correct it."
                )
        return [(column.name, types[column.name]) for column in table.columns]

    def _remove_older(self, prefix: str, kept: Path) -> None:
        for path in self._folder.glob(f"{prefix}-*{_ENDING}"):
            if path != kept:
                path.unlink(missing_ok=True)
        total = 0
        for path, stat in sorted(_stats(self._folder.glob(f"*{_ENDING}")), key=lambda item: -item[1].st_mtime):
            total += stat.st_size
            if total > MOST_BYTES and path != kept:
                path.unlink(missing_ok=True)

    def _remove_abandoned(self) -> None:
        """What an import that died left behind, since a living one writes all the time; and what nobody opens."""
        now = time.time()
        for pattern, seconds in ((f"*{_PARTIAL}*", _ABANDONED_SECONDS), (f"*{_ENDING}", _UNUSED_SECONDS)):
            for path, stat in _stats(self._folder.glob(pattern)):
                if stat.st_mtime < now - seconds:
                    path.unlink(missing_ok=True)


def _content(source: str) -> tuple[int, ...]:
    stat = os.stat(source)
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _stats(paths: Iterator[Path]) -> list[tuple[Path, os.stat_result]]:
    """Of those that are still there."""
    found = []
    for path in paths:
        try:
            found.append((path, path.stat()))
        except FileNotFoundError:
            continue
    return found


def _digest(said: list[object]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _parquet(source: str) -> str:
    return f"read_parquet({_text(source)})"


def _text_table(path: Path, count: int) -> str:
    return _lines(path, [f"t{index}" for index in range(count)], "\n", 0)


def _lines(path: Path | str, columns: Sequence[str], newline: str, heading: int) -> str:
    """A file of lines, whatever is in them but separators of ours."""
    types = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in columns)
    end = {"\n": "\\n", "\r\n": "\\r\\n"}[newline]
    return (
        f"read_csv({_text(str(path))}, columns={{{types}}}, auto_detect=false, header=false, skip={heading},"
        f" delim={_text(SEPARATOR)}, quote='', escape='', comment='', nullstr='', new_line='{end}',"
        f" max_line_size={LARGEST_LINE_BYTES}, buffer_size={LARGEST_LINE_BYTES})"
    )


def _plain_table(source: str, plain: PlainFile, connector: ConnectorMetadata, table: TableMetadata) -> str:
    fields = []
    for index, (place, column) in enumerate(zip(plain.places, table.columns, strict=True)):
        absent = ", ".join(map(_text, ("", *connector.na_values.get(column.name, ()))))
        fields.append(f"CASE WHEN fields[{place + 1}] NOT IN ({absent}) THEN fields[{place + 1}] END AS t{index}")
    lines = _lines(source, ["line"], plain.newline, plain.heading)
    split = f"SELECT string_split(line, {_text(connector.separator)}) AS fields FROM {lines} WHERE line <> ''"
    return f"(SELECT {', '.join(fields)} FROM ({split}))"


def _typed(read: str, names: list[tuple[str, str]], connector: ConnectorMetadata, table: TableMetadata) -> str:
    """The rows in their declared types, those of a unit beside each other."""
    columns = [
        f"{_cast(name, found, column, connector)} AS c{index}"
        for index, ((name, found), column) in enumerate(zip(names, table.columns, strict=True))
    ]
    rows = f"SELECT {', '.join(columns)} FROM {read}"
    if table.privacy_column is None:
        return rows
    every = ", ".join(f"c{index}" for index in range(len(columns)))
    unit = next(index for index, column in enumerate(table.columns) if column.name == table.privacy_column)
    return f"SELECT *, hash({every}) AS content FROM ({rows}) ORDER BY c{unit}, content"


def _numbered(table: TableMetadata) -> str:
    """Sorted rows with the number and the size of their unit. The windows see the rows in the order of the table."""
    every = ", ".join(f"c{index}" for index in range(len(table.columns)))
    unit = next(f"c{index}" for index, column in enumerate(table.columns) if column.name == table.privacy_column)
    so_far = "OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    placed = (
        f"SELECT *, row_number() OVER () AS place, {unit} IS DISTINCT FROM lag({unit}) OVER () AS is_unit,"
        " content IS DISTINCT FROM lag(content) OVER () AS is_content FROM sorted"
    )
    number = f"CAST(sum(CAST(is_unit OR place = 1 AS INTEGER)) {so_far} AS UINTEGER)"
    numbered = (
        f"SELECT {every}, content, place, {number} AS unit,"
        f" max(CASE WHEN is_content OR is_unit OR place = 1 THEN place END) {so_far} AS beginning FROM ({placed})"
    )
    sizes = f"SELECT unit, count(*) AS size FROM ({numbered}) GROUP BY unit"
    return (
        f"SELECT {every}, numbered.unit, CAST(size AS UINTEGER) AS size, hash(content, place - beginning) AS tag"
        f" FROM ({numbered}) AS numbered JOIN ({sizes}) AS sizes USING (unit) ORDER BY numbered.unit"
    )


def _cast(name: str, found: str, column: ColumnMetadata, connector: ConnectorMetadata) -> str:
    """A value that is none of the declared type is NULL, and so are NaN and moments beyond the years 1 to 9999."""
    is_text = connector.type_name != "parquet"
    value = quoted(name)
    declared = DUCKDB.types[column.type]
    if found != declared:
        value = f"CAST({value} AS VARCHAR)"
    if column.type is ColumnType.STRING:
        return _unescaped(value) if is_text else value
    if column.type is ColumnType.FLOAT:
        if is_text and connector.decimal != ".":
            value = f"CASE WHEN NOT contains({value}, '.') THEN replace({value}, {_text(connector.decimal)}, '.') END"
        number = f"TRY_CAST({value} AS DOUBLE)"
        return f"CASE WHEN NOT isnan({number}) THEN {number} + 0.0 END"
    if column.type is ColumnType.DATETIME:
        moment = value if found == declared else f"TRY_CAST({value} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        return f"CASE WHEN {moment} BETWEEN TIMESTAMP '{_EARLIEST}' AND TIMESTAMP '{_LATEST}' THEN {moment} END"
    return f"TRY_CAST({value} AS {declared})"


def _unescaped(value: str) -> str:
    plain = value
    for meant, written in ESCAPED.items():  # the escape itself is the last one
        plain = f"replace({plain}, {_text(written)}, {_text(meant)})"
    return f"CASE WHEN contains({value}, {_text(ESCAPED[''][0])}) THEN {plain} ELSE {value} END"
