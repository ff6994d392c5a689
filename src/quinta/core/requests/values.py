"""What may go into a model and what may come out: JSON, checked against fields (contract ubiops 5.4).

One function reads (``read_json``), one checks (``check_value``), in both directions, so that a rule holds for direct
and batch requests, inputs and results alike.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from quinta.core.errors import InvalidInput
from quinta.core.models.model import DataType, Field, ValueType
from quinta.kit.ids import parse_id


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput(f"{name} is not a JSON number")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text. InvalidInput says what is wrong with it; NaN and Infinity are refused."""
    try:
        return _decoder.decode(text if isinstance(text, str) else text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8: byte {error.start} cannot be decoded") from None
    except json.JSONDecodeError as error:
        if not text.strip():
            raise InvalidInput("the body is empty: JSON is needed") from None
        raise InvalidInput(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise InvalidInput("the body is nested too deeply") from None
    except ValueError:  # Python's limit, without which one number could hold the server up for minutes
        digits = sys.get_int_max_str_digits()
        raise InvalidInput(f"the body has a number that cannot be read: it has more than {digits} digits") from None


def write_json(value: Any) -> str:
    """JSON text of a value that ``read_json`` gave: ASCII only, as the era's server wrote it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def check_value(value: Any, value_type: ValueType, fields: tuple[Field, ...], what: str) -> None:
    """InvalidInput unless ``value`` is a string (plain), or an object with exactly ``fields`` (structured).

    ``what`` names the value in messages: "the request data".
    """
    if value_type is ValueType.PLAIN:
        if not isinstance(value, str):
            raise InvalidInput(f"{what} must be a string; it is {_kind(value)}")
        return
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be an object with {_names(fields)}; it is {_kind(value)}")
    check_fields(value, fields, what)
    if len(value) > len(fields):
        known = {field.name for field in fields}
        unknown = sorted(str(name)[:80] for name in value if name not in known)
        raise InvalidInput(
            f"{what} has unknown fields: {', '.join(unknown[:5])}; known: {_names(fields)}", field=unknown[0]
        )


def check_fields(value: dict[str, Any], fields: tuple[Field, ...], what: str) -> None:
    """InvalidInput unless every field is there with a value of its type. Other members are not looked at."""
    for field in fields:
        if field.name not in value:
            raise InvalidInput(f"{what} lacks the field '{field.name}' ({field.data_type})", field=field.name)
        item = value[field.name]
        if not _CHECKS[field.data_type](item):
            raise InvalidInput(
                f"field '{field.name}' of {what} must be {_WANTED[field.data_type]}; it is {_kind(item)}",
                field=field.name,
            )


def blob_fields(fields: tuple[Field, ...]) -> tuple[str, ...]:
    return tuple(field.name for field in fields if field.data_type is DataType.BLOB)


def _is_int(value: Any) -> bool:
    return type(value) is int


def _is_double(value: Any) -> bool:
    """Integers pass: official scripts send 123 for a double. One beyond the range of a double does not."""
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int and -_LARGEST <= value <= _LARGEST


def _is_timestamp(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _array_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


_LARGEST = int(1.7976931348623157e308)
_CHECKS: dict[DataType, Callable[[Any], bool]] = {
    DataType.INT: _is_int,
    DataType.DOUBLE: _is_double,
    DataType.STRING: lambda value: isinstance(value, str),
    DataType.BOOL: lambda value: isinstance(value, bool),
    DataType.TIMESTAMP: _is_timestamp,
    DataType.ARRAY_INT: _array_of(_is_int),
    DataType.ARRAY_DOUBLE: _array_of(_is_double),
    DataType.ARRAY_STRING: _array_of(lambda value: isinstance(value, str)),
    DataType.BLOB: lambda value: isinstance(value, str) and parse_id(value) is not None,
}
_WANTED = {
    DataType.INT: "an integer",
    DataType.DOUBLE: "a finite number",
    DataType.STRING: "a string",
    DataType.BOOL: "true or false",
    DataType.TIMESTAMP: "a string with an ISO 8601 time",
    DataType.ARRAY_INT: "an array of integers",
    DataType.ARRAY_DOUBLE: "an array of finite numbers",
    DataType.ARRAY_STRING: "an array of strings",
    DataType.BLOB: "the id (UUID) of a blob",
}
_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def _kind(value: Any) -> str:
    if isinstance(value, float):
        return "a number with a fraction" if math.isfinite(value) else "a number beyond the range of a double"
    if isinstance(value, list):
        kinds = sorted({_KINDS.get(type(item), "a number") for item in value})
        return f"an array of {' and '.join(kinds)}" if kinds else "an empty array"
    return _KINDS.get(type(value), type(value).__name__)


def _names(fields: tuple[Field, ...]) -> str:
    names = ", ".join(f"'{field.name}' ({field.data_type})" for field in fields[:10])
    return f"the fields {names}" + (" …" if len(fields) > 10 else "")
