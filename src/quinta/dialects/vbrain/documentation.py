"""The OpenAPI document: what the framework cannot see for itself."""

from __future__ import annotations

from typing import Any

from quinta.dialects.vbrain.auth import CALLER_HEADERS, REPOSITORY_HEADER
from quinta.dialects.vbrain.shapes import Error, Message

Answers = dict[int | str, dict[str, Any]]

_MEANINGS = {
    "organization_id": "Name of the organization",
    "application_id": "Name of the application",
    "client_id": "Name of the client",
    "username": "E-mail of who calls",
    "x-api-key": "Key of who calls",
    "repository_id": "Id of the repository",
}
_OBJECT_TEXT = {"type": "string", "description": "A JSON object"}
_OBJECTS = {"params": {"type": "object"}, "metadata": {"type": "object"}}
_FIELDS = {"params": _OBJECT_TEXT, "metadata": _OBJECT_TEXT}
_FILE = {"type": "string", "format": "binary", "description": "A .zip of all inputs, or one .csv, .xlsx or .json"}

REFUSALS: Answers = {"4XX": {"description": "Refused", "model": Error}}
"""With it, the framework keeps its own 422 out."""
ZIP: Answers = {200: {"description": "The archive", "content": {"application/zip": {}}}}
NOT_DELETED: Answers = {500: {"description": "Not deleted: it can be tried again", "model": Error}}
NOT_FINISHED: Answers = {
    202: {"description": "Not yet finished", "model": Message},
    500: {"description": "The job failed", "model": Error},
}


def called(*, repository: bool = False, submits: bool = False) -> dict[str, Any]:
    """The headers of an operation, and its body where it ``submits`` one."""
    names = (*CALLER_HEADERS, REPOSITORY_HEADER) if repository else CALLER_HEADERS
    described: dict[str, Any] = {
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": meaning}
            for name, meaning in _MEANINGS.items()
            if name in names
        ]
    }
    if submits:
        content = {
            "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILE, **_FIELDS}}},
            "application/json": {"schema": {"type": "object", "properties": _OBJECTS}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": _FIELDS}},
        }
        described["requestBody"] = {"required": False, "content": content}
    return described
