"""People and service users with a place, a role or neither, for tests about who may do what."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.serving import RunningServer

PASSWORD = "long enough"


@dataclass(frozen=True)
class Person:
    """Someone with an account (or a service user), signed in."""

    client: httpx2.Client
    id: str
    email: str


def signed_in(server: RunningServer, email: str, password: str = PASSWORD) -> httpx2.Client:
    with server.client() as client:
        answer = client.post("/v2.1/authorize", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return server.client(answer.json()["access"])


def open_account(server: RunningServer, email: str) -> None:
    with server.client() as client:
        new = {"email": email, "password": PASSWORD, "terms_conditions": True, "name": "Ada"}
        assert client.post("/v2.1/user", json=new).status_code == 201


def newcomer(server: RunningServer) -> httpx2.Client:
    """Someone with a new account."""
    email = new_email()
    open_account(server, email)
    return signed_in(server, email)


def new_email() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


class People:
    """Makes people and service users; ``close`` signs them off."""

    def __init__(self, server: RunningServer, door: httpx2.Client) -> None:
        self._server = server
        self._door = door
        self._clients: list[httpx2.Client] = []

    def person(self) -> Person:
        """Someone who belongs to no organization."""
        client = newcomer(self._server)
        self._clients.append(client)
        user = client.get("/v2.1/user").json()
        return Person(client, user["id"], user["email"])

    def member(self, project: str, *, admin: bool = False) -> Person:
        """Someone who belongs to the organization of ``project`` (as tests.models.new_project names it)."""
        person = self.person()
        body = {"email": person.email, "admin": admin}
        answer = self._door.post(f"/v2.1/organizations/o-{project}/users", json=body)
        assert answer.status_code == 201, answer.text
        return person

    def service_user(self, project: str) -> Person:
        made = self._door.post(f"/v2.1/projects/{project}/service-users", json={}).json()
        return Person(self.by_token(made["token"]), made["id"], made["email"])

    def by_token(self, token: str) -> httpx2.Client:
        client = self._server.client(token)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


def assign(door: httpx2.Client, project: str, user_id: str, role: str, **on: str) -> str:
    """Gives the role; the assignment's id."""
    body: dict[str, Any] = {"user_id": user_id, "role": role, **on}
    answer = door.post(f"/v2.1/projects/{project}/role-assignments", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def refusal_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]
