"""From pydantic's list of errors to one sentence for the person who made the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quinta.core.errors import InvalidInput

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
_WANTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "bool_type": "true or false",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def refusal(errors: Sequence[Mapping[str, Any]], whole: str) -> InvalidInput:
    """InvalidInput about the first of ``errors``; ``whole`` names what was checked: "the body"."""
    error = errors[0]
    member = ".".join(str(part) for part in error["loc"])
    return InvalidInput(_sentence(error, member, whole), field=member or None)


def _sentence(error: Mapping[str, Any], member: str, whole: str) -> str:
    kind: str = error["type"]
    subject = f"'{member[:120]}'" if error["loc"] else whole
    given = error.get("input")
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "missing":
        return f"the member {subject} is missing"
    if kind == "extra_forbidden":
        return f"there is no member {subject} here; leave it out"
    if kind in _WANTED:
        return f"{subject} must be {_WANTED[kind]}; it is {_KINDS.get(type(given), 'something else')}"
    if kind == "literal_error":
        return f"{subject} must be one of {context['expected']}"
    if kind == "string_unicode":
        return f"{subject} has a character that cannot be stored: half of a surrogate pair"
    if kind == "string_too_short":
        least = context["min_length"]
        return f"{subject} must not be empty" if least == 1 else f"{subject} must have at least {least} characters"
    if kind == "string_too_long":
        return f"{subject} must have at most {context['max_length']} characters"
    if kind == "value_error":
        return f"{subject} {context['error']}"
    return f"{subject} is not valid: {error['msg']}"
