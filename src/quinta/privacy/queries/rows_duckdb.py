"""Rows of files, in DuckDB (see rows_imports)."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import duckdb

from quinta.core.datasets.metadata import ConnectorMetadata, TableMetadata
from quinta.core.errors import StateConflict, TooLarge
from quinta.privacy.queries.rows_imports import Imports, Settings
from quinta.privacy.queries.rows_statements import Relation

_MOST_OPEN: Final = 32


class FileTables:
    """Tables of files, of which the last ones stay open. One for a process, used from one thread."""

    def __init__(self, folder: Path, memory_megabytes: int, threads: int) -> None:
        settings: Settings = {
            "memory_limit": f"{memory_megabytes}MB",
            "threads": threads,
            "temp_directory": str(folder / "spilled"),
            "max_temp_directory_size": f"{memory_megabytes * 16}MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "python_enable_replacements": False,
            "preserve_insertion_order": True,
        }
        self._imports = Imports(folder, settings)
        self._database = duckdb.connect(config=settings)
        # A folder is allowed with its / at the end: without it, everything whose path begins so.
        self._database.execute("SET allowed_directories = [?]", [f"{folder}/"])
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET enable_progress_bar = false")  # shown in programs that are no file
        self._database.execute("SET lock_configuration = true")
        self._open: OrderedDict[Path, tuple[str, int]] = OrderedDict()
        self._number = 0

    def table(self, source: str, connector: ConnectorMetadata, table: TableMetadata) -> Relation:
        """The rows of the file as it is now."""
        path = self._imports.path(source, connector, table)
        unit = table.privacy_column
        if path not in self._open:
            name = self._attach(path)
            sizes = self.run(f"SELECT coalesce(max(size), 0) FROM {name}.rows") if unit is not None else [(0,)]
            self._open[path] = name, int(sizes[0][0])
        self._open.move_to_end(path)
        name, size = self._open[path]
        columns = {column.name: f"c{index}" for index, column in enumerate(table.columns)}
        largest = {} if unit is None else {unit: size}
        return Relation(f"{name}.rows", columns, "tag", numbered=unit, largest=largest)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement).fetchall()
        except duckdb.OutOfMemoryException:
            raise TooLarge(
                "The query needs more memory than is given to one: ask about fewer rows or groups."
            ) from None
        except duckdb.Error:
            raise StateConflict("The rows of the dataset cannot be read now: ask its owner.") from None

    def close(self) -> None:
        self._database.close()

    def _attach(self, path: Path) -> str:
        self._number += 1
        name = f"f{self._number}"
        try:
            self._database.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")
        except duckdb.Error:
            raise StateConflict("The rows of the dataset cannot be read now: try again later.") from None
        while len(self._open) >= _MOST_OPEN:
            _, (oldest, _size) = self._open.popitem(last=False)
            self._database.execute(f"DETACH {oldest}")
        return name
