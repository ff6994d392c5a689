"""What may go in and out of a model: a table of refusals, each beside the value next to it that passes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from quinta.core.models.model import DataType, Field, ValueType
from quinta.core.requests.values import check_value, read_json, write_json

UUID = "0190a6b2-0000-7000-8000-000000000001"
PASSES: list[tuple[DataType, Any]] = [
    (DataType.INT, 0),
    (DataType.INT, -(10**30)),
    (DataType.DOUBLE, 0.5),
    (DataType.DOUBLE, 123),
    (DataType.STRING, ""),
    (DataType.STRING, "\u00fc\U0001f600\ud800"),
    (DataType.BOOL, False),
    (DataType.TIMESTAMP, "2020-01-01T00:00:00Z"),
    (DataType.TIMESTAMP, "2020-01-01"),
    (DataType.ARRAY_INT, []),
    (DataType.ARRAY_INT, [1, 2]),
    (DataType.ARRAY_DOUBLE, [1, 2.5]),
    (DataType.ARRAY_STRING, ["", "a"]),
    (DataType.BLOB, UUID),
    (DataType.BLOB, UUID.upper()),
]
REFUSED: list[tuple[DataType, Any]] = [
    (DataType.INT, True),
    (DataType.INT, 1.0),
    (DataType.INT, "1"),
    (DataType.DOUBLE, False),
    (DataType.DOUBLE, math.inf),
    (DataType.DOUBLE, math.nan),
    (DataType.DOUBLE, 10**400),
    (DataType.STRING, 1),
    (DataType.BOOL, 0),
    (DataType.TIMESTAMP, "yesterday"),
    (DataType.TIMESTAMP, 1577836800),
    (DataType.ARRAY_INT, [1, True]),
    (DataType.ARRAY_INT, [1, 2.0]),
    (DataType.ARRAY_INT, 1),
    (DataType.ARRAY_DOUBLE, [1, None]),
    (DataType.ARRAY_STRING, "ab"),
    (DataType.BLOB, "picture.png"),
    (DataType.BLOB, [UUID]),
]


def _check(data_type: DataType, value: Any) -> None:
    check_value({"field": value}, ValueType.STRUCTURED, (Field("field", data_type),), "the request data")


@pytest.mark.parametrize(("data_type", "value"), PASSES)
def test_passes(data_type: DataType, value: Any) -> None:
    _check(data_type, value)


@pytest.mark.parametrize(("data_type", "value"), [*REFUSED, *((data_type, None) for data_type in DataType)])
def test_is_refused_by_name(data_type: DataType, value: Any) -> None:
    with pytest.raises(InvalidInput, match="'field' of the request data must be") as refusal:
        _check(data_type, value)
    assert refusal.value.field == "field"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "lacks the field 'field'"),
        ({"field": 1, "more": 2}, "unknown fields: more"),
        ([1], "must be an object"),
        ("text", "must be an object"),
        (None, "it is null"),
    ],
)
def test_the_shape_of_structured_input(value: Any, says: str) -> None:
    fields = (Field("field", DataType.INT),)
    with pytest.raises(InvalidInput, match=says):
        check_value(value, ValueType.STRUCTURED, fields, "the request data")
    check_value({"field": 1}, ValueType.STRUCTURED, fields, "the request data")


def test_plain_input_is_a_string() -> None:
    check_value("", ValueType.PLAIN, (), "the request data")
    with pytest.raises(InvalidInput, match="must be a string; it is an integer"):
        check_value(1, ValueType.PLAIN, (), "the request data")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b'{"a": 1', "not JSON"),
        (b"", "is empty"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5_000, "number that cannot be read"),
    ],
)
def test_text_that_is_no_json(text: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read_json(text)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_json)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert read_json(write_json(value)) == value
    assert read_json(json.dumps(value).encode()) == value
