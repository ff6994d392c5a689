"""Making a model and its version over the UbiOps door, for tests whose subject is something else."""

from __future__ import annotations

import io
import time
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx2

_BUILD_SECONDS = 120


def zipped(files: dict[str, str], folder: str = "model_package") -> bytes:
    """A zip archive of text files below ``folder``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{folder}/{name}", text)
    return buffer.getvalue()


@dataclass(frozen=True)
class ModelDoor:
    """One version of one model, by its paths on the server."""

    client: httpx2.Client
    project: str
    model: str = "model"
    version: str = "v1"

    @property
    def path(self) -> str:
        return f"/v2.1/projects/{self.project}/models/{self.model}/versions/{self.version}"

    def upload(self, files: dict[str, str]) -> None:
        answer = self.client.put(f"{self.path}/upload", files={"file": ("package.zip", zipped(files))})
        assert answer.status_code == 200, answer.text

    def wait(self, wanted: str = "available") -> dict[str, Any]:
        """The version once its status is ``wanted``; fails when it ends otherwise."""
        deadline = time.monotonic() + _BUILD_SECONDS
        while True:
            version: dict[str, Any] = self.client.get(self.path).json()
            if version["status"] == wanted:
                return version
            ended = version["status"] == "available" or version["status"].endswith("failed")
            assert not ended, version
            assert time.monotonic() < deadline, version
            time.sleep(0.05)

    def request(self, data: object) -> dict[str, Any]:
        answer = self.client.post(f"{self.path}/request", json=data)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def logs(self, **filters: object) -> list[dict[str, Any]]:
        """The newest log lines, oldest first."""
        body = {"filters": filters, "limit": 500}
        return list(reversed(self.client.post(f"/v2.1/projects/{self.project}/logs", json=body).json()))

    def wait_for_log(self, text: str, **filters: object) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while True:
            lines = self.logs(**filters)
            for line in lines:
                if text in line["log"]:
                    return line
            assert time.monotonic() < deadline, [line["log"] for line in lines]
            time.sleep(0.05)


def new_project(client: httpx2.Client) -> str:
    """An organization and a project that nobody else has; the project's name."""
    name = f"p-{uuid.uuid4().hex[:12]}"
    organization = {"name": f"o-{name}", "subscription": "professional", "subscription_agreed": True}
    assert client.post("/v2.1/organizations", json=organization).status_code == 201
    project = {"name": name, "organization_name": f"o-{name}"}
    answer = client.post("/v2.1/projects", json=project)
    assert answer.status_code == 201, answer.text
    return name


def new_model(
    client: httpx2.Client,
    files: dict[str, str],
    *,
    inputs: dict[str, str] | None = None,
    outputs: dict[str, str] | None = None,
    project: str | None = None,
    model: str = "model",
    wait: bool = True,
    **version: object,
) -> ModelDoor:
    """A version built from ``files``, available. Fields are data types by name; None makes that side plain."""
    door = ModelDoor(client, project or new_project(client), model)
    body: dict[str, object] = {"name": model}
    for side, fields in (("input", inputs), ("output", outputs)):
        body[f"{side}_type"] = "plain" if fields is None else "structured"
        body[f"{side}_fields"] = [{"name": name, "data_type": kind} for name, kind in (fields or {}).items()]
    answer = client.post(f"/v2.1/projects/{door.project}/models", json=body)
    assert answer.status_code == 201, answer.text
    settings = {"version": door.version, "memory_allocation": 256, **version}
    answer = client.post(f"/v2.1/projects/{door.project}/models/{model}/versions", json=settings)
    assert answer.status_code == 201, answer.text
    door.upload(files)
    if wait:
        door.wait()
    return door
