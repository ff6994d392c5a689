"""The 14 operations of the contract, each with what it answers where nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass

import requests

from tests.dialects.vbrain.house import Door


@dataclass(frozen=True)
class Operation:
    """``status`` is the answer's for a job that is queued; ``right`` names the row of contract vbrain 7."""

    method: str
    path: str
    status: int
    right: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def call(
        self, door: Door, repository: str, job: str, headers: dict[str, str | None] | None = None
    ) -> requests.Response:
        path = self.path.replace("<repository>", repository).replace("<job>", job)
        return door.call(self.method, path, {"repository_id": repository, **(headers or {})})


OPERATIONS = (
    Operation("GET", "/repository", 200, "read repository"),
    Operation("POST", "/repository", 201, "create repository"),
    Operation("GET", "/repository/<repository>", 200, "read repository"),
    Operation("GET", "/repository/<repository>/input", 200, "read repository"),
    Operation("GET", "/repository/<repository>/params", 200, "read repository"),
    Operation("GET", "/job", 200, "read execution"),
    Operation("POST", "/job/execute", 201, "create execution"),
    Operation("GET", "/job/<job>", 202, "read execution"),
    Operation("GET", "/job/<job>/result", 202, "read execution"),
    Operation("GET", "/job/<job>/params", 200, "read execution"),
    Operation("GET", "/job/<job>/output", 202, "read execution"),
    Operation("GET", "/job/<job>/logs", 200, "read execution"),
    Operation("DELETE", "/job/<job>", 200, "delete execution"),
    Operation("DELETE", "/repository/<repository>", 200, "delete repository"),
)
OF_A_REPOSITORY = ("GET /job", "POST /job/execute")
"""Those that the header repository_id is needed for."""
