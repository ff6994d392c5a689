"""What the OpenAPI page says: bodies are MLflow's own messages, which its documentation describes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Error(BaseModel):
    error_code: str
    message: str


REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": {"description": "Refused", "model": Error}}
"""With it, the framework keeps its own 422 out."""


def takes(*required: str, **members: dict[str, Any]) -> dict[str, Any]:
    """The operation reads an object with these members."""
    schema = {"type": "object", "properties": members, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def asked(*names: str) -> dict[str, Any]:
    """The operation reads these parameters of the query."""
    return {
        "parameters": [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in names]
    }


TEXT: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
FLAG: dict[str, Any] = {"type": "boolean"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
OBJECTS: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
