"""The OpenAPI document: what the framework cannot see for itself."""

from __future__ import annotations

from typing import Any

from quinta.dialects.brainstem.shapes import Detail

Answers = dict[int | str, dict[str, Any]]

REFUSALS: Answers = {
    "4XX": {
        "description": "Refused: a detail, or sentences by field",
        "model": Detail | dict[str, list[str]] | list[str],
    }
}
"""With it, the framework keeps its own 422 out."""
NO_CONTENT: Answers = {204: {"description": "Deleted"}}

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_RECORD = {
    "name": {"type": "string", "maxLength": 100},
    "description": {"type": "string", "maxLength": 500},
    "is_public": {"type": "boolean"},
    "data_organization_json": {"description": "Any JSON"},
    "data_protocols_json": {"description": "Any JSON"},
    "location": {"type": "string", "maxLength": 100, "description": "On the path datastorage"},
    "authgroups": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
}


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


SELECTED = {
    "parameters": [
        _parameter("include[]", _TEXTS, "Members to answer; `authgroups.*` brings the groups"),
        _parameter("exclude[]", _TEXTS, "Members to leave out; `*` for all"),
    ]
}
LISTED = {
    "parameters": [
        _parameter("filter{name.icontains}", _TEXT, "Any member with any operator, as `filter{-name}` for not"),
        _parameter("sort[]", _TEXTS, "Members to sort by, as `-name` for descending"),
        *SELECTED["parameters"],
        _parameter("limit", {"type": "integer"}, "How many to answer, at most 100"),
        _parameter("offset", {"type": "integer"}, "How many to pass over"),
        _parameter("page", {"type": "integer"}, "The page, from 1"),
        _parameter("per_page", {"type": "integer"}, "How many a page has, at most 100"),
    ]
}


def takes(members: dict[str, Any], *required: str) -> dict[str, Any]:
    """The operation reads an object, or a form with the same fields."""
    schema = {"type": "object", "properties": members, **({"required": list(required)} if required else {})}
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    return {"requestBody": {"required": bool(required), "content": {kind: {"schema": schema} for kind in kinds}}}


def takes_record(*required: str) -> dict[str, Any]:
    return takes(_RECORD, *required) | SELECTED
