"""The tables that private queries are measured on: generated ones, and the census sample of examples/census."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, DatasetMetadata
from quinta.privacy.metadata.reader import YamlMetadataReader

ROOT: Final = Path(__file__).parents[1]
JOBS: Final = ("clerk", "driver", "nurse", "pilot", "smith", "teacher")
REGIONS: Final = ("north", "east", "south", "west", "centre", "islands", "mountains", "coast")
_NO_END: Final = 1e9


@dataclass(frozen=True)
class Table:
    """A csv file, what its owner says of it, and where it stands in statements."""

    name: str
    path: Path
    meta: str
    at: str
    rows: int

    @property
    def metadata(self) -> DatasetMetadata:
        return YamlMetadataReader().read(self.meta)


def generated(folder: Path, rows: int, rows_per_unit: int = 1) -> Table:
    """``rows`` of people with an age, an income, a job and a region, the same each time; ids in no order. With more
    rows of a unit than one, all but one of each must be left out of an answer (max_ids 1)."""
    name = f"people_{rows}_{rows_per_unit}"
    path = folder / f"{name}.csv"
    jobs, regions = list(JOBS), list(REGIONS)  # a list of texts is written in SQL as it is in Python
    drawn = (
        f"SELECT (i * 7919 + 13) % {rows} // {rows_per_unit} AS id, 17 + hash(i) % 74 AS age,"
        " round(20000 + 1000 * sqrt(hash(i + 1000000007) % 10000), 2) AS income,"
        f" ({jobs})[1 + CAST(sqrt(hash(i + 2000000011) % 36) AS BIGINT) % {len(JOBS)}] AS job,"
        f" ({regions})[1 + CAST(hash(i + 3000000019) % {len(REGIONS)} AS BIGINT)] AS region"
        f" FROM range({rows}) AS numbers(i)"
    )
    with duckdb.connect(":memory:") as database:
        database.execute(f"COPY ({drawn}) TO '{path}' (HEADER, DELIMITER ',')")
    columns = [
        {"data": {"name": "id", "data_type_name": "int"}, "private_sql": {"private_id": True}},
        _bounded("age", "int", 0, 100),
        _bounded("income", "float", 0, 200_000),
        {"data": {"name": "job", "data_type_name": "string"}, "private_sql": {"allowed_values": list(JOBS)}},
        {"data": {"name": "region", "data_type_name": "string"}, "private_sql": {"allowed_values": list(REGIONS)}},
    ]
    return Table(name, path, json.dumps(_meta(name, path, rows, columns)), "work.people", rows)


def _bounded(name: str, type_: str, lower: int, upper: int) -> dict[str, Any]:
    bounds = {"bounded": True, "lower": lower, "upper": upper}
    return {"data": {"name": name, "data_type_name": type_}, "private_sql_and_synthesis": bounds}


def _meta(name: str, path: Path, rows: int, columns: list[dict[str, Any]]) -> dict[str, Any]:
    table = {
        "attributes": {
            "data": {"name": "people", "rows": rows},
            "differential_privacy": {"privacy_column": "id", "budget_epsilon": _NO_END, "budget_delta": 1e-6},
            "private_sql": {"max_ids": 1, "censor_dims": True},
        },
        "child_nodes": {f"column_{number}": {"attributes": column} for number, column in enumerate(columns)},
    }
    schema = {"attributes": {"data": {"name": "work"}}, "child_nodes": {"table": table}}
    connector = {"type_name": "csv", "uri": str(path), "use_original_header": True}
    database = {
        "attributes": {"data": {"name": "files"}, "connector": connector},
        "child_nodes": {"schema": schema},
    }
    dataset = {
        "attributes": {"data": {"name": name}, "differential_privacy": {"privacy_level": 2}},
        "child_nodes": {"database": database},
    }
    node = {"dataset": dataset}
    return {"meta_dataset": {"format": "simple", "specification": "dataset_v1", "node": node}}


def census(folder: Path) -> Table:
    """The sample as it is shipped, but for names of columns: SmartNoise's grammar knows no ``hours-per-week``."""
    source = ROOT / "examples" / "census"
    head, _, body = (source / "census.csv").read_text().partition("\n")
    meta = (source / "census.yaml").read_text()
    for name in head.split(","):
        meta = meta.replace(f"name: {name},", f"name: {name.replace('-', '_')},")
    path = folder / "census.csv"
    path.write_text(f"{head.replace('-', '_')}\n{body}")
    meta = meta.replace("uri: census.csv", f"uri: {path}")
    return Table("census", path, meta, "us.adults", body.count("\n"))


def smartnoise_metadata(table: Table) -> dict[str, Any]:
    """What SmartNoise is told of the same table: the same bounds, unit and switches."""
    ((schema, found),) = table.metadata.tables
    said: dict[str, Any] = {
        "row_privacy": found.row_privacy,
        "max_ids": found.max_ids,
        "sample_max_ids": found.sample_max_ids,
        "censor_dims": found.censor_dims,
        "clamp_counts": found.clamp_counts,
        "clamp_columns": found.clamp_columns,
        "rows": found.rows,
    }
    said |= {column.name: _smartnoise_column(column, found.privacy_column) for column in found.columns}
    return {"": {schema.name: {found.name: said}}}


def _smartnoise_column(column: ColumnMetadata, unit: str | None) -> dict[str, Any]:
    said: dict[str, Any] = {"type": str(column.type.value), "private_id": column.name == unit}
    if column.type in (ColumnType.INT, ColumnType.FLOAT) and column.lower is not None and column.upper is not None:
        said |= {"lower": column.lower, "upper": column.upper}
    return said
