"""Lists in parts (contract versiontwo 6)."""

from __future__ import annotations

import base64

import pytest

from tests.dialects.versiontwo.house import Door


def in_parts(door: Door, path: str, member: str, limit: int) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        body = door.ok("GET", path, params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        found += [item["id"] for item in body[member]]
        assert len(body[member]) <= limit
        if "next_cursor" not in body:
            return found
        assert len(body[member]) == limit
        cursor = body["next_cursor"]


def test_projects_and_workspaces_in_parts(door: Door) -> None:
    for path, member in (("/projects", "projects"), ("/workspaces", "workspaces")):
        made = [door.ok("POST", path, 201, json={"name": f"n {number}"})["id"] for number in range(5)]
        for limit in (1, 2, 5, 100):
            assert in_parts(door, path, member, limit) == made[::-1]
        assert set(door.ok("GET", path, params={"limit": 5})) == {member}


def test_keys_deployments_and_webhooks_in_parts(door: Door) -> None:
    project = door.new_project()["id"]
    deployments = [door.deploy(project, f"v{number}")["id"] for number in range(3)]
    path = f"/projects/{project}/deployments"
    assert in_parts(door, path, "deployments", 2) == deployments[::-1]
    hook = {"url": "http://127.0.0.1:9/", "events": ["deployment.failed"]}
    hooks = [door.ok("POST", f"/projects/{project}/webhooks", 201, json=hook)["id"] for _ in range(3)]
    assert in_parts(door, f"/projects/{project}/webhooks", "webhooks", 2) == hooks[::-1]
    keys = [door.ok("POST", "/api-keys", 201, json={"name": "k", "permissions": ["read"]})["id"] for _ in range(3)]
    assert in_parts(door, "/api-keys", "api_keys", 2)[:3] == keys[::-1]


@pytest.mark.parametrize("path", ["/projects", "/workspaces", "/api-keys"])
def test_what_is_no_part(door: Door, path: str) -> None:
    for limit in ("0", "101", "-1", "1.5", "x", "", "1" * 5_000, "\uff11"):
        assert door.refused("GET", path, params={"limit": limit}) == (400, "invalid_request", "limit", "out_of_range")
    some = base64.urlsafe_b64encode(b"some text").decode()
    for cursor in ("", "x", "%", "ü", some, "a" * 5_000):
        refused = door.refused("GET", path, params={"cursor": cursor})
        assert refused == (400, "invalid_request", "cursor", "invalid_value")
    assert door.ok("GET", path, params={"limit": "100", "unknown": "ignored"})
