"""Releases rolled out and back (contract versiontwo 5.3). What happens under load is tests/scenarios/test_rollouts.py's
to say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dialects.versiontwo.house import Door

RAISES_WHEN_TOLD = """
import os

class Model:
    def __init__(self):
        if "BROKEN" in os.environ:
            raise RuntimeError("told to")

    def request(self, data):
        return "v2"
"""
SLOW = """
import time

class Model:
    def __init__(self):
        time.sleep(3)

    def request(self, data):
        return "slow"
"""
CONFLICT = (409, "conflict", "deployment", "in_use")


def answers(door: Door, model: str) -> str:
    """What the model's live version answers through UbiOps."""
    with door.ubiops() as client:
        answer = client.post(f"/v2.1/projects/{door.ubiops_name()}/models/{model}/request", json="x")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"])


def test_models_are_rolled_to_a_release_and_back(door: Door) -> None:
    project = door.new_project(config={"region": "us-west-2"})
    path = f"/projects/{project['id']}"
    for model in ("one", "two"):
        door.new_model(model, "v1", "v2")
    first = door.deploy(project["id"], "v1", environment="prod")
    assert (first["status"], first["environment"]) == ("completed", "production")
    assert first["config"] == {"region": "us-west-2", "environment": "prod"}
    assert {answers(door, model) for model in ("one", "two")} == {"v1"}
    second = door.deploy(project["id"], "v2")
    assert (second["status"], second["error"], second["rollback_of"]) == ("completed", None, None)
    assert first["started_at"] <= first["finished_at"] <= second["created_at"]
    assert {answers(door, model) for model in ("one", "two")} == {"v2"}
    back = door.roll_back(first)
    assert (back["status"], back["version"], back["rollback_of"]) == ("completed", "v1", first["id"])
    assert back["config"] == first["config"]
    assert {answers(door, model) for model in ("one", "two")} == {"v1"}
    assert door.ok("GET", f"{path}/deployments/{second['id']}")["status"] == "rolled_back"
    listed = door.ok("GET", f"{path}/deployments")["deployments"]
    assert [item["id"] for item in listed] == [back["id"], second["id"], first["id"]]
    unchanged = door.ok("GET", path)
    assert unchanged == project  # a deployment is no change of the project


def test_a_release_that_no_model_has(door: Door) -> None:
    project = door.new_project()["id"]
    door.new_model("one", "v1")
    path = f"/projects/{project}/deployments"
    refused = door.refused("POST", path, json={"version": "v9"})
    assert refused == (400, "invalid_request", "version", "unknown")
    assert door.ok("GET", path) == {"deployments": []}
    assert door.deploy(project, "v1")["status"] == "completed"


def test_a_rollout_that_fails_says_why(door: Door) -> None:
    project = door.new_project()["id"]
    model = door.new_model("one", "v1")
    assert door.deploy(project, "v1")["status"] == "completed"
    with door.ubiops() as client:
        path = f"/v2.1/projects/{model.project}/models/one/versions"
        assert client.post(path, json={"version": "v2", "memory_allocation": 256}).status_code == 201
        bad = type(model)(client, model.project, "one", "v2")
        bad.upload({"model.py": RAISES_WHEN_TOLD})
        bad.wait()
        variable = {"name": "BROKEN", "value": "x", "secret": False}
        assert client.post(f"{bad.path}/environment-variables", json=variable).status_code == 201
    failed = door.deploy(project, "v2")
    assert (failed["status"], failed["reason"]) == ("failed", "start_constructor_error")
    assert failed["error"]
    assert answers(door, "one") == "v1"
    assert door.refused("POST", f"/projects/{project}/deployments/{failed['id']}/rollback")[:2] == (409, "conflict")


def test_back_from_the_live_one(door: Door) -> None:
    project = door.new_project()["id"]
    first = door.deploy(project, "v1", environment="staging")
    path = f"/projects/{project}/deployments"
    assert door.refused("POST", f"{path}/{first['id']}/rollback") == CONFLICT  # nothing is before it
    other = door.deploy(project, "v5", environment="production")
    assert door.refused("POST", f"{path}/{first['id']}/rollback", json={}) == CONFLICT  # that is another environment
    second = door.deploy(project, "v2", environment="staging")
    back = door.roll_back(second)
    assert (back["version"], back["rollback_of"]) == ("v1", first["id"])
    assert door.refused("POST", f"{path}/{other['id']}/rollback")[0] == 409

    def ids(**filters: str) -> list[str]:
        return [item["id"] for item in door.ok("GET", path, params=filters)["deployments"]]

    assert ids(environment="staging") == [back["id"], second["id"], first["id"]]
    assert ids(environment="prod") == [other["id"]]
    assert ids(status="rolled_back") == [second["id"]]
    assert ids(status="failed") == []
    assert door.refused("GET", path, params={"status": "odd"})[2:] == ("status", "invalid_value")


def test_one_in_flight_in_an_environment(door: Door) -> None:
    project = door.new_project()["id"]
    with door.ubiops() as client:
        model = door.new_model("one", "v1")
        path = f"/v2.1/projects/{model.project}/models/one/versions"
        assert client.post(path, json={"version": "v2", "memory_allocation": 256}).status_code == 201
        slow = type(model)(client, model.project, "one", "v2")
        slow.upload({"model.py": SLOW})
        slow.wait()
    path = f"/projects/{project}/deployments"
    waiting = door.ok("POST", path, 201, json={"version": "v2"})
    assert door.refused("POST", path, json={"version": "v1", "config": {"environment": "prod"}}) == CONFLICT
    assert door.refused("DELETE", f"/projects/{project}") == CONFLICT
    staging = door.ok("POST", path, 201, json={"version": "v1", "config": {"environment": "staging"}})
    assert door.ended(waiting)["status"] == door.ended(staging)["status"] == "completed"
    door.ok("DELETE", f"/projects/{project}", 204)


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "version", "required"),
        ({"version": None}, "version", "required"),
        ({"version": 1}, "version", "invalid_type"),
        ({"version": ""}, "version", "too_short"),
        ({"version": "v" * 129}, "version", "too_long"),
        ({"version": " v1"}, "version", "invalid_value"),
        ({"version": "v\n1"}, "version", "invalid_value"),
        ({"version": "v1", "config": []}, "config", "invalid_type"),
        ({"version": "v1", "config": {"environment": 5}}, "config.environment", "invalid_type"),
        ({"version": "v1", "config": {"scaling": {"min_instances": 5000}}}, "config.scaling.min_instances", None),
    ],
)
def test_what_a_deployment_cannot_be(door: Door, body: dict[str, Any], field: str, reason: str | None) -> None:
    project = door.new_project()["id"]
    refused = door.refused("POST", f"/projects/{project}/deployments", json=body)
    assert refused == (400, "invalid_request", field, reason or "out_of_range")


def test_only_ones_own(door: Door, stranger: Door) -> None:
    project, other = door.new_project()["id"], door.new_project()["id"]
    deployment = door.deploy(project)
    path = f"/projects/{project}/deployments/{deployment['id']}"
    for who, where in ((stranger, path), (door, path.replace(project, other)), (door, path[:-1] + "x")):
        assert who.refused("GET", where)[:2] == (404, "not_found")
        assert who.refused("POST", f"{where}/rollback")[:2] == (404, "not_found")
    assert stranger.refused("POST", f"/projects/{project}/deployments", json={"version": "v1"})[0] == 404
    answer = door.call("POST", f"/projects/{project}/deployments", json={"version": "v2"})
    assert answer.headers["Location"].endswith(f"/deployments/{answer.json()['id']}")
    assert door.ended(answer.json())["status"] == "completed"
