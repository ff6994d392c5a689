"""What is known of a dataset's rows: dataset, database, schemas, tables, columns (contract dq0 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from quinta.core.datasets.model import DEFAULT_PERMISSIONS, DataPermission


class ColumnType(StrEnum):
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    FLOAT = "float"
    INT = "int"
    STRING = "string"


Bound = int | float | datetime
"""Of the column's own type."""


@dataclass(frozen=True, slots=True)
class ColumnMetadata:
    """One column. ``allowed_values`` are publicly known; ``lower`` and ``upper`` are declared, never read from rows."""

    name: str
    type: ColumnType
    description: str = ""
    is_public: bool = False
    selectable: bool = False
    private_id: bool = False
    bounded: bool = False
    lower: Bound | None = None
    upper: Bound | None = None
    use_auto_bounds: bool = False
    auto_bounds_prob: float | None = None
    auto_lower: Bound | None = None
    auto_upper: Bound | None = None
    allowed_values: tuple[str | int | float | datetime, ...] | None = None
    mask: str | None = None
    cardinality: int | None = None
    synthesizable: bool = False
    discrete: bool = False
    min_step: float | None = None
    is_feature: bool = False
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class TableMetadata:
    """One table. ``privacy_level`` is the effective one: its own, else the nearest above it that says one.

    ``privacy_column`` is the column that identifies whom the queries protect: the declared one, else the one with
    ``private_id``; None where every row is one individual (``row_privacy``) or nothing is said.
    ``censor_dims_declared`` is what the file says, None where it says nothing.
    """

    name: str
    columns: tuple[ColumnMetadata, ...]
    privacy_level: int
    description: str = ""
    is_public: bool = False
    rows: int = 0
    budget_epsilon: float | None = None
    budget_delta: float | None = None
    privacy_column: str | None = None
    row_privacy: bool = False
    max_ids: int = 1
    sample_max_ids: bool = True
    censor_dims_declared: bool | None = None
    clamp_counts: bool = False
    clamp_columns: bool = True
    use_dpsu: bool = False
    tau: float | None = None
    synth_allowed: bool = False

    @property
    def censor_dims(self) -> bool:
        """Whether groups that stand for too few are left out: unless the owner has said that they need not be. The old
        format's silence meant no (contract dq0 5.2); nobody gives a protection up by saying nothing."""
        return self.censor_dims_declared is not False


@dataclass(frozen=True, slots=True)
class SchemaMetadata:
    name: str
    tables: tuple[TableMetadata, ...]
    description: str = ""
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class ConnectorMetadata:
    """Where the rows are. ``type_name``: csv, postgresql, or a file format that the query engine reads (parquet, json).

    For files ``uri`` is a path or a file:// URL. The members for csv have the names and defaults of contract dq0 6.2;
    ``password`` is left out where the object is printed. Nothing of it is for anybody but owners.
    """

    type_name: str
    uri: str = ""
    separator: str = ","
    decimal: str = "."
    header_row: tuple[int, ...] | None = None
    header_columns: tuple[str, ...] | None = None
    use_original_header: bool = True
    skip_initial_space: bool = False
    index_column: str | int | None = None
    na_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    host: str = ""
    port: int = 5432
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DatasetMetadata:
    """A dataset's metadata, whatever format it was written in.

    ``privacy_level`` is 0 (public), 1 (high) or 2 (highest). ``privacy_budget`` in epsilon and the days after which it
    is given anew are None where nothing is said. ``permissions`` and the texts after them are what its owner lets
    others see: never read from the rows, ``sample`` the JSON of a list of rows with the columns' masks applied, or "".
    """

    name: str
    description: str
    privacy_level: int
    connector: ConnectorMetadata | None
    schemas: tuple[SchemaMetadata, ...]
    is_public: bool = False
    tags: tuple[str, ...] = ()
    database_name: str = ""
    privacy_budget: float | None = None
    privacy_budget_interval_days: int | None = None
    permissions: tuple[DataPermission, ...] = DEFAULT_PERMISSIONS
    mean: str = ""
    deviation: str = ""
    statistics: str = ""
    sample: str = ""

    @property
    def tables(self) -> tuple[tuple[SchemaMetadata, TableMetadata], ...]:
        return tuple((schema, table) for schema in self.schemas for table in schema.tables)
