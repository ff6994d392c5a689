"""Keys and what they are good for (contract versiontwo 5.7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.versiontwo.house import Door, House

FORBIDDEN = (403, "forbidden")


def test_what_each_kind_may_do(door: Door) -> None:
    project = door.new_project()["id"]
    path = f"/projects/{project}"
    deployment = door.deploy(project)
    attempts: list[tuple[str, str, Any, set[str]]] = [
        ("GET", "/projects", None, {"read", "write", "deploy", "*"}),
        ("GET", f"{path}/logs", None, {"read", "write", "deploy", "*"}),
        ("GET", "/api-keys", None, {"read", "write", "deploy", "*"}),
        ("PATCH", path, {}, {"write", "*"}),
        ("POST", "/workspaces", {}, {"write", "*"}),
        ("POST", "/api-keys", {}, {"write", "*"}),
        ("POST", f"{path}/webhooks", {}, {"write", "*"}),
        ("POST", f"{path}/deployments", {}, {"write", "deploy", "*"}),
        ("POST", f"{path}/deployments/{deployment['id']}/rollback", {}, {"write", "deploy", "*"}),
        ("DELETE", f"{path}/webhooks/wh_1", None, {"write", "*"}),
        ("DELETE", "/workspaces/ws_1", None, {"write", "*"}),
        ("DELETE", "/projects/proj_1", None, {"write", "*"}),
    ]
    for kind in ("read", "write", "deploy", "*"):
        own = door.with_key(kind)
        for method, where, body, allowed in attempts:
            answer = own.call(method, where, json=body)
            assert (answer.status_code != 403) == (kind in allowed), (kind, method, where)
            if kind not in allowed:
                assert answer.json()["error"]["code"] == "forbidden"


def test_a_key_gives_no_more_than_it_has(door: Door) -> None:
    writer = door.with_key("write")
    assert writer.refused("POST", "/api-keys", json={"name": "a", "permissions": ["*"]})[:2] == FORBIDDEN
    made = writer.ok("POST", "/api-keys", 201, json={"name": "a", "permissions": ["read", "write", "deploy", "read"]})
    assert made["permissions"] == ["read", "write", "deploy"]
    assert made["key"].startswith(made["prefix"])
    assert (made["last_used_at"], len(made["key"]) > 2 * len(made["prefix"])) == (None, True)


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "name", "required"),
        ({"name": "a"}, "permissions", "required"),
        ({"name": "a", "permissions": []}, "permissions", "too_short"),
        ({"name": "a", "permissions": "read"}, "permissions", "invalid_type"),
        ({"name": "a", "permissions": [1]}, "permissions", "invalid_type"),
        ({"name": "a", "permissions": ["admin"]}, "permissions", "unknown"),
        ({"name": "x" * 101, "permissions": ["read"]}, "name", "too_long"),
    ],
)
def test_what_a_key_cannot_be(door: Door, body: dict[str, Any], field: str, reason: str) -> None:
    assert door.refused("POST", "/api-keys", json=body) == (400, "invalid_request", field, reason)


def test_revocation(door: Door, stranger: Door, house: House) -> None:
    reader, other = door.with_key("read"), door.with_key("read")
    newest, older, first = door.ok("GET", "/api-keys")["api_keys"]
    assert stranger.refused("DELETE", f"/api-keys/{newest['id']}")[:2] == (404, "not_found")
    assert reader.refused("DELETE", f"/api-keys/{newest['id']}")[:2] == FORBIDDEN
    assert other.call("GET", "/projects").status_code == 200
    door.ok("DELETE", f"/api-keys/{newest['id']}", 204)
    assert other.refused("GET", "/projects")[:2] == (401, "unauthorized")
    assert door.refused("DELETE", f"/api-keys/{newest['id']}")[0] == 404
    reader.ok("DELETE", f"/api-keys/{older['id']}", 204)  # itself
    assert reader.refused("GET", "/projects")[0] == 401
    assert door.refused("DELETE", f"/api-keys/{first['id']}") == (409, "conflict", "api_key", "in_use")
    assert door.call("GET", "/projects").status_code == 200


def test_secrets_are_in_no_list(door: Door) -> None:
    project = door.new_project()["id"]
    made = door.ok("POST", "/api-keys", 201, json={"name": "a", "permissions": ["read"]})
    hook = {"url": "http://127.0.0.1:9/", "events": ["deployment.failed"]}
    webhook = door.ok("POST", f"/projects/{project}/webhooks", 201, json=hook)
    paths = ("/api-keys", f"/projects/{project}/webhooks", f"/projects/{project}/webhooks/{webhook['id']}")
    for path in (*paths, f"/projects/{project}/logs"):
        text = door.call("GET", path).text
        assert made["key"] not in text
        assert webhook["secret"] not in text
    assert not any(made["key"] in line or webhook["secret"] in line for line in door.server.output)
