"""Reading what callers and user code send as JSON, without letting one large text hold up everybody else.

The decoder of Python holds the interpreter while it works: 16 MiB of ``[],[],`` keep it busy for 0.6 to 4 s, so a text
above ``SMALL_BYTES`` is read in another process. What comes back from there is small, and text where it is not:
nobody in the server needs the values themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quinta.core.errors import InvalidInput
from quinta.core.models.model import Field, ValueType
from quinta.core.ports import Apart
from quinta.core.reasons import Reason
from quinta.core.requests.values import blob_fields, check_fields, check_value, read_json, write_json
from quinta.kit.ids import parse_id

SMALL_BYTES = 131_072
"""Bytes that are read on the spot: 20 ms in the worst case on a slow machine, and no detour for nearly all."""
MOST_MEMBERS = 10_000
"""Members and items of a body that says what to do, at all depths. Looking for what is wrong with half a million of
them took 20 s."""
MOST_NAMED = 20
"""Undeclared members of a result that a log line names."""

BlobIds = dict[str, str]
"""Ids of blobs by input field."""


@dataclass(frozen=True, slots=True)
class Input:
    """One item of a batch: its JSON text, and the blobs it names."""

    text: str
    blob_ids: BlobIds


@dataclass(frozen=True, slots=True)
class Result:
    """A result as callers get it, and the first of the members that its model does not declare, which are left out."""

    text: str
    undeclared: tuple[str, ...] = ()


class Reader:
    """Reads inputs and results, small ones on the spot and large ones apart. InvalidInput says what is wrong."""

    def __init__(self, apart: Apart) -> None:
        self._apart = apart

    async def value(self, text: bytes, most: int = MOST_MEMBERS) -> Any:
        """The value of a JSON text that has at most ``most`` members and items, at all depths."""
        if len(text) <= SMALL_BYTES:
            return read_bounded(text, most)
        return await self._apart.call(read_bounded, text, most)

    async def members(self, text: bytes, names: Sequence[str]) -> dict[str, str]:
        """The JSON texts, in ASCII, of those of ``names`` that the object in a JSON text has; InvalidInput when the
        text is no object."""
        if len(text) <= SMALL_BYTES:
            return read_members(text, names)
        return await self._apart.call(read_members, text, names)

    async def object(self, text: bytes) -> str:
        """The JSON text, in ASCII and without spaces, of the object in a JSON text; InvalidInput when it is none."""
        if len(text) <= SMALL_BYTES:
            return read_object(text)
        return await self._apart.call(read_object, text)

    async def check(self, text: bytes) -> None:
        """Only that it is one JSON value, of whatever kind and size."""
        if len(text) <= SMALL_BYTES:
            check_json(text)
        else:
            await self._apart.call(check_json, text)

    async def parts(self, text: str, parts: Sequence[Mapping[str, str]]) -> list[str]:
        """The JSON texts of what the objects of a pipeline get of another's: for each the source's field by its own.

        ``text`` was checked. A plain one, a string, goes on as it is.
        """
        if len(text) <= SMALL_BYTES:
            return read_parts(text, parts)
        return await self._apart.call(read_parts, text, parts)

    async def input(self, data: bytes, value_type: ValueType, fields: tuple[Field, ...]) -> BlobIds:
        """Checks the JSON text of one input; answers the blobs it names."""
        if len(data) <= SMALL_BYTES:
            return read_input(data, value_type, fields)
        return await self._apart.call(read_input, data, value_type, fields)

    async def batch(self, data: bytes, value_type: ValueType, fields: tuple[Field, ...], most: int) -> list[Input]:
        """The inputs in the JSON text of a list, 1 to ``most``; anything but a list is a batch of one."""
        if len(data) <= SMALL_BYTES:
            return read_batch(data, value_type, fields, most)
        return await self._apart.call(read_batch, data, value_type, fields, most)

    async def result(
        self, text: bytes, value_type: ValueType, fields: tuple[Field, ...], blob_ids: Mapping[str, str]
    ) -> Result:
        """The result that user code gave as ``text``, with ``blob_ids`` in the place of the files it named."""
        if len(text) <= SMALL_BYTES:
            return read_result(text, value_type, fields, blob_ids)
        return await self._apart.call(read_result, text, value_type, fields, dict(blob_ids))

    async def overlaid(self, below: str, above: str) -> str:
        """The JSON text of an object with the members of two, those of ``above`` where both have one. Both were
        checked."""
        if len(below) + len(above) <= SMALL_BYTES:
            return read_overlaid(below, above)
        return await self._apart.call(read_overlaid, below, above)


def check_json(text: bytes) -> None:
    read_json(text)


def read_bounded(text: bytes, most: int) -> Any:
    value = read_json(text)
    left, seen = [value], 0
    while left:
        inner = left.pop()
        if isinstance(inner, (list, dict)):
            seen += len(inner)
            if seen > most:
                raise InvalidInput(f"the JSON has more than {most:,} members and items")
            left.extend(inner.values() if isinstance(inner, dict) else inner)
    return value


def read_members(text: bytes, names: Sequence[str]) -> dict[str, str]:
    value = _an_object(text)
    return {name: _written(value[name]) for name in names if name in value}


def read_object(text: bytes) -> str:
    return _written(_an_object(text))


def _an_object(text: bytes) -> dict[str, Any]:
    value = read_json(text)
    if not isinstance(value, dict):
        raise InvalidInput("the JSON must be an object")
    return value


def _written(value: Any) -> str:
    """JSON text of a value that was not checked yet: numbers like 1e999 are infinite, and the writer goes less deep
    than the reader."""
    try:
        return write_json(value)
    except (ValueError, RecursionError):
        raise InvalidInput("the JSON has a number beyond the range of a double, or is nested too deeply") from None


def read_parts(text: str, parts: Sequence[Mapping[str, str]]) -> list[str]:
    value = read_json(text)
    if isinstance(value, str):
        return [text] * len(parts)
    return [write_json({field: value[source] for field, source in part.items()}) for part in parts]


def read_input(data: bytes, value_type: ValueType, fields: tuple[Field, ...]) -> BlobIds:
    value = read_json(data)
    check_value(value, value_type, fields, "the request data")
    return named_blobs(value, fields)


def named_blobs(value: Any, fields: tuple[Field, ...]) -> BlobIds:
    """The blobs that a checked input names."""
    return {field: parse_id(value[field]) or value[field] for field in blob_fields(fields)}


def read_batch(data: bytes, value_type: ValueType, fields: tuple[Field, ...], most: int) -> list[Input]:
    value = read_json(data)
    items = value if isinstance(value, list) else [value]
    if not 1 <= len(items) <= most:
        raise InvalidInput(f"a batch has 1 to {most} requests, not {len(items)}")
    inputs = []
    for number, item in enumerate(items, 1):
        what = "the request data" if len(items) == 1 else f"item {number} of the batch"
        check_value(item, value_type, fields, what)
        inputs.append(Input(write_json(item), named_blobs(item, fields)))
    return inputs


def read_result(text: bytes, value_type: ValueType, fields: tuple[Field, ...], blob_ids: Mapping[str, str]) -> Result:
    """What is wrong with the result has its reason."""
    value: Any = None
    reason = Reason.RESULT_NOT_JSON
    try:
        value = read_json(text)
        reason = Reason.RESULT_WRONG_TYPE
        return _checked_result(text, value, value_type, fields, blob_ids)
    except InvalidInput as error:
        missing = isinstance(value, dict) and error.field is not None and error.field not in value
        error.reason = Reason.RESULT_MISSING_FIELD if missing else reason
        raise


def _checked_result(
    text: bytes, value: Any, value_type: ValueType, fields: tuple[Field, ...], blob_ids: Mapping[str, str]
) -> Result:
    if value_type is ValueType.PLAIN or not isinstance(value, dict):
        check_value(value, value_type, fields, "the result")
        return Result(text.decode())
    replaced = {field: blob_id for field, blob_id in blob_ids.items() if field in value}
    value.update(replaced)
    check_fields(value, fields, "the result")
    if len(value) == len(fields):
        return Result(write_json(value) if replaced else text.decode())
    known = {field.name for field in fields}
    undeclared = [name for name in value if name not in known]
    declared = {name: item for name, item in value.items() if name in known}
    return Result(write_json(declared), tuple(name[:80] for name in sorted(undeclared[:MOST_NAMED])))


def read_overlaid(below: str, above: str) -> str:
    return write_json({**read_json(below), **read_json(above)})
