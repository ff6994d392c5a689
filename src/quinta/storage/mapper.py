"""Rows to frozen core types and back, by field name and annotated type: one mapper for all of them (design 2, rule 2).

Understood: ``str``, ``int``, ``float``, ``bool``, ``datetime``, ``date``, string enums, tuples of flat dataclasses
or of string enums (kept as JSON text), and each of these or None.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from sqlalchemy import Column, Table

from quinta.core.errors import InvalidInput
from quinta.storage.tables import TABLES

T = TypeVar("T")
Convert = Callable[[Any], Any]

CLEANED = frozenset({"error_message", "text"})
"""Fields that hold what user code printed or raised: characters no database takes are replaced there. Elsewhere
they are a mistake of the caller and refused."""

_AS_IT_IS = (int, float, bool, date)


class Mapper(Generic[T]):
    """Converts between one frozen type and the rows of its table. Raises TypeError for a type it cannot map."""

    def __init__(self, kind: type[T], table: Table) -> None:
        self.kind = kind
        self.table = table
        hints = get_type_hints(kind)
        self.names = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]  # T cannot say "dataclass"
        self.columns = tuple(table.c[name] for name in self.names)
        self._to_row: dict[str, Convert | None] = {}
        self._to_field: list[Convert | None] = []
        for name in self.names:
            encode, decode = _converters(name, hints[name])
            self._to_row[name] = encode
            self._to_field.append(decode)

    def column(self, name: str) -> Column[Any]:
        """The column of a field; ValueError for a name that is no field."""
        if name not in self._to_row:
            raise ValueError(f"{self.kind.__name__} has no field {name!r}")
        return self.table.c[name]

    def encode(self, name: str, value: object) -> object:
        """The column's value for one field's value. ValueError for a name that is no field, a value that is not of
        the enum, or a moment without a time zone; InvalidInput for text that no database takes."""
        self.column(name)
        encode = self._to_row[name]
        return value if encode is None or value is None else encode(value)

    def row(self, item: T) -> dict[str, object]:
        """The row to insert for an item."""
        return {name: self.encode(name, getattr(item, name)) for name in self.names}

    def item(self, row: Sequence[Any]) -> T:
        """The item of a row that was selected as ``columns``."""
        return self.kind(
            *[
                value if decode is None or value is None else decode(value)
                for decode, value in zip(self._to_field, row, strict=True)
            ]
        )


def _converters(name: str, annotation: Any) -> tuple[Convert | None, Convert | None]:
    """Field to column and column to field; None where the value stays as it is. Neither is called with None."""
    if isinstance(annotation, types.UnionType):
        (annotation,) = (part for part in get_args(annotation) if part is not types.NoneType)
    if annotation is str:
        return (_clean if name in CLEANED else _checked(name)), None
    if annotation in _AS_IT_IS:
        return None, None
    if annotation is datetime:
        return _aware, None
    if get_origin(annotation) is tuple and is_dataclass(element := get_args(annotation)[0]):
        return _json_of(element)
    if get_origin(annotation) is tuple and issubclass(element, StrEnum):
        return _json_of_words(element)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return (lambda value: str(annotation(value))), annotation
    raise TypeError(f"field {name!r}: no column can hold {annotation!r}")


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a moment needs a time zone: {value!r}")
    return value


def _checked(name: str) -> Convert:
    def encode(value: str) -> str:
        if "\x00" in value or (not value.isascii() and _has_surrogates(value)):
            raise InvalidInput(
                f"{name} has a character that cannot be stored (NUL or half a surrogate pair)", field=name
            )
        return value

    return encode


def _clean(value: str) -> str:
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _has_surrogates(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _json_of_words(element: type[StrEnum]) -> tuple[Convert, Convert]:
    def encode(items: Sequence[Any]) -> str:
        return json.dumps([str(element(item)) for item in items])

    def decode(text: str) -> tuple[Any, ...]:
        return tuple(map(element, json.loads(text)))

    return encode, decode


def _json_of(element: Any) -> tuple[Convert, Convert]:
    names = [field.name for field in fields(element)]
    hints = get_type_hints(element)
    decoders = {name: _converters(name, hints[name])[1] for name in names}

    def encode(items: Sequence[Any]) -> str:
        return json.dumps([{name: getattr(item, name) for name in names} for item in items], ensure_ascii=True)

    def decode(text: str) -> tuple[Any, ...]:
        return tuple(
            element(**{name: convert(row[name]) if (convert := decoders[name]) else row[name] for name in names})
            for row in json.loads(text)
        )

    return encode, decode


_MAPPERS: dict[type, Mapper[Any]] = {kind: Mapper(kind, table) for kind, table in TABLES.items()}


def mapper_of(kind: type[T]) -> Mapper[T]:
    """The mapper of a type that has a table; ValueError for any other."""
    if kind not in _MAPPERS:
        raise ValueError(f"{kind.__name__} has no table")
    return _MAPPERS[kind]
