"""Models that benchmarks deploy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from script.local_server import Api

BUILD_SECONDS = 600.0
NUMBER_IN = {"input": "double"}
NUMBER_OUT = {"output": "double"}


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


def kept_running(instances: int) -> dict[str, int]:
    """Settings of a version with so many instances all the time."""
    return {"minimum_instances": instances, "maximum_instances": instances}


def deploy(
    api: Api,
    name: str,
    package: bytes,
    settings: Mapping[str, int],
    *,
    inputs: Mapping[str, str] = NUMBER_IN,
    outputs: Mapping[str, str] = NUMBER_OUT,
    wait: bool = True,
) -> Deployed:
    """A structured model with fields by data type, and one version of it, with ``settings``, that runs the
    zip file ``package``."""
    model: dict[str, Any] = {"name": name, "input_type": "structured", "output_type": "structured"}
    model["input_fields"] = [{"name": field, "data_type": kind} for field, kind in inputs.items()]
    model["output_fields"] = [{"name": field, "data_type": kind} for field, kind in outputs.items()]
    api.call("POST", "/projects/benchmark/models", model)
    version = {"version": "v1", "memory_allocation": 256, **settings}
    api.call("POST", f"/projects/benchmark/models/{name}/versions", version)
    deployed = Deployed(f"/projects/benchmark/models/{name}/versions/v1")
    api.upload("PUT", f"{deployed.path}/upload", "package.zip", package)
    if wait:
        await_build(api, deployed)
    return deployed


def await_build(api: Api, deployed: Deployed) -> None:
    deadline = time.perf_counter() + BUILD_SECONDS
    while (status := api.call("GET", deployed.path))["status"] != "available":
        if "failed" in status["status"] or time.perf_counter() > deadline:
            raise SystemExit(f"the model is {status['status']}: {status['error_message']}")
        time.sleep(0.1)
