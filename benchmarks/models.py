"""Models that benchmarks deploy: a text for ``model.py``, fields, and settings of the version."""

from __future__ import annotations

import io
import time
import zipfile
from dataclasses import dataclass
from typing import Any

from script.local_server import Api

BUILD_SECONDS = 600.0


@dataclass(frozen=True)
class Deployed:
    """An available version, by its path below the prefix of the API."""

    path: str

    @property
    def request(self) -> str:
        return f"{self.path}/request"


def new_project(api: Api) -> None:
    """The project ``benchmark``, which all models here are in."""
    organizations = api.call("GET", "/organizations")
    if not organizations:
        body = {"name": "benchmark", "subscription": "professional", "subscription_agreed": True}
        organizations = [api.call("POST", "/organizations", body)]
    api.call("POST", "/projects", {"name": "benchmark", "organization_name": organizations[0]["name"]})


def deploy(api: Api, name: str, files: dict[str, str], *, wait: bool = True, **settings: int) -> Deployed:
    """A model with the field ``input`` in and ``output`` out, both numbers, and one version of it."""
    model: dict[str, Any] = {"name": name, "input_type": "structured", "output_type": "structured"}
    model["input_fields"] = [{"name": "input", "data_type": "double"}]
    model["output_fields"] = [{"name": "output", "data_type": "double"}]
    api.call("POST", "/projects/benchmark/models", model)
    version = {"version": "v1", "memory_allocation": 256, **settings}
    api.call("POST", f"/projects/benchmark/models/{name}/versions", version)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, text in files.items():
            archive.writestr(f"model_package/{file}", text)
    deployed = Deployed(f"/projects/benchmark/models/{name}/versions/v1")
    api.upload("PUT", f"{deployed.path}/upload", "package.zip", buffer.getvalue())
    if wait:
        await_build(api, deployed)
    return deployed


def await_build(api: Api, deployed: Deployed) -> None:
    deadline = time.perf_counter() + BUILD_SECONDS
    while (status := api.call("GET", deployed.path))["status"] != "available":
        if "failed" in status["status"] or time.perf_counter() > deadline:
            raise SystemExit(f"the model is {status['status']}: {status['error_message']}")
        time.sleep(0.1)
