"""People with keys, and the doors through which they call the MLflow face."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.dialects.ubiops.people import PASSWORD, new_email
from tests.dialects.versiontwo.house import House
from tests.serving import RunningServer

STORY = Path(__file__).with_name("story.py")
API = "/mlflow/api/2.0"


@dataclass(frozen=True)
class Tracker:
    """Somebody with a key and a project."""

    server: RunningServer
    email: str
    key: str
    project: str

    def client(self, **headers: str) -> httpx2.Client:
        given = headers or {"Authorization": f"Bearer {self.key}"}
        return httpx2.Client(base_url=self.server.url + API, headers=given, timeout=60, trust_env=False)

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        with self.client() as client:
            return client.request(method, path, **more)

    def ok(self, method: str, path: str, **more: Any) -> Any:
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        """Status and code of a refusal."""
        answer = self.call(method, path, **more)
        body = answer.json()
        assert set(body) == {"error_code", "message"}, body
        assert body["message"]
        return answer.status_code, body["error_code"]

    def experiment(self, name: str | None = None) -> str:
        """The id of a new one."""
        wanted = name or f"{self.project}/{uuid.uuid4().hex}"
        return str(self.ok("POST", "/mlflow/experiments/create", json={"name": wanted})["experiment_id"])

    def run(self, experiment: str | None = None) -> dict[str, Any]:
        """What is said of a new one."""
        body = {"experiment_id": experiment or self.experiment()}
        info: dict[str, Any] = self.ok("POST", "/mlflow/runs/create", json=body)["run"]["info"]
        return info

    def story(self, folder: Path, credentials: Mapping[str, str], *words: str) -> Any:
        """What MLflow's own client has seen."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "HOME": str(folder),
            "MLFLOW_TRACKING_URI": f"{self.server.url}/mlflow",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "GIT_PYTHON_REFRESH": "quiet",
            **credentials,
        }
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def new_tracker(house: House) -> Tracker:
    """Somebody with an account, a key and a project of their own."""
    email = new_email()
    house.admin("user", "create", email, "--password", PASSWORD)
    key = house.key_of(email)
    organization, project = (f"lab-{uuid.uuid4().hex[:12]}" for _ in range(2))
    with house.server.client(key) as client:
        wanted = {"name": organization, "subscription": "free", "subscription_agreed": True}
        made = client.post("/v2.1/organizations", json=wanted)
        assert made.status_code == 201, made.text
        made = client.post("/v2.1/projects", json={"name": project, "organization_name": organization})
        assert made.status_code == 201, made.text
    return Tracker(house.server, email, key, project)
