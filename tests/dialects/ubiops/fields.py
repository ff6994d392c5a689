"""Every data type but blob: a field named after it, and a value that it takes."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.models import ModelDoor

FIELDS = {
    name: name for name in ("int", "double", "string", "bool", "timestamp", "array_int", "array_double", "array_string")
}
GOOD: dict[str, Any] = {
    "int": 7,
    "double": 2.5,
    "string": "text",
    "bool": True,
    "timestamp": "2020-05-12T16:23:15.456812Z",
    "array_int": [1, 2],
    "array_double": [1.5, 2],
    "array_string": ["a", "b"],
}


def with_value(field: str, value: object) -> dict[str, Any]:
    """Values for all fields, one of them replaced."""
    return {**GOOD, field: value}


def post(door: ModelDoor, operation: str, value: object) -> httpx2.Response:
    """Sends ``value`` as the UbiOps client writes JSON: in ASCII, so that every string there is can be sent."""
    headers = {"Content-Type": "application/json"}
    return door.client.post(f"{door.path}/{operation}", content=json.dumps(value), headers=headers)
