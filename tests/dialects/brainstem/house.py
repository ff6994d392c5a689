"""People, their groups, and the doors through which they call the BrainSTEM face."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
from typer.testing import CliRunner

from quinta.cli.quinta import app
from tests.dialects.ubiops.people import PASSWORD, new_email, open_account
from tests.serving import ADMIN_EMAIL, RunningServer

RECORDS = "personal_attributes/data_repository"
SPELLINGS = ("data_repository", "datarepository", "datastorage")
MEMBERS = [
    "id",
    "name",
    "description",
    "is_public",
    "data_organization_json",
    "data_protocols_json",
    "authgroups",
]
"""Of a data repository, in the order of contract brainstem 6."""
Headers = Mapping[str, str | None]


@dataclass
class Door:
    """One person's calls. ``key`` is empty for nobody's."""

    url: str
    email: str
    key: str
    session: requests.Session

    def call(self, method: str, path: str, headers: Headers | None = None, **more: Any) -> requests.Response:
        """``path`` begins behind the portal's name or a prefix of its own: ``/api/…``. Nothing is redirected."""
        credentials = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent = {name: value for name, value in {**credentials, **(headers or {})}.items() if value is not None}
        address = self.url + (path if path.startswith("/") else f"/api/private/{path}")
        return self.session.request(method, address, headers=sent, timeout=60, allow_redirects=False, **more)

    def ok(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The body of an answer that is no refusal."""
        answer = self.call(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    def new(self, *groups: int, **members: Any) -> dict[str, Any]:
        """A record of these groups."""
        body = {"name": f"r-{uuid.uuid4().hex[:12]}", "authgroups": list(groups), **members}
        made: dict[str, Any] = self.ok("POST", f"{RECORDS}/", 201, json=body)["data_repository"]
        return made

    def names(self, path: str = f"{RECORDS}/", **more: Any) -> list[str]:
        """The names of records, as a list has them."""
        return [record["name"] for record in self.ok("GET", path, **more)["data_repositories"]]

    def new_group(self, name: str | None = None) -> int:
        """A group that this person owns; its number."""
        body = {"name": name or f"g-{uuid.uuid4().hex[:12]}"}
        return int(self.ok("POST", "users/group/", 201, json=body)["group"]["id"])


class House:
    """Makes people on a server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False
        self.staff = Door(server.url, ADMIN_EMAIL, server.token, self.session)
        self.nobody = Door(server.url, "", "", self.session)

    def person(self) -> Door:
        """Someone with an account, signed in."""
        email = new_email()
        open_account(self.server, email)
        answer = self.nobody.ok("POST", "/api/token/", json={"username": email, "password": PASSWORD})
        return Door(self.server.url, email, answer["token"], self.session)

    def join(self, number: int, person: Door, level: str = "member") -> None:
        self.admin("group", "add", str(number), person.email, "--level", level)

    def leave(self, number: int, person: Door) -> None:
        self.admin("group", "remove", str(number), person.email)

    def admin(self, *words: str) -> str:
        """What ``quinta admin`` prints. It runs in a thread of this process, beside the server's: starting another one
        takes seconds."""
        arguments = ["admin", *words, "--data", str(self.server.data)]
        with ThreadPoolExecutor(1) as thread:  # a loop of its own, that no other test's is in the way of
            result = thread.submit(CliRunner().invoke, app, arguments).result()
        assert result.exit_code == 0, result.output
        return result.stdout

    def close(self) -> None:
        self.session.close()


def told(answer: requests.Response) -> tuple[int, Any]:
    """Status and body of an answer."""
    assert answer.headers["content-type"] == "application/json", answer.text
    return answer.status_code, answer.json()
