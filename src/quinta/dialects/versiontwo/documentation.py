"""The OpenAPI document: what the framework cannot see for itself."""

from __future__ import annotations

from typing import Any

from quinta.dialects.versiontwo.shapes import Error

Answers = dict[int | str, dict[str, Any]]
Schema = dict[str, Any]

REFUSALS: Answers = {"4XX": {"description": "Refused", "model": Error}}
"""With it, the framework keeps its own 422 out."""
NO_CONTENT: Answers = {204: {"description": "Deleted"}}

NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 100}
_INSTANCES: Schema = {"type": "integer", "minimum": 0, "maximum": 1_000}
CONFIG: Schema = {
    "type": "object",
    "properties": {
        "environment": {"type": "string"},
        "region": {"type": "string"},
        "scaling": {
            "type": "object",
            "properties": {"min_instances": _INSTANCES, "max_instances": _INSTANCES, "enabled": {"type": "boolean"}},
        },
    },
}
STATUSES = ["pending", "in_progress", "completed", "failed", "rolled_back"]
_PAGE: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "cursor": {"type": "string", "description": "`next_cursor` of the part before"},
}
_TIMES: dict[str, Schema] = {
    "start_time": {"type": "string", "format": "date-time"},
    "end_time": {"type": "string", "format": "date-time"},
}
METRICS: dict[str, Schema] = {**_TIMES, "interval": {"enum": ["1m", "5m", "1h"]}}
LOGS: dict[str, Schema] = {
    **_TIMES,
    "level": {"enum": ["debug", "info", "warn", "warning", "error"], "description": "The lowest one to show"},
    "component": {"type": "string"},
    "search": {"type": "string", "description": "What the message has, whatever the case"},
    **_PAGE,
    "limit": {"type": "integer", "minimum": 1, "maximum": 1_000},
}


def asked(**schemas: Schema) -> dict[str, Any]:
    """The operation reads these parameters of the query."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in schemas.items()
        ]
    }


def paged(**schemas: Schema) -> dict[str, Any]:
    """The operation answers a list in parts."""
    return asked(**schemas, **_PAGE)


def takes(members: Schema, *required: str) -> dict[str, Any]:
    """The operation reads an object with these members."""
    return takes_object({"type": "object", "properties": members, **({"required": list(required)} if required else {})})


def takes_object(schema: Schema, *, required: bool = True) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
