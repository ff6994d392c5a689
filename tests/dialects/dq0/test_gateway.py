"""A gateway and this server: what a person does at their own computer, from registering to detaching (contract dq0
10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from quinta.gateway.app import create_app
from quinta.gateway.gateway import Gateway
from quinta.kit.clock import SystemClock
from tests.dialects.dq0.house import Door, House
from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.gateway.quarantine import listening
from tests.gateway.relays import Relay, relay


@dataclass
class Computer:
    """One person's, with the gateway on it, which speaks with the server over ``between``."""

    client: httpx2.Client
    email: str
    folder: Path
    between: Relay

    def ok(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.client.request(method, f"/api/{path}/", json=body)
        told: dict[str, Any] = answer.json()
        assert answer.status_code == 200, told
        assert "error" not in told
        return told

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = self.client.request(method, f"/api/{path}/", json=body)
        (error,) = answer.json().values()
        return answer.status_code, error


@pytest.fixture
def computer(house: House, tmp_path: Path) -> Iterator[Computer]:
    """Where somebody is logged in."""
    gateway, folder = Gateway(tmp_path / "dq0", SystemClock()), tmp_path / "work"
    folder.mkdir()
    with (
        relay(int(house.nobody.server.url.rpartition(":")[2])) as between,
        listening(lambda port: create_app(gateway, port)) as port,
        httpx2.Client(base_url=f"http://localhost:{port}", trust_env=False, timeout=60) as client,
    ):
        computer = Computer(client, new_email(), folder, between)
        computer.ok("POST", "proxies", {"hostname": "127.0.0.1", "port": between.port})
        credentials = {"email": computer.email, "password": PASSWORD}
        computer.ok("POST", "users/register", credentials)
        assert computer.refused("POST", "users/login", credentials)[0] == 403
        house.confirmed(computer.email, "user")
        assert computer.ok("POST", "users/login", credentials)["token"]
        yield computer


def test_from_a_project_to_a_cancelled_run(computer: Computer, owner: Door, tmp_path: Path) -> None:
    data = owner.new_data(tmp_path)
    computer.ok("POST", "projects", {"name": "shop", "working_dir": str(computer.folder)})
    meta = computer.folder / "shop" / ".meta"
    project = yaml.safe_load(meta.read_text())["project_uuid"]
    assert computer.ok("GET", f"projects/{project}")["project_name"] == "shop"
    (known,) = (item for item in computer.ok("GET", "data")["items"] if item["data_uuid"] == data["data_uuid"])
    named = {"data_uuid": known["data_uuid"], "data_name": known["data_name"]}
    assert computer.ok("POST", f"projects/{project}/attach", named)["message"]
    assert computer.ok("POST", f"projects/{project}/set-experiment-name", {"experiment_name": "first"})["message"]
    commit = computer.ok("POST", f"projects/{project}/deploy")["message"].split(" ")[-1]
    kept = yaml.safe_load(meta.read_text())
    assert (kept["commit_uuid"], kept["experiment_name"]) == (commit, "first")
    assert kept["datasets"] == {data["data_name"]: data["data_uuid"]}
    sent = {
        "project_uuid": project,
        "commit_uuid": commit,
        "ml_project_entry_point": "train_use_dq0_makedp",
        "args": "",
    }
    job = computer.ok("POST", "runs", sent)["message"].split(" ")[-1]
    computer.ok("POST", f"jobs/{job}/delete")
    assert computer.ok("GET", f"runs/{job}")["experiment_name"] == "first"
    assert computer.ok("POST", f"projects/{project}/detach", named)["message"]
    assert yaml.safe_load(meta.read_text())["datasets"] == {}
    token = computer.ok("GET", "auth/session")["token"]
    wire = b"".join(computer.between.seen)
    assert b"/dq0/api/sealed" in wire
    for secret in (computer.email, PASSWORD, token, project, commit, job, data["data_name"], "UserModel", "message"):
        assert secret.encode() not in wire


def test_failures_are_the_servers_own(computer: Computer) -> None:
    assert computer.refused("GET", "users")[0] == 403
    assert computer.refused("GET", "projects/none")[0] == 404
    assert computer.refused("POST", "models//predict", {"input_data": "[]", "input_type": "json"})[1]
    query = {"query": "SELECT 1", "datasets": "a", "epsilon": 1.0}
    status, text = computer.refused("POST", "queries", query)
    assert (status, text.startswith("say which project asks")) == (400, True)
    assert computer.ok("POST", "users/logout")["message"]
    assert computer.refused("GET", "data") == (401, "not logged in, please run 'dq0 user login'")
