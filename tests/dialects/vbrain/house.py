"""Organizations, clients and people, made as an operator makes them, and the doors through which people call."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from typer.testing import CliRunner

from quinta.cli.quinta import app
from tests.dialects.ubiops.people import PASSWORD, new_email, open_account
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.serving import ADMIN_EMAIL, RunningServer

BENCH = Path(__file__).parent / "bench"
NEVER_RUN = "Never Run"
"""An application whose model has no package: its jobs stay queued."""


@dataclass(frozen=True)
class Person:
    """An account and a key of it."""

    email: str
    key: str


@dataclass
class Door:
    """One person's calls for one client. ``headers`` are what each call sends."""

    url: str
    headers: dict[str, str]
    session: requests.Session
    server: RunningServer = field(repr=False)

    def call(
        self, method: str, path: str, headers: Mapping[str, str | bytes | None] | None = None, **more: Any
    ) -> requests.Response:
        """``headers`` are put over the door's; None leaves one out."""
        given = {**self.headers, **(headers or {})}
        sent = {name: value for name, value in given.items() if value is not None}
        return self.session.request(method, f"{self.url}/api/v1{path}", headers=sent, timeout=60, **more)

    def new_repository(self, **more: Any) -> str:
        answer = self.call("POST", "/repository", **more)
        assert answer.status_code == 201, answer.text
        assert answer.json()["message"] == "Repository created successfully"
        return str(answer.json()["repository_id"])

    def new_job(self, repository: str, params: Mapping[str, Any] | None = None, **more: Any) -> str:
        body = {"json": {"params": params}} if params is not None else {}
        answer = self.call("POST", "/job/execute", {"repository_id": repository}, **body, **more)
        assert answer.status_code == 201, answer.text
        assert answer.json()["message"] == "Job created"
        return str(answer.json()["job_id"])

    def info(self, job: str) -> dict[str, Any]:
        answer = self.call("GET", f"/job/{job}")
        info: dict[str, Any] = answer.json()
        ended = info.get("job_status") in ("finished", "failed")
        assert answer.status_code == (200 if ended else 202), answer.text
        return info

    def ended(self, job: str) -> dict[str, Any]:
        """The job's info once it has ended."""
        return wait_for(lambda: self.info(job), lambda info: info["job_status"] in ("finished", "failed"))

    def started(self, job: str) -> dict[str, Any]:
        """The job's info once it has left the queue."""
        return wait_for(lambda: self.info(job), lambda info: info["job_status"] != "queued")

    def run(self, repository: str, params: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """The result of a job that finishes."""
        job = self.new_job(repository, params, **more)
        info = self.ended(job)
        assert info["job_status"] == "finished", info
        answer = self.call("GET", f"/job/{job}/result")
        assert answer.status_code == 200, answer.text
        return answer.json()["output"]

    def zip(self, path: str) -> dict[str, bytes]:
        """The files of a zip that is downloaded, by path."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        return unzipped(answer.content)


class House:
    """One organization on a server, with the application ``Bench``; what it makes has names of its own."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.organization = f"o-{uuid.uuid4().hex[:12]}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.owner = Person(ADMIN_EMAIL, server.token)
        self.admin("organization", "create", self.organization, "--admin", ADMIN_EMAIL, "--subscription", self._plan())
        package = server.data.parent / f"bench-{self.organization}.zip"
        package.write_bytes(zipped({"application.py": (BENCH / "application.py").read_bytes()}))
        self.admin("application", "add", self.organization, "Bench", "--zip", str(package))
        with server.client() as client:  # a build has files of its own among the uploads
            ModelDoor(client, f"{self.organization}-applications", "bench").wait()

    def _plan(self) -> str:
        """The name of a subscription of its own: how many clients tests have made before is chance."""
        plan = f"plan-{self.organization}"
        limits = ("max_projects", "max_users", "logs_retention_days", "gb_seconds", "resources")
        with self.server.client() as client:
            made = client.post("/v2.1/subscriptions", json={"name": plan} | dict.fromkeys(limits, 1_000))
        assert made.status_code == 201, made.text
        return plan

    def admin(self, *words: str) -> str:
        """What ``quinta admin`` prints as JSON. It runs in a thread of this process, beside the server's: starting
        another one takes seconds."""
        arguments = ["admin", *words, "--data", str(self.server.data), "--output", "json"]
        with ThreadPoolExecutor(1) as thread:  # a loop of its own, that no other test's is in the way of
            result = thread.submit(CliRunner().invoke, app, arguments).result()
        assert result.exit_code == 0, result.output
        return result.stdout

    def person(self) -> Person:
        """Someone who belongs to no organization, with the key of a session."""
        email = new_email()
        open_account(self.server, email)
        with self.server.client() as client:
            answer = client.post("/v2.1/authorize", json={"email": email, "password": PASSWORD})
        return Person(email, answer.json()["access"])

    def client(self, application: str = "Bench", leader: Person | None = None) -> Door:
        """A new client, through its leader's door; the leader is the organization's owner unless one is given."""
        name = f"Client é {uuid.uuid4().hex[:12]}"
        person = leader or self.owner
        self.admin("client", "create", self.organization, application, name, "--leader", person.email)
        headers = {
            "organization_id": self.organization,
            "application_id": application,
            "client_id": name,
            "username": person.email,
            "x-api-key": person.key,
        }
        return Door(self.server.url, headers, self.session, self.server)

    def never_run(self) -> None:
        """Adds the application of this name."""
        with self.server.client() as client:
            project = f"p-{uuid.uuid4().hex[:12]}"
            made = client.post("/v2.1/projects", json={"name": project, "organization_name": self.organization})
            assert made.status_code == 201, made.text
            model = {"name": "model", "input_type": "plain", "output_type": "plain"}
            assert client.post(f"/v2.1/projects/{project}/models", json=model).status_code == 201
            version = {"version": "v1", "memory_allocation": 256}
            made = client.post(f"/v2.1/projects/{project}/models/model/versions", json=version)
            assert made.status_code == 201, made.text
        self.admin("application", "add", self.organization, NEVER_RUN, "--model", f"{project}/model")

    def model_application(self, name: str, files: dict[str, str], **fields: Any) -> None:
        """Adds a UbiOps model of a project of this organization as an application."""
        with self.server.client() as client:
            project = f"p-{uuid.uuid4().hex[:12]}"
            made = client.post("/v2.1/projects", json={"name": project, "organization_name": self.organization})
            assert made.status_code == 201, made.text
            new_model(client, files, project=project, **fields)
        self.admin("application", "add", self.organization, name, "--model", f"{project}/model")

    def clients(self) -> list[dict[str, Any]]:
        """The organization's clients, as operators see them."""
        rows: list[dict[str, Any]] = json.loads(self.admin("client", "list", self.organization))
        return rows

    def project_of(self, door: Door) -> str:
        """The name of the project that the door's client is."""
        return str(next(row for row in self.clients() if row["client"] == door.headers["client_id"])["project"])

    def join(self, door: Door, person: Person, group: str) -> Door:
        """Adds someone to the client of ``door``; their own door to it."""
        names = (self.organization, door.headers["application_id"], door.headers["client_id"])
        self.admin("client", "add", *names, person.email, "--group", group)
        return self.door_of(door, person)

    def door_of(self, door: Door, person: Person) -> Door:
        """Someone's calls to the client of ``door``, whatever they may do there."""
        headers = {**door.headers, "username": person.email, "x-api-key": person.key}
        return Door(door.url, headers, self.session, self.server)

    def close(self) -> None:
        self.session.close()


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def refusal_of(answer: requests.Response) -> tuple[int, str]:
    """Status and text of a refusal, whose body has this one member."""
    body = answer.json()
    assert list(body) == ["error"], body
    return answer.status_code, body["error"]
