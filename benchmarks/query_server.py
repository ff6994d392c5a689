"""Asks a real ``quinta serve`` private queries over HTTP, as the SDK does: sent, then looked at until it has ended."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import family_of
from benchmarks.query_tables import Table
from script.local_server import HOST, LocalServer

_PREFIX: Final = "/dq0/api"
_LOOK_SECONDS: Final = 0.02
"""Before each look at a job: what is measured is up to so much, and a look, too long. The SDK waits 5 s."""
_LONGEST_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Asked:
    """What one query took, in seconds: of the clock until its answer could be read; of a processor, by the server and
    all that it has started."""

    seconds: float
    processor: float


class Asker:
    """One person with data and a project, who asks."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection(HOST, server.port, timeout=_LONGEST_SECONDS)
        self._token = server.token
        email, password = f"asker-{secrets.token_hex(4)}@example.org", secrets.token_urlsafe(16) + "aA1!"
        self.call("POST", "/auth/register", {"email": email, "password": password})
        roles = {role["role_name"]: role["role_id"] for role in self.call("GET", "/roles")["items"]}
        users = self.call("GET", "/users?order_by=-id&page_size=50")["items"]
        number = next(user["id"] for user in users if user["email"] == email)
        self.call("PATCH", f"/users/{number}", {"state": "active", "roles": [roles["owner"], roles["user"]]})
        self._token = self.call("POST", "/auth/login", {"email": email, "password": password})["token"]
        self._projects: dict[str, str] = {}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer; ends the benchmark for a refusal."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        self._connection.request(method, _PREFIX + path, content, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{method} {path} answered {response.status}: {answer[:500]!r}")
        return json.loads(answer)

    def bring(self, table: Table) -> None:
        """Registers the table as a dataset, in a project of its own."""
        data = self.call("POST", "/data", {"meta": table.meta})
        project = self.call("POST", "/projects", {"name": table.name, "working_dir": "/x"})["project_uuid"]
        attached = {"data_uuid": data["data_uuid"], "data_name": table.name}
        self.call("POST", f"/projects/{project}/attach/", attached)
        self._projects[table.name] = project

    def ask(self, table: Table, statement: str, epsilon: float = 1.0) -> Asked:
        sent = {
            "query": statement,
            "datasets": table.name,
            "project_uuid": self._projects[table.name],
            "epsilon": epsilon,
            "tau": 0.0,
            "private_column": "",
            "permissions": None,
            "params": None,
        }
        used, begun = self._processor_seconds(), time.perf_counter()
        job = self.call("POST", "/queries/", sent)["job_uuid"]
        state = ""
        while state != "finished":
            if time.perf_counter() - begun > _LONGEST_SECONDS:
                raise SystemExit(f"no answer after {_LONGEST_SECONDS:.0f} s: {statement}")
            time.sleep(_LOOK_SECONDS)
            found = self.call("GET", f"/jobs/{job}/")
            state = found["job_state"]
            if state == "error":
                raise SystemExit(f"{statement}: {found['job_errors']}")
        taken = time.perf_counter() - begun
        return Asked(taken, self._processor_seconds() - used)

    def _processor_seconds(self) -> float:
        """By the scheduler, in nanoseconds: ticks would be 10 ms."""
        assert self._server.pid is not None
        files = (file for pid in family_of(self._server.pid) for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9

    def close(self) -> None:
        self._connection.close()


def megabytes(server: LocalServer) -> list[tuple[float, float]]:
    """Of each process that answers queries: what it holds of memory now, and the most it has held."""
    assert server.pid is not None
    found = []
    for pid in family_of(server.pid):
        if pid != server.pid and b"own_process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            held, most = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
            found.append((held, most))
    return sorted(found)
