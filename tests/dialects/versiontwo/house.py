"""People, their keys, and the doors through which they call the VersionTwo face."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import requests
from typer.testing import CliRunner

from quinta.cli.quinta import app
from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

ECHO = "class Model:\n    def request(self, data):\n        return '{}'\n"


@dataclass
class Door:
    """One key's calls. ``key`` is empty for nobody's."""

    server: RunningServer
    email: str
    key: str
    session: requests.Session

    def call(
        self, method: str, path: str, headers: Mapping[str, str | None] | None = None, **more: Any
    ) -> requests.Response:
        """``path`` begins behind the prefix. Nothing is redirected."""
        credentials = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent = {name: value for name, value in {**credentials, **(headers or {})}.items() if value is not None}
        address = f"{self.server.url}/v1{path}"
        return self.session.request(method, address, headers=sent, timeout=60, allow_redirects=False, **more)

    def ok(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The body of an answer that is no refusal."""
        answer = self.call(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str, str | None, str | None]:
        """Status, code, field and reason of a refusal."""
        answer = self.call(method, path, **more)
        return told(answer)

    def with_key(self, *permissions: str) -> Door:
        """The same person with another key."""
        made = self.ok("POST", "/api-keys", 201, json={"name": "another", "permissions": list(permissions)})
        return replace(self, key=made["key"])

    def new_project(self, name: str | None = None, **members: Any) -> dict[str, Any]:
        body = {"name": name or f"Project {uuid.uuid4().hex[:12]}", **members}
        made: dict[str, Any] = self.ok("POST", "/projects", 201, json=body)
        return made

    def deploy(self, project: str, version: str = "v1", **config: Any) -> dict[str, Any]:
        """A deployment that has ended."""
        made = self.ok("POST", f"/projects/{project}/deployments", 201, json={"version": version, "config": config})
        return self.ended(made)

    def roll_back(self, deployment: Mapping[str, Any]) -> dict[str, Any]:
        path = f"/projects/{deployment['project_id']}/deployments/{deployment['id']}/rollback"
        return self.ended(self.ok("POST", path, 201))

    def ended(self, deployment: Mapping[str, Any]) -> dict[str, Any]:
        path = f"/projects/{deployment['project_id']}/deployments/{deployment['id']}"
        ended = ("completed", "failed", "rolled_back")
        found: dict[str, Any] = wait_for(lambda: self.ok("GET", path), lambda item: item["status"] in ended)
        return found

    def ubiops(self) -> httpx2.Client:
        return self.server.client(self.key)

    def ubiops_name(self) -> str:
        """What UbiOps calls the only project of this person."""
        with self.ubiops() as client:
            (project,) = client.get("/v2.1/projects").json()
        return str(project["name"])

    def new_model(self, model: str, *versions: str) -> ModelDoor:
        """A model in the only project, the versions of which answer with their names."""
        with self.ubiops() as client:
            first, *others = versions
            door = new_model(
                client, {"model.py": ECHO.format(first)}, project=self.ubiops_name(), model=model, version=first
            )
            door = replace(door, version=first)
            for name in others:
                path = f"/v2.1/projects/{door.project}/models/{model}/versions"
                answer = client.post(path, json={"version": name, "memory_allocation": 256})
                assert answer.status_code == 201, answer.text
                door = replace(door, version=name)
                door.upload({"model.py": ECHO.format(name)})
                door.wait()
        return door


class House:
    """Makes people on a server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False
        self.nobody = Door(server, "", "", self.session)

    def person(self) -> Door:
        """Someone with an account and a key that may do everything."""
        email = new_email()
        self.admin("user", "create", email, "--password", PASSWORD)
        return replace(self.nobody, email=email, key=self.key_of(email))

    def key_of(self, email: str, permissions: str = "*") -> str:
        return str(self.admin("key", "create", "--user", email, "--permissions", permissions)["key"])

    def admin(self, *words: str) -> Any:
        """What ``quinta admin`` answers. It runs in a thread of this process, beside the server's: starting another one
        takes seconds."""
        arguments = ["admin", *words, "--data", str(self.server.data), "--output", "json"]
        with ThreadPoolExecutor(1) as thread:  # a loop of its own, that no other test's is in the way of
            result = thread.submit(CliRunner().invoke, app, arguments).result()
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def close(self) -> None:
        self.session.close()


def told(answer: requests.Response) -> tuple[int, str, str | None, str | None]:
    """Status, code, field and reason of a refusal."""
    assert answer.headers["content-type"] == "application/json", answer.text
    body = answer.json()
    assert set(body) == {"error"}, body
    error = body["error"]
    assert set(error) <= {"code", "message", "details"}, body
    details = error.get("details", {})
    return answer.status_code, error["code"], details.get("field"), details.get("reason")
