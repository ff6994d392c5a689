"""Metadata of datasets that tests register: one file with one table, in the simple format (contract dq0 6.5)."""

from __future__ import annotations

from pathlib import Path

UNIT = "data: {name: id, data_type_name: int}, private_sql: {private_id: true}"
AGE = "data: {name: age, data_type_name: int}, private_sql_and_synthesis: {bounded: true, lower: 0, upper: 100}"
"""Columns that most of them have."""


def metadata_text(
    uri: str | Path,
    *columns: str,
    table: str,
    name: str = "people",
    description: str = "people",
    level: int = 2,
    database: str = "db",
    budget: float | None = None,
) -> str:
    """``columns`` and ``table`` are groups of attributes, as they stand between the braces of YAML."""
    head = "" if budget is None else f"privacy_budget: {budget}\n"
    lines = "".join(f"column_{place}: {{attributes: {{{column}}}}}, " for place, column in enumerate(columns))
    return f"""{head}meta_dataset:
  format: simple
  specification: dataset_v1
  node:
    dataset:
      attributes:
        data: {{name: {name}, description: {description}}}
        differential_privacy: {{privacy_level: {level}}}
      child_nodes:
        database:
          attributes:
            data: {{name: {database}}}
            connector: {{type_name: csv, uri: "{uri}", use_original_header: true}}
          child_nodes:
            schema:
              attributes: {{data: {{name: LR}}}}
              child_nodes:
                table:
                  attributes: {{{table}}}
                  child_nodes: {{{lines}}}
"""
