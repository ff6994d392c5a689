"""A person's gateway and the server that it is for, together (contract dq0 3.7, 9.7)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from quinta.gateway.calls import LocalCall
from quinta.gateway.gateway import Gateway
from quinta.gateway.metafile import read_meta
from quinta.kit.clock import SystemClock
from tests.dialects.dq0.conftest import house, owner
from tests.dialects.dq0.house import Door, House
from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.serving import RunningServer

__all__ = ["house", "owner"]


class Computer:
    """One person's, with the gateway's folder in ``folder``."""

    def __init__(self, folder: Path, server: RunningServer) -> None:
        self.gateway = Gateway(folder, SystemClock())
        address = urlsplit(server.url)
        self.ok("POST", "/proxies", {"hostname": address.hostname, "port": address.port})

    def call(self, method: str, path: str, values: Any = None) -> tuple[int, dict[str, Any]]:
        reply = self.gateway.answer(LocalCall(method, path, body=json.dumps(values).encode()))
        return reply.status, dict(reply.body)

    def ok(self, method: str, path: str, values: Any = None) -> dict[str, Any]:
        status, body = self.call(method, path, values)
        assert status == 200, (path, body)
        return body


@pytest.fixture
def computer(tmp_path: Path, server: RunningServer) -> Computer:
    return Computer(tmp_path / "dq0", server)


def log_in(computer: Computer, house: House) -> dict[str, str]:
    """Registers somebody new, who is confirmed and logs in; its credentials."""
    credentials = {"email": new_email(), "password": PASSWORD}
    computer.ok("POST", "/auth/register", credentials)
    status, body = computer.call("POST", "/auth/login", credentials)
    assert (status, "confirm" in body["error"]) == (403, True)
    number = house.number_of(credentials["email"])
    house.admin.ok("PATCH", f"/users/{number}", json={"state": "active"})
    computer.ok("POST", "/auth/login", credentials)
    return credentials


def test_a_project_from_its_folder_to_a_commit(computer: Computer, house: House, owner: Door, tmp_path: Path) -> None:
    log_in(computer, house)
    data = owner.new_data(tmp_path)
    project = computer.ok("POST", "/projects", {"name": "my project", "working_dir": str(tmp_path)})["project_uuid"]
    folder = tmp_path / "my project"
    attached = computer.ok("POST", f"/projects/{project}/attach", {"data_uuid": data["data_uuid"]})
    assert attached["message"] == "successfully attached data to project"
    computer.ok("POST", f"/projects/{project}/set-experiment-name", {"experiment_name": "second"})
    first = computer.ok("POST", f"/projects/{project}/deploy")["message"].split(" ")[-1]
    assert read_meta(folder) == {
        "project_uuid": project,
        "project_name": "my project",
        "commit_uuid": first,
        "experiment_name": "second",
        "datasets": {data["data_name"]: data["data_uuid"]},
    }
    assert computer.ok("POST", f"/projects/{project}/deploy")["message"].split(" ")[-1] == first
    (folder / "more.py").write_text("x = 1\n")
    second = computer.ok("POST", f"/projects/{project}/deploy")["message"].split(" ")[-1]
    assert second != first
    content = computer.ok("POST", f"/commits/{second}/content", {"project_uuid": project})["content"]
    local = computer.ok("POST", f"/commits/{second}/content", {"project_uuid": project, "local_only": True})["content"]
    assert {node["path"] for node in content} == {node["path"] for node in local} >= {"MLproject", "more.py"}


def test_an_account_lets_no_other_computer_in(
    computer: Computer, house: House, server: RunningServer, tmp_path: Path
) -> None:
    credentials = log_in(computer, house)
    status, body = Computer(tmp_path / "other", server).call("POST", "/auth/login", credentials)
    assert (status, "another device" in body["error"]) == (403, True)
    computer.ok("POST", "/auth/login", credentials)


def test_a_session_ends_with_its_logout(computer: Computer, house: House) -> None:
    log_in(computer, house)
    token = computer.ok("GET", "/auth/session")["token"]
    computer.ok("GET", "/data")
    computer.ok("POST", "/auth/logout")
    assert computer.call("GET", "/data")[0] == 401
    with computer.gateway.memory.change() as state:
        state.active_proxy.session = token  # as somebody who had kept it would
    status, body = computer.call("GET", "/data")
    assert (status, "dq0 user login" in body["error"]) == (401, True)
