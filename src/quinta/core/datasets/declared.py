"""A dataset's metadata as JSON, for code that runs where the rows are and has no reader of YAML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from quinta.core.datasets.masking import without_columns
from quinta.core.datasets.metadata import ConnectorMetadata, DatasetMetadata, TableMetadata


def declared_json(metadata: DatasetMetadata) -> str:
    """The members of DatasetMetadata by their names, moments as ISO 8601. Where the rows are and how to get in there is
    left out: a run is given a file."""
    if metadata.connector is not None:
        connector = replace(metadata.connector, uri="", host="", username="", password="")
        metadata = replace(metadata, connector=connector)
    return json.dumps(asdict(metadata), default=_text)


def metadata_without(metadata: DatasetMetadata, hidden: frozenset[str], dropped: Sequence[int]) -> DatasetMetadata:
    """The metadata for who may not know of the columns ``hidden``, which stood at the places ``dropped`` of the file.
    What is said of the rows in free texts is left out: it may be said of those columns."""
    if not hidden:
        return metadata
    connector = metadata.connector
    return replace(
        metadata,
        connector=None if connector is None else _connector_without(connector, hidden, dropped),
        schemas=tuple(
            replace(schema, tables=tuple(_table_without(table, hidden) for table in schema.tables))
            for schema in metadata.schemas
        ),
        mean="",
        deviation="",
        statistics="",
        sample=without_columns(metadata.sample, hidden),
    )


def _connector_without(
    connector: ConnectorMetadata, hidden: frozenset[str], dropped: Sequence[int]
) -> ConnectorMetadata:
    header, index = connector.header_columns, connector.index_column
    if isinstance(index, int):
        index = None if index in dropped else index - sum(place < index for place in dropped)
    return replace(
        connector,
        header_columns=None if header is None else tuple(name for name in header if name not in hidden),
        index_column=None if index in hidden else index,
        na_values={name: values for name, values in connector.na_values.items() if name not in hidden},
    )


def _table_without(table: TableMetadata, hidden: frozenset[str]) -> TableMetadata:
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name not in hidden),
        privacy_column=None if table.privacy_column in hidden else table.privacy_column,
    )


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that metadata holds")
