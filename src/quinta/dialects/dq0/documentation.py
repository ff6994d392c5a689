"""The OpenAPI document: what the framework cannot see for itself."""

from __future__ import annotations

from typing import Any

from quinta.dialects.dq0.shapes import Error

Schema = dict[str, Any]

REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": {"description": "Refused", "model": Error}}
"""With it, the framework keeps its own 422 out."""
TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
ROLE: dict[str, Schema] = {"role_id": INTEGER, "role_name": TEXT}
GROUP: dict[str, Schema] = {"group_id": INTEGER, "group_name": TEXT}
USER: dict[str, Schema] = {"user_id": INTEGER, "user_email": TEXT}
DATA: dict[str, Schema] = {"data_id": INTEGER, "data_name": TEXT, "data_uuid": TEXT}
PERMISSION: Schema = {"type": "integer", "enum": [0, 1, 2, 3, 4], "description": "none, list, use, write, manage"}
_PAGE = {"page": INTEGER, "page_size": INTEGER}


def takes(members: dict[str, Schema] | None = None, *required: str, **more: Schema) -> dict[str, Any]:
    """The operation reads an object with these members."""
    schema: Schema = {"type": "object", "properties": {**(members or {}), **more}}
    if required:
        schema["required"] = list(required)
    return {"requestBody": {"required": bool(required), "content": {"application/json": {"schema": schema}}}}


def asks(**parameters: Schema) -> dict[str, Any]:
    """The operation looks at these parameters of the query."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in parameters.items()
        ]
    }


def paged(**filters: Schema) -> dict[str, Any]:
    """The operation answers a page of a list that can be sorted."""
    return asks(**_PAGE, order_by=TEXT, **filters)


def paged_as_it_is(**filters: Schema) -> dict[str, Any]:
    """The operation answers a page of a list that has one order."""
    return asks(**_PAGE, **filters)
