"""People of the quarantine, and the doors through which they call the DQ0 face."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.metadata import AGE, UNIT, metadata_text
from tests.serving import RunningServer

PREFIX = "/dq0/api"
MLPROJECT = """
name: shop
entry_points:
  main:
    parameters:
      epochs: {type: int, default: 3}
    command: "python main.py --epochs {epochs}"
  transform:
    command: "python main.py"
"""


@dataclass
class Door:
    """One person's calls. ``token`` is empty for nobody's."""

    server: RunningServer
    session: requests.Session
    token: str = ""
    email: str = ""
    number: int = 0

    def call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> requests.Response:
        """``path`` begins behind the prefix. Nothing is redirected."""
        credentials = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.session.request(
            method,
            f"{self.server.url}{PREFIX}{path}",
            headers={**credentials, **(headers or {})},
            timeout=60,
            allow_redirects=False,
            **more,
        )

    def ok(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The body of an answer that is no refusal: an object without the member ``error``."""
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        body: dict[str, Any] = answer.json()
        assert isinstance(body, dict), body
        assert "error" not in body, body
        return body

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        """Status and text of a refusal, which has one member."""
        answer = self.call(method, path, **more)
        assert answer.headers["content-type"] == "application/json", answer.text
        body = answer.json()
        assert set(body) == {"error"}, body
        assert body["error"], body
        return answer.status_code, body["error"]

    def new_project(self, name: str = "") -> str:
        """The uuid."""
        body = self.ok("POST", "/projects", json={"name": name or f"shop {uuid.uuid4().hex[:12]}", "working_dir": "/x"})
        return str(body["project_uuid"])

    def new_data(self, folder: Path, *, level: int = 1) -> dict[str, Any]:
        name = f"people-{uuid.uuid4().hex[:12]}"
        file = folder / f"{name}.csv"
        file.write_text("id,age\n1,33\n2,44\n3,55\n")
        return self.ok("POST", "/data", json={"meta": people_metadata(name, file, level)})

    def deploy(self, project: str, code: str = "print('hello')\n") -> str:
        """The commit's uuid."""
        headers = {"Content-Type": "application/zip"}
        body = self.ok("POST", f"/projects/{project}/deploy", headers=headers, data=project_zip(code))
        return str(body["message"].rpartition(" ")[2])

    def start(self, project: str, commit: str = "") -> str:
        """The job's uuid."""
        sent = {"project_uuid": project, "commit_uuid": commit, "ml_project_entry_point": "main", "args": ""}
        return str(self.ok("POST", "/runs", json=sent)["message"].rpartition(" ")[2])


class House:
    """Makes people on a server."""

    def __init__(self, server: RunningServer) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.nobody = Door(server, self.session)
        self.admin = Door(server, self.session, server.token, "admin@example.com")
        listed = self.admin.ok("GET", "/roles")["items"]
        self.roles: dict[str, int] = {role["role_name"]: role["role_id"] for role in listed}

    def person(self, *roles: str) -> Door:
        """Someone who registered, was confirmed with these roles, and has logged in."""
        email = new_email()
        self.nobody.ok("POST", "/auth/register", json={"email": email, "password": PASSWORD})
        return self.confirmed(email, *roles)

    def confirmed(self, email: str, *roles: str) -> Door:
        number = self.number_of(email)
        sent = {"state": "active", "roles": [self.roles[role] for role in roles]}
        assert self.admin.ok("PATCH", f"/users/{number}", json=sent)["state"] == "active"
        token = self.nobody.ok("POST", "/auth/login", json={"email": email, "password": PASSWORD})["token"]
        return Door(self.nobody.server, self.session, token, email, number)

    def number_of(self, email: str) -> int:
        """Of who came lately."""
        items = self.admin.ok("GET", "/users", params={"order_by": "-id", "page_size": "50"})["items"]
        return int(next(item["id"] for item in items if item["email"] == email))

    def close(self) -> None:
        self.session.close()


def people_metadata(name: str, uri: str | Path, level: int = 1) -> str:
    """Of a file with the columns id and age."""
    table = "data: {name: people, rows: 3}, differential_privacy: "
    table += "{privacy_column: id, budget_epsilon: 100.0, budget_delta: 0.0001}"
    return metadata_text(
        uri, UNIT, AGE, table=table, name=name, description="people who buy", level=level, database="people_db"
    )


def project_zip(code: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("MLproject", MLPROJECT)
        archive.writestr("main.py", code)
        archive.writestr("src/model.py", "class UserModel:\n    pass\n")
    return data.getvalue()
