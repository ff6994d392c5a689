"""People's computers, each with a gateway on it that speaks with a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from quinta.gateway.app import create_app
from quinta.gateway.gateway import Gateway
from quinta.kit.clock import SystemClock
from tests.dialects.dq0.house import Door
from tests.dialects.ubiops.people import PASSWORD
from tests.gateway.quarantine import listening


@dataclass
class LocalDoor(Door):
    """Calls of the gateway on one computer, which asks for no token. ``work`` is a folder for projects."""

    url: str = ""
    work: Path = Path()

    def call(self, method: str, path: str, headers: Any = None, **more: Any) -> requests.Response:
        return self.session.request(
            method, f"{self.url}/api{path}", headers=headers, timeout=60, allow_redirects=False, **more
        )

    def log_in(self, person: Door) -> None:
        self.ok("POST", "/auth/login", json={"email": person.email, "password": PASSWORD})
        self.email, self.number = person.email, person.number


@contextmanager
def computer(nobody: Door, folder: Path) -> Iterator[LocalDoor]:
    """One with a proxy for the server, where nobody is logged in."""
    gateway, work = Gateway(folder / "dq0", SystemClock()), folder / "work"
    work.mkdir(parents=True)
    with listening(lambda port: create_app(gateway, port)) as port, requests.Session() as session:
        session.trust_env = False
        door = LocalDoor(nobody.server, session, url=f"http://localhost:{port}", work=work)
        server = int(nobody.server.url.rpartition(":")[2])
        door.ok("POST", "/proxies", json={"hostname": "127.0.0.1", "port": server})
        yield door
