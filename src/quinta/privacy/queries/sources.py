"""Where the rows of private queries come from, in the query worker: files through DuckDB, PostgreSQL in place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from quinta.core.datasets.metadata import TableMetadata
from quinta.core.errors import StateConflict
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.measured import Measured, Rows
from quinta.privacy.queries.rows_dialects import DUCKDB
from quinta.privacy.queries.rows_duckdb import FileTables
from quinta.privacy.queries.rows_postgresql import Database, DatabaseTables, Snapshot, database_of
from quinta.privacy.queries.rows_statements import Relation, measure
from quinta.privacy.queries.tree import Key, Measure, Scan, Source


class Sources:
    """Opens datasets. One for a worker process, used from one thread: what it opened stays warm.

    ``folder`` is the server's own, for imports of files; it is made. ``memory_megabytes`` bounds what DuckDB takes
    before it writes to the folder, ``threads`` how many it computes with.
    """

    def __init__(self, folder: Path, memory_megabytes: int, threads: int) -> None:
        self._files = FileTables(folder, memory_megabytes, threads)
        self._databases = DatabaseTables()

    @contextmanager
    def open(self, datasets: Sequence[AskedDataset]) -> Iterator[Rows]:
        """The datasets' rows, for one query: one snapshot, one draw. Nothing is read before it is measured."""
        with ExitStack() as opened:
            yield _OpenRows(self._files, self._databases, datasets, opened)

    def close(self) -> None:
        self._files.close()
        self._databases.close()


class _OpenRows:
    """``measured.Rows``. A file is read as it is when it is first asked for, and remains what it is until the end."""

    def __init__(
        self, files: FileTables, databases: DatabaseTables, datasets: Sequence[AskedDataset], opened: ExitStack
    ) -> None:
        self._files = files
        self._databases = databases
        self._datasets = datasets
        self._opened = opened
        self._salt = secrets.randbits(63)
        self._relations: dict[Scan, Relation] = {}
        self._snapshots: dict[Database, Snapshot] = {}

    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        databases = {self._database(scan) for scan in source.scans}
        if len(databases) > 1:
            raise StateConflict("Tables of files and of databases, or of several databases, cannot be joined.")
        (database,) = databases
        relations = [self._relation(scan, database) for scan in source.scans]
        salts = [self._salt if scan.samples else 0 for scan in source.scans]
        if database is None:
            return measure(DUCKDB, relations, source, keys, measures, salts, self._files.run)
        snapshot = self._snapshots[database]
        return measure(snapshot.dialect, relations, source, keys, measures, salts, snapshot.run)

    def _database(self, scan: Scan) -> Database | None:
        """The database that a scan's table is in, None for a file."""
        dataset = self._datasets[scan.dataset]
        if dataset.metadata.connector is None:
            raise StateConflict(f"The metadata of the dataset {dataset.name} do not say where its rows are.")
        if dataset.path is not None:
            return None
        if dataset.metadata.connector.type_name != "postgresql":
            raise StateConflict(f"The file of the dataset {dataset.name} is not there: ask its owner.")
        return database_of(dataset.metadata)

    def _relation(self, scan: Scan, database: Database | None) -> Relation:
        if scan not in self._relations:
            dataset = self._datasets[scan.dataset]
            table = _table_of(dataset, scan)
            if database is None:
                assert dataset.path is not None
                assert dataset.metadata.connector is not None
                self._relations[scan] = self._files.table(dataset.path, dataset.metadata.connector, table)
            else:
                if database not in self._snapshots:
                    self._snapshots[database] = self._opened.enter_context(self._databases.snapshot(database))
                snapshot = self._snapshots[database]
                self._relations[scan] = snapshot.table(scan.schema, table, scan.unit)
        return self._relations[scan]


def _table_of(dataset: AskedDataset, scan: Scan) -> TableMetadata:
    """What the metadata say of a scan's table."""
    return next(
        table for schema, table in dataset.metadata.tables if (schema.name, table.name) == (scan.schema, scan.table)
    )
