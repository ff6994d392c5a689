"""Batch requests whose instance dies: run again by the version's policy (decision 0018)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.processes import kill_instances
from tests.serving import RunningServer, serving

CODE = """
import os, time

class Model:
    def request(self, data):
        print("began", flush=True)
        if data["exit"]:
            os._exit(3)
        time.sleep(2)
        return {"exit": data["exit"]}
"""
FIELDS = {"inputs": {"exit": "int"}, "outputs": {"exit": "int"}}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose instances may all be killed."""
    with serving(tmp_path_factory.mktemp("deaths") / "data") as running:
        yield running


@pytest.fixture
def client(own: RunningServer) -> Iterator[httpx2.Client]:
    with own.client() as client:
        yield client


def model_with(client: httpx2.Client, runs: str | None) -> ModelDoor:
    door = new_model(client, {"model.py": CODE}, maximum_instances=1, **FIELDS)
    if runs is not None:
        variable = {"name": "QUINTA_BATCH_RUNS", "value": runs, "secret": False}
        answer = client.post(f"{door.path}/environment-variables", json=variable)
        assert answer.status_code == 201, answer.text
    return door


def end_of(door: ModelDoor, request_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        request: dict[str, Any] = door.client.get(f"{door.path}/request-batch/{request_id}").json()
        if request["status"] in ("completed", "failed"):
            return request
        assert time.monotonic() < deadline, request
        time.sleep(0.05)


def begun(door: ModelDoor, request_id: str) -> int:
    return len([line for line in door.logs(request_id=request_id) if line["log"] == "began"])


def create(door: ModelDoor, code: int) -> str:
    answer = door.client.post(f"{door.path}/request-batch", json=[{"exit": code}])
    assert answer.status_code == 200, answer.text
    return str(answer.json()[0]["id"])


def test_a_request_whose_instance_is_killed_runs_once_more(own: RunningServer, client: httpx2.Client) -> None:
    door = model_with(client, None)
    request_id = create(door, 0)
    door.wait_for_log("began", request_id=request_id)
    kill_instances(own.process.pid)
    door.wait_for_log("the request is run again: the instance ended with signal 9 (SIGKILL)", request_id=request_id)
    assert end_of(door, request_id)["status"] == "completed"
    assert begun(door, request_id) == 2


def test_a_version_may_forbid_a_second_run(own: RunningServer, client: httpx2.Client) -> None:
    door = model_with(client, "1")
    request_id = create(door, 0)
    door.wait_for_log("began", request_id=request_id)
    kill_instances(own.process.pid)
    request = end_of(door, request_id)
    assert (request["status"], request["error_message"]) == (
        "failed",
        "the instance ended with signal 9 (SIGKILL) during the request",
    )
    assert begun(door, request_id) == 1


@pytest.mark.parametrize(("runs", "expected"), [(None, 1), ("3", 3), ("many", 1)])
def test_what_ends_its_own_process_runs_again_only_where_the_version_says_so(
    client: httpx2.Client, runs: str | None, expected: int
) -> None:
    door = model_with(client, runs)
    request_id = create(door, 3)
    assert end_of(door, request_id)["status"] == "failed"
    door.wait_for_log("exit code 3", request_id=request_id)
    # Lines wait a moment for the writer: those of the last run come after its result.
    assert wait_for(lambda: begun(door, request_id), lambda count: count >= expected) == expected
