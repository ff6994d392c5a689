"""A dataset about people and their orders, and how tests ask about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ColumnType,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)
from quinta.core.queries.model import AskedDataset, Question
from quinta.privacy.queries.analysis import analyse
from quinta.privacy.queries.tree import Plan

# Numbers that no statement of a test contains: if one turns up in a sentence, the metadata told it.
LOWEST, HIGHEST, CARDINALITY, ROWS = 3.0, 91723.0, 7717, 55117
SILENT_VALUE = "canary-tier"

PEOPLE = TableMetadata(
    name="people",
    columns=(
        ColumnMetadata("id", ColumnType.INT, private_id=True),
        ColumnMetadata("household", ColumnType.INT, private_id=False),
        ColumnMetadata("age", ColumnType.INT, bounded=True, lower=0, upper=90),
        ColumnMetadata("visits", ColumnType.INT, bounded=True, lower=-20, upper=5000),
        ColumnMetadata("income", ColumnType.FLOAT, bounded=True, lower=LOWEST, upper=HIGHEST),
        ColumnMetadata("balance", ColumnType.FLOAT, bounded=True, lower=-HIGHEST, upper=HIGHEST),
        ColumnMetadata("city", ColumnType.STRING, selectable=True),
        ColumnMetadata("mail", ColumnType.STRING, selectable=True, mask="(.*)@"),
        ColumnMetadata("tier", ColumnType.STRING, allowed_values=("gold", SILENT_VALUE)),
        ColumnMetadata("stars", ColumnType.INT, allowed_values=(1, 3, 5)),
        ColumnMetadata("branch", ColumnType.STRING, cardinality=CARDINALITY),
        ColumnMetadata("member", ColumnType.BOOLEAN),
        ColumnMetadata("note", ColumnType.STRING),
        ColumnMetadata("points", ColumnType.FLOAT),
        ColumnMetadata("hidden", ColumnType.INT, bounded=True, lower=0, upper=HIGHEST),
        ColumnMetadata(
            "seen", ColumnType.DATETIME, lower=datetime(2020, 3, 1, tzinfo=UTC), upper=datetime(2023, 5, 1, tzinfo=UTC)
        ),
        ColumnMetadata(
            "wealth", ColumnType.FLOAT, use_auto_bounds=True, auto_bounds_prob=0.8, auto_lower=0.0, auto_upper=5e6
        ),
        ColumnMetadata("Mixed Case", ColumnType.INT, bounded=True, lower=0, upper=9),
        ColumnMetadata("vast", ColumnType.FLOAT, bounded=True, lower=0.0, upper=1e18),
    ),
    privacy_level=2,
    privacy_column="id",
    rows=ROWS,
    max_ids=3,
)
ORDERS = TableMetadata(
    name="orders",
    columns=(
        ColumnMetadata("person", ColumnType.INT, private_id=True),
        ColumnMetadata("amount", ColumnType.FLOAT, bounded=True, lower=0.0, upper=500.0),
        ColumnMetadata("kind", ColumnType.STRING, cardinality=CARDINALITY),
        ColumnMetadata("place", ColumnType.STRING, selectable=True),
    ),
    privacy_level=2,
    privacy_column="person",
    max_ids=2,
    tau=7.0,
)
EVENTS = TableMetadata(
    name="events",
    columns=(ColumnMetadata("size", ColumnType.INT, bounded=True, lower=0, upper=9),),
    privacy_level=2,
    row_privacy=True,
    max_ids=4,
)
NOBODY = replace(EVENTS, name="nobody", row_privacy=False)
MAIN = SchemaMetadata("main", (PEOPLE, ORDERS, EVENTS, NOBODY))


def dataset(*schemas: SchemaMetadata, name: str = "shop", **members: Any) -> AskedDataset:
    metadata = DatasetMetadata(name, "", 2, None, schemas or (MAIN,))
    rules = members.pop("rules", MaskRules(hidden=frozenset({"hidden"})))
    return AskedDataset(f"id of {name}", name, metadata, rules, **members)


def people(**members: Any) -> AskedDataset:
    """The dataset with members of the table of people replaced."""
    return dataset(SchemaMetadata("main", (replace(PEOPLE, **members), ORDERS, EVENTS, NOBODY)))


def plan(statement: str, *datasets: AskedDataset, **members: Any) -> Plan:
    return analyse(Question(statement, datasets or (dataset(),), 1_000_000_000, **members))
