"""Every example of the document, sent as it stands there: each answer has every documented key with its type."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.dialects.versiontwo.house import Door

NEW_PROJECT = """{
  "name": "Novo Projeto",
  "config": {
    "environment": "production",
    "region": "us-west-2"
  }
}"""
CHANGED_PROJECT = """{
  "name": "Projeto Atualizado",
  "config": {
    "environment": "staging"
  }
}"""
NEW_WORKSPACE = """{
  "name": "Novo Workspace",
  "config": {
    "environment": "development"
  }
}"""
NEW_DEPLOYMENT = """{
  "version": "v1.0.0",
  "config": {
    "environment": "production"
  }
}"""
CONFIG = """{
  "environment": "production",
  "region": "us-west-2",
  "scaling": {
    "min_instances": 2,
    "max_instances": 10
  }
}"""
NEW_KEY = """{
  "name": "Chave de Produção",
  "permissions": ["read", "write"]
}"""
NEW_WEBHOOK = """{
  "url": "https://example.com/webhook",
  "events": ["deployment.completed", "deployment.failed"]
}"""
TEXTS = dict.fromkeys(("id", "name", "created_at", "updated_at"), str)
DEPLOYMENT = dict.fromkeys(("id", "version", "status", "created_at"), str)


class Curl:
    """Sends calls as a reader of the document would."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def __call__(self, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
        words = ["curl", "--silent", "--noproxy", "*", "--request", method, "--write-out", "\n%{http_code}"]
        words += ["--header", f"Authorization: Bearer {self._door.key}"]
        if body is not None:
            words += ["--header", "Content-Type: application/json", "--data", body]
        words.append(f"{self._door.server.url}/v1{path}")
        said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
        text, _, status = said.rpartition("\n")
        return int(status), json.loads(text) if text else None


def has(item: dict[str, Any], kinds: Mapping[str, type]) -> None:
    for name, kind in kinds.items():
        assert isinstance(item[name], kind), (name, item)
        if name.endswith("_at"):
            assert len(item[name]) == 20, item
            assert item[name].endswith("Z"), item


@pytest.fixture
def curl(door: Door) -> Curl:
    return Curl(door)


@pytest.fixture
def project(curl: Curl) -> str:
    status, made = curl("POST", "/projects", NEW_PROJECT)
    assert status == 201
    has(made, {**TEXTS, "config": dict})
    assert made["id"].startswith("proj_")
    assert (made["name"], made["config"]) == ("Novo Projeto", {"environment": "production", "region": "us-west-2"})
    return str(made["id"])


def test_projects(curl: Curl, project: str) -> None:
    status, listed = curl("GET", "/projects")
    assert (status, set(listed)) == (200, {"projects"})
    (item,) = listed["projects"]
    has(item, TEXTS)
    assert "config" not in item
    status, found = curl("GET", f"/projects/{project}")
    assert status == 200
    has(found, {**TEXTS, "config": dict})
    status, changed = curl("PATCH", f"/projects/{project}", CHANGED_PROJECT)
    assert (status, changed["name"]) == (200, "Projeto Atualizado")
    assert changed["config"] == {"environment": "staging", "region": "us-west-2"}
    assert curl("DELETE", f"/projects/{project}") == (204, None)
    assert curl("GET", f"/projects/{project}")[0] == 404


def test_workspaces(curl: Curl) -> None:
    status, made = curl("POST", "/workspaces", NEW_WORKSPACE)
    assert (status, made["config"]) == (201, {"environment": "development"})
    has(made, TEXTS)
    assert made["id"].startswith("ws_")
    status, listed = curl("GET", "/workspaces")
    assert (status, set(listed)) == (200, {"workspaces"})
    (item,) = listed["workspaces"]
    has(item, dict.fromkeys(("id", "name", "created_at"), str))
    assert curl("GET", f"/workspaces/{made['id']}") == (200, made)


def test_deployments(curl: Curl, door: Door, project: str) -> None:
    path = f"/projects/{project}/deployments"
    status, made = curl("POST", path, NEW_DEPLOYMENT)
    assert (status, made["status"], made["version"]) == (201, "pending", "v1.0.0")
    assert made["id"].startswith("dep_")
    has(made, {**DEPLOYMENT, "config": dict, "project_id": str})
    assert door.ended(made)["status"] == "completed"
    status, listed = curl("GET", path)
    assert (status, set(listed)) == (200, {"deployments"})
    (item,) = listed["deployments"]
    has(item, DEPLOYMENT)
    assert item["status"] == "completed"
    status, found = curl("GET", f"{path}/{made['id']}")
    assert (status, found["started_at"] is None, found["error"]) == (200, False, None)
    second = door.ended(curl("POST", path, NEW_DEPLOYMENT)[1])
    status, back = curl("POST", f"{path}/{second['id']}/rollback")
    assert (status, back["rollback_of"], back["version"]) == (201, made["id"], "v1.0.0")


def test_monitoring(curl: Curl, project: str) -> None:
    times = "start_time=2024-02-26T12:00:00Z&end_time=2024-02-26T13:00:00Z"
    status, found = curl("GET", f"/projects/{project}/metrics?{times}&interval=5m")
    assert (status, found) == (200, {"metrics": {"cpu": {"values": []}, "memory": {"values": []}}})
    assert curl("GET", f"/projects/{project}/metrics")[1] == found
    assert curl("GET", f"/projects/{project}/logs?{times}&level=info&component=api") == (200, {"logs": []})
    assert curl("GET", f"/projects/{project}/logs")[0] == 200


def test_configuration(curl: Curl, project: str) -> None:
    assert curl("GET", f"/projects/{project}/config") == (200, {"environment": "production", "region": "us-west-2"})
    status, changed = curl("PATCH", f"/projects/{project}/config", CONFIG)
    assert (status, changed) == (200, json.loads(CONFIG))
    assert curl("GET", f"/projects/{project}")[1]["config"] == changed


def test_keys(curl: Curl) -> None:
    status, made = curl("POST", "/api-keys", NEW_KEY)
    assert (status, made["name"], made["permissions"]) == (201, "Chave de Produção", ["read", "write"])
    assert made["key"].startswith("v2_")
    assert len(made["key"]) >= 35
    status, listed = curl("GET", "/api-keys")
    assert (status, set(listed)) == (200, {"api_keys"})
    assert listed["api_keys"][0]["id"] == made["id"]
    assert all("key" not in key for key in listed["api_keys"])
    assert curl("DELETE", f"/api-keys/{made['id']}") == (204, None)
    assert curl("DELETE", f"/api-keys/{made['id']}")[0] == 404


def test_webhooks(curl: Curl, project: str) -> None:
    status, made = curl("POST", f"/projects/{project}/webhooks", NEW_WEBHOOK)
    assert (status, made["url"]) == (201, "https://example.com/webhook")
    assert made["events"] == ["deployment.completed", "deployment.failed"]
    has(made, {"id": str, "project_id": str, "created_at": str, "secret": str})
    assert made["project_id"] == project


def test_the_error_of_the_document(door: Door) -> None:
    answer = door.call("POST", "/projects", {"Accept-Language": "pt-BR"}, json={})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_request")
    assert error["message"].startswith("Parâmetros de requisição inválidos")
    assert error["details"] == {"field": "name", "reason": "required"}
