"""Rules about the fields of one side of a model, or of a pipeline's input (contract ubiops 5.3, 5.4)."""

from __future__ import annotations

from collections import Counter

from quinta.core.errors import InvalidInput
from quinta.core.models.model import Field, ValueType
from quinta.core.names import check_field_name


def check_fields_of(side: str, value_type: ValueType, fields: tuple[Field, ...]) -> None:
    """Structured needs at least one field, plain takes none; names are unique. ``side``: "input" or "output"."""
    if value_type is ValueType.PLAIN:
        if fields:
            raise InvalidInput(f"a plain {side} has no fields: leave {side}_fields out", field=f"{side}_fields")
        return
    if not fields:
        raise InvalidInput(f"a structured {side} needs at least one field", field=f"{side}_fields")
    for name, count in Counter(check_field_name(field.name) for field in fields).items():
        if count > 1:
            raise InvalidInput(f"{side}_fields names '{name}' {count} times", field=f"{side}_fields")
