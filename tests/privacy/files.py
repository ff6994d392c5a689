"""Metadata files of one dataset in the three formats."""

from __future__ import annotations

import json
from typing import Any

SIMPLE = """
meta_dataset:
  format: simple
  specification: dataset_v1
  node:
    dataset:
      attributes:
        data: {name: people, description: demo}
        differential_privacy: {privacy_level: 1}
      child_nodes:
        database:
          attributes:
            data: {name: people_db}
            connector: {type_name: csv, uri: /srv/data/people.csv, use_original_header: true}
          child_nodes:
            schema:
              attributes: {data: {name: LR}}
              child_nodes:
                table:
                  attributes:
                    data: {name: people, rows: 1000}
                    differential_privacy: {privacy_column: id, budget_epsilon: 100.0, budget_delta: 0.0001}
                    private_sql: {max_ids: 1, row_privacy: false, censor_dims: true, clamp_counts: true, tau: 10.0}
                  child_nodes:
                    column_0:
                      attributes:
                        data: {name: id, data_type_name: int}
                        private_sql: {private_id: true}
                    column_1:
                      attributes:
                        data: {name: age, data_type_name: int}
                        private_sql_and_synthesis: {bounded: true, lower: 0, upper: 100}
                        machine_learning: {is_feature: true}
                    column_2:
                      attributes:
                        data: {name: job, data_type_name: string}
                        private_sql_and_synthesis: {cardinality: 3}
                        machine_learning: {is_target: true}
"""
"""The example of contract dq0 6.5."""

OLD = """
name: people
description: demo
type: CSV
connection: /srv/data/people.csv
privacy_level: 1
privacy_column: id
LR:
  people:
    rows: 1000
    budget_epsilon: 100
    budget_delta: 0.0001
    clamp_counts: true
    censor_dims: true
    tau: 10
    id: {type: int, private_id: true}
    age: {type: int, bounded: true, lower: 0, upper: 100, is_feature: true}
    job: {type: string, cardinality: 3, is_target: true}
"""


def full(value: Any, kind: str = "dataset") -> dict[str, Any]:
    """The node of a simple tree in the full format."""
    kinds = ("dataset", "database", "schema", "table", "column")
    below = kinds[kinds.index(kind) + 1] if kind != "column" else ""
    return {
        "type_name": kind,
        "attributes": [_attribute(key, group) for key, group in value.get("attributes", {}).items()],
        "child_nodes": [full(child, below) for child in value.get("child_nodes", {}).values()],
    }


def full_text(tree: Any) -> str:
    """A file in the full format, as JSON, which is YAML too."""
    return json.dumps({"meta_dataset": {"format": "full", "specification": "dataset_v1", "node": full(tree)}})


def _attribute(key: str | None, value: Any) -> dict[str, Any]:
    names = {bool: "boolean", int: "int", float: "float", str: "string"}
    if isinstance(value, dict):
        made: dict[str, Any] = {"type_name": "list", "value": [_attribute(*item) for item in value.items()]}
    elif isinstance(value, list):
        made = {"type_name": "list", "value": [_attribute(None, item) for item in value]}
    else:
        made = {"type_name": names[type(value)], "value": value}
    return made if key is None else {**made, "key": key}
