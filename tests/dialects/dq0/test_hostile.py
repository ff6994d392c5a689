"""Values that nobody means well: each operation refuses them, and never by a fault."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects.dq0.house import Door, House

BODIES = ("\x00", "\ud800", "x" * 5_000, 10**30, True, {"a": {"b": [None]}}, [1, "a", None])
QUERIES = ("\x00", "x" * 2_000, "9" * 40, "../../etc", "a,b;c")
PATHS = ("%00", "..%2f..", "9" * 40, "018f0000-0000-7000-8000-000000000000", "%ff")
ENDS_THE_SESSION = ("/auth/logout", "/users/logout")
"""Which nothing may do before the last call."""


@pytest.fixture(scope="module")
def administrator(house: House) -> Door:
    """One that may do everything, but is not the server's own."""
    return house.person("admin", "owner", "user")


def operations(door: Door) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = door.ok("GET", "/openapi.json")
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            if path not in ENDS_THE_SESSION:
                yield method.upper(), path, about


def members_of(about: dict[str, Any]) -> list[str]:
    content = about.get("requestBody", {}).get("content", {}).get("application/json", {})
    return list(content.get("schema", {}).get("properties", ()))


def calls(door: Door) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path, and what else the call has."""
    headers = {"Content-Type": "application/json"}
    for method, path, about in operations(door):
        somewhere = re.sub(r"\{\w+\}", "018f0000-0000-7000-8000-000000000000", path)
        for value in PATHS if "{" in path else ():
            yield method, re.sub(r"\{\w+\}", value, path), {}
        for parameter in about.get("parameters", ()):
            for value in QUERIES if parameter["in"] == "query" else ():
                yield method, somewhere, {"params": {parameter["name"]: value}}
        members = members_of(about)
        for name in members:
            for value in BODIES:
                # The others say something that could be right, so that this one is looked at.
                body = dict.fromkeys(members, "1") | {name: value}
                yield method, somewhere, {"data": json.dumps(body), "headers": headers}


def test_no_value_is_a_fault(administrator: Door) -> None:
    faults, count = [], 0
    for method, path, more in calls(administrator):
        answer = administrator.call(method, path, **more)
        count += 1
        body = answer.json() if answer.headers["content-type"] == "application/json" else None
        if answer.status_code >= 500 or not isinstance(body, dict) or ("error" in body) != (answer.status_code >= 400):
            faults.append((method, path[:80], more, answer.status_code, answer.text[:200]))
    assert faults == []
    assert count > 500
