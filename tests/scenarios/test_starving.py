"""A version whose code hangs on a long batch leaves other versions their share of the batch loop."""

from __future__ import annotations

import time
from typing import Any

from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

MODEL = """
import time

class Model:
    def request(self, data):
        if data["hang"]:
            time.sleep(3_600)
        return {"y": 1}
"""


def batch(door: ModelDoor, requests: int, *, hang: bool) -> list[str]:
    answer = door.client.post(f"{door.path}/request-batch", json=[{"hang": hang}] * requests)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()]


def wait_for(door: ModelDoor, ids: list[str]) -> None:
    deadline = time.monotonic() + 60
    while True:
        items: list[dict[str, Any]] = door.client.post(f"{door.path}/request-batch-collect", json=ids).json()
        if all(item["status"] == "completed" for item in items):
            return
        assert time.monotonic() < deadline, items[0]
        time.sleep(0.1)


def test_a_version_that_hangs_does_not_keep_another_out(server: RunningServer) -> None:
    with server.client() as client:
        kinds: dict[str, Any] = {"inputs": {"hang": "bool"}, "outputs": {"y": "int"}}
        hangs = new_model(client, {"model.py": MODEL}, maximum_instances=8, **kinds)
        wait_for(hangs, batch(hangs, 250, hang=False))  # it is known as quick, and is handed much ahead
        for _ in range(3):
            batch(hangs, 250, hang=True)
        good = new_model(client, {"model.py": MODEL}, **kinds)
        wait_for(good, batch(good, 20, hang=False))
        assert client.delete(f"/v2.1/projects/{hangs.project}").status_code == 204
        assert good.request({"hang": False})["success"]
