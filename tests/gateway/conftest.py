"""A gateway at its door, and the server behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from quinta.gateway.app import create_app
from quinta.gateway.gateway import Gateway
from quinta.kit.clock import SystemClock
from tests.gateway.quarantine import PASSWORD, Quarantine, listening

EMAIL = "ann@example.com"


@dataclass
class House:
    """``port`` is the server's; ``work`` an empty folder to make projects in."""

    gateway: Gateway
    client: httpx2.Client
    server: Quarantine
    port: int
    work: Path

    def post(self, path: str, values: Any = None) -> httpx2.Response:
        return self.client.post(f"/api/{path}/", json=values)

    def told(self, answer: httpx2.Response) -> dict[str, Any]:
        """The body of a success."""
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert "error" not in body
        return body

    def refused(self, answer: httpx2.Response, status: int) -> str:
        """The error of a failure."""
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert list(body) == ["error"]
        assert body["error"]
        return str(body["error"])

    def add_proxy(self) -> dict[str, Any]:
        return self.told(self.post("proxies", {"hostname": "127.0.0.1", "port": self.port}))

    def log_in(self) -> None:
        """With the proxy, and an account that is confirmed."""
        self.add_proxy()
        credentials = {"email": EMAIL, "password": PASSWORD}
        self.told(self.post("auth/register", credentials))
        self.server.confirm(EMAIL)
        self.told(self.post("auth/login", credentials))

    def new_project(self, name: str = "shop") -> str:
        """Its uuid."""
        made = self.told(self.post("projects", {"name": name, "working_dir": str(self.work)}))
        return str(made["project_uuid"])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    gateway, server, work = Gateway(tmp_path / "dq0", SystemClock()), Quarantine(), tmp_path / "work"
    work.mkdir()
    with (
        server.served() as behind,
        listening(lambda port: create_app(gateway, port)) as port,
        httpx2.Client(base_url=f"http://localhost:{port}", trust_env=False, timeout=60) as client,
    ):
        yield House(gateway, client, server, behind, work)


@pytest.fixture
def inside(house: House) -> House:
    """Logged in."""
    house.log_in()
    return house
