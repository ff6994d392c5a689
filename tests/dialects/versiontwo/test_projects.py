"""Projects, their configuration, and workspaces (contract versiontwo 5.1, 5.2, 5.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.dialects.versiontwo.house import Door

REQUIRED = (400, "invalid_request", "name", "required")


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "name", "required"),
        ({"name": None}, "name", "required"),
        ({"name": 1}, "name", "invalid_type"),
        ({"name": "  "}, "name", "too_short"),
        ({"name": "x" * 101}, "name", "too_long"),
        ({"name": "a\0b"}, "name", "invalid_value"),
        ({"name": "a", "config": "text"}, "config", "invalid_type"),
        ({"name": "a", "config": None}, "config", "invalid_type"),
        ({"name": "a", "config": {"environment": 1}}, "config.environment", "invalid_type"),
        ({"name": "a", "config": {"region": []}}, "config.region", "invalid_type"),
        ({"name": "a", "config": {"scaling": 1}}, "config.scaling", "invalid_type"),
        ({"name": "a", "config": {"scaling": {"min_instances": "2"}}}, "config.scaling.min_instances", "invalid_type"),
        ({"name": "a", "config": {"scaling": {"min_instances": True}}}, "config.scaling.min_instances", "invalid_type"),
        ({"name": "a", "config": {"scaling": {"enabled": 1}}}, "config.scaling.enabled", "invalid_type"),
        ({"name": "a", "config": {"scaling": {"max_instances": -1}}}, "config.scaling.max_instances", "out_of_range"),
        ({"name": "a", "config": {"scaling": {"max_instances": 1001}}}, "config.scaling.max_instances", "out_of_range"),
        (
            {"name": "a", "config": {"scaling": {"min_instances": 3, "max_instances": 2}}},
            "config.scaling.min_instances",
            "out_of_range",
        ),
        ({"name": "a", "workspace_id": 1}, "workspace_id", "invalid_type"),
        ({"name": "a", "workspace_id": "nonsense"}, "workspace_id", "unknown"),
        ({"name": "a", "workspace_id": "ws_" + "a" * 26}, "workspace_id", "unknown"),
    ],
)
def test_what_a_project_cannot_be(door: Door, body: dict[str, Any], field: str, reason: str) -> None:
    assert door.refused("POST", "/projects", json=body) == (400, "invalid_request", field, reason)
    if body.get("name"):
        project = door.new_project("right")
        change = {name: value for name, value in body.items() if name != "name"} or body
        assert door.refused("PATCH", f"/projects/{project['id']}", json=change)[2:] == (field, reason)
        assert door.ok("GET", f"/projects/{project['id']}") == project


def test_a_configuration_has_its_limits(door: Door) -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"a": deep}
    assert door.refused("POST", "/projects", json={"name": "a", "config": deep})[2:] == ("config", "invalid_value")
    large = {"a": "x" * (65 << 10)}
    answer = door.refused("POST", "/projects", json={"name": "a", "config": large})
    assert answer == (413, "invalid_request", "config", "too_long")
    kept = {"a": deep["a"]["a"], "b": "x" * 60_000, "ü": [1.5, None, {"": "\0"}], "big": 10**30}
    made = door.ok("POST", "/projects", 201, json={"name": "a", "config": kept, "junk": {"ignored": True}})
    assert made["config"] == kept
    assert "junk" not in made


def test_names_are_unique_among_what_one_sees(door: Door, stranger: Door) -> None:
    first = door.new_project("  Same name ")
    assert first["name"] == "Same name"
    conflict = (409, "conflict", "name", "already_exists")
    assert door.refused("POST", "/projects", json={"name": "Same name"}) == conflict
    other = door.new_project("Other")
    assert door.refused("PATCH", f"/projects/{other['id']}", json={"name": "Same name"}) == conflict
    assert door.ok("PATCH", f"/projects/{first['id']}", json={"name": "Same name"}) == first
    hidden = stranger.new_project("Hidden name " + first["id"])
    assert door.new_project(hidden["name"])["name"] == hidden["name"]
    door.ok("DELETE", f"/projects/{first['id']}", 204)
    assert door.new_project("Same name")["id"] != first["id"]


def test_only_ones_own(door: Door, stranger: Door) -> None:
    project = door.new_project()
    path = f"/projects/{project['id']}"
    assert door.ok("GET", path) == project
    for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
        assert stranger.refused(method, path, json=body)[:2] == (404, "not_found")
    assert stranger.refused("GET", f"{path}/config")[0] == 404
    for unknown in ("proj_123", "proj_" + "a" * 26, "ws" + project["id"][4:], project["id"].upper(), "x" * 5_000):
        assert door.refused("GET", f"/projects/{unknown}")[:2] == (404, "not_found")
    assert [item["id"] for item in door.ok("GET", "/projects")["projects"]] == [project["id"]]


def test_changes(door: Door) -> None:
    config = {"environment": "production", "region": "us-west-2", "own": {"a": 1, "b": [1, {"c": None}]}}
    project = door.new_project(config=config)
    path = f"/projects/{project['id']}"
    assert door.ok("PATCH", path, json={}) == project

    def patched(patch: dict[str, Any]) -> Any:
        return door.ok("PATCH", path, json={"config": patch})["config"]

    assert patched({"environment": "staging"})["region"] == "us-west-2"
    assert patched({"own": {"a": None, "d": "new"}})["own"] == {"b": [1, {"c": None}], "d": "new"}
    assert "region" not in patched({"region": None})
    assert patched({"own": "plain"})["own"] == "plain"
    later = wait_for(lambda: door.ok("PATCH", path, json={"name": "x"}), lambda _: True)
    assert later["created_at"] == project["created_at"]
    assert later["updated_at"] >= project["updated_at"]


def test_the_configuration_by_its_own_path(door: Door) -> None:
    project = door.new_project(config={"scaling": {"min_instances": 1, "max_instances": 2}})
    path = f"/projects/{project['id']}/config"
    refused = door.refused("PATCH", path, json={"scaling": {"min_instances": 3}})
    assert refused == (400, "invalid_request", "scaling.min_instances", "out_of_range")
    assert door.refused("PATCH", path, json={"scaling": {"min_instances": "3"}})[2:] == (
        "scaling.min_instances",
        "invalid_type",
    )
    assert door.refused("PATCH", path, json=[])[:2] == (400, "invalid_request")
    assert door.ok("GET", path) == {"scaling": {"min_instances": 1, "max_instances": 2}}
    assert door.ok("PATCH", path, json={"scaling": {"min_instances": 2}, "x": None})["scaling"]["min_instances"] == 2
    headers = {"Content-Type": "application/merge-patch+json"}
    assert door.call("PATCH", path, headers, data=b'{"scaling": null}').json() == {}
    assert door.ok("GET", f"/projects/{project['id']}")["config"] == {}


def test_workspaces(door: Door, stranger: Door) -> None:
    shelf = door.ok("POST", "/workspaces", 201, json={"name": "Shelf", "config": {"a": 1}})
    path = f"/workspaces/{shelf['id']}"
    assert door.refused("POST", "/workspaces", json={}) == REQUIRED
    assert door.refused("POST", "/workspaces", json={"name": "Shelf"}) == (409, "conflict", "name", "already_exists")
    assert stranger.refused("GET", path)[0] == 404
    changed = door.ok("PATCH", path, json={"name": "Board", "config": {"a": None, "b": 2}})
    assert (changed["name"], changed["config"]) == ("Board", {"b": 2})
    assert door.ok("GET", path) == changed
    outside, inside = door.new_project(), door.new_project(workspace_id=shelf["id"])
    assert inside["workspace_id"] == shelf["id"]
    listed = door.ok("GET", f"/projects?workspace_id={shelf['id']}")["projects"]
    assert [item["id"] for item in listed] == [inside["id"]]
    for unknown in ("nonsense", "ws_" + "a" * 26):
        assert door.refused("GET", f"/projects?workspace_id={unknown}")[2:] == ("workspace_id", "unknown")
    assert stranger.refused("POST", "/projects", json={"name": "a", "workspace_id": shelf["id"]})[2] == "workspace_id"
    assert door.refused("DELETE", path) == (409, "conflict", "workspace", "in_use")
    assert door.ok("PATCH", f"/projects/{inside['id']}", json={"workspace_id": None})["workspace_id"] is None
    assert door.ok("PATCH", f"/projects/{outside['id']}", json={"workspace_id": shelf["id"]})["workspace_id"]
    door.ok("DELETE", f"/projects/{outside['id']}", 204)
    door.ok("DELETE", path, 204)
    assert door.refused("GET", path)[:2] == (404, "not_found")


def test_locations(door: Door) -> None:
    for path, body in (("/projects", {"name": "a"}), ("/workspaces", {"name": "a"})):
        answer = door.call("POST", path, json=body)
        assert answer.headers["Location"] == f"/v1{path}/{answer.json()['id']}"
        assert door.ok("GET", answer.headers["Location"].removeprefix("/v1")) == answer.json()
