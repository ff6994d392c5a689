"""Values of fields as values of columns, for databases (contract ubiops 5.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from quinta.core.models.model import DataType

Convert = Callable[[Any], Any]

_WHOLE = {DataType.INT}
_NUMBERS = {DataType.INT, DataType.DOUBLE}
_TEXTS = {DataType.STRING, DataType.TIMESTAMP, DataType.BLOB}
_ARRAYS = {DataType.ARRAY_INT, DataType.ARRAY_DOUBLE, DataType.ARRAY_STRING}
_ELEMENTS = {
    DataType.ARRAY_INT: DataType.INT,
    DataType.ARRAY_DOUBLE: DataType.DOUBLE,
    DataType.ARRAY_STRING: DataType.STRING,
}


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def moment(value: str) -> datetime:
    """An ISO 8601 time in UTC; one without a zone is UTC already (contract ubiops 9.3)."""
    read = datetime.fromisoformat(value)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _unchanged(value: Any) -> Any:
    return value


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _without_zone(value: str) -> datetime:
    return moment(value).replace(tzinfo=None)


_SCALARS: Mapping[str, tuple[set[DataType], Convert]] = {
    "bool": ({DataType.BOOL}, _unchanged),
    "date": ({DataType.STRING, DataType.TIMESTAMP}, lambda value: moment(value).date()),
    "float4": (_NUMBERS, float),
    "float8": (_NUMBERS, float),
    "int2": (_WHOLE, _unchanged),
    "int4": (_WHOLE, _unchanged),
    "int8": (_WHOLE, _unchanged),
    "numeric": (_NUMBERS, _decimal),
    "timestamp": ({DataType.STRING, DataType.TIMESTAMP}, _without_zone),
    "timestamptz": ({DataType.STRING, DataType.TIMESTAMP}, moment),
}
_ANY_AS_TEXT = frozenset({"bpchar", "text", "varchar"})
_ANY_AS_JSON = frozenset({"json", "jsonb"})


def postgresql_conversion(data_type: DataType, column_type: str) -> Convert | None:
    """How a field's value becomes one of a column whose type PostgreSQL calls that; None when it cannot.

    Text and JSON columns take everything. Types that are not known here (enums, uuid, inet …) take strings.
    """
    if column_type in _ANY_AS_JSON:
        return as_json
    if column_type in _ANY_AS_TEXT:
        return _unchanged if data_type in _TEXTS else as_json
    if column_type in _SCALARS:
        takes, convert = _SCALARS[column_type]
        return convert if data_type in takes else None
    if column_type.endswith("[]"):
        element = _ELEMENTS.get(data_type)
        convert_one = None if element is None else postgresql_conversion(element, column_type[:-2])
        return None if convert_one is None else lambda value: [convert_one(item) for item in value]
    return _unchanged if data_type in _TEXTS else None


def mysql_value(data_type: DataType, value: Any) -> Any:
    """A field's value for MySQL, which converts to the column's type itself: arrays as JSON, times in UTC."""
    if data_type in _ARRAYS:
        return as_json(value)
    if data_type is DataType.TIMESTAMP:
        return _without_zone(value).isoformat(" ", "microseconds")
    return value
