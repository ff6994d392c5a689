"""A new package while requests come in: none fails, and once the version is available again the new code answers."""

from __future__ import annotations

import threading
from typing import Any

from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

MODEL = """
class Model:
    def request(self, data):
        return {{"answer": "{answer}"}}
"""
ROUNDS = 3


class Caller(threading.Thread):
    """Sends direct requests one after the other until told to stop."""

    def __init__(self, server: RunningServer, door: ModelDoor) -> None:
        super().__init__(daemon=True)
        self.answers: list[dict[str, Any]] = []
        self._enough = threading.Event()
        self._door = ModelDoor(server.client(), door.project)

    def run(self) -> None:
        with self._door.client:
            while not self._enough.is_set():
                self.answers.append(self._door.request({"number": 1}))

    def finish(self) -> None:
        self._enough.set()
        self.join(timeout=60)
        assert not self.is_alive()


def test_no_request_fails_while_the_code_is_replaced(server: RunningServer) -> None:
    with server.client() as client:
        door = new_model(
            client,
            {"model.py": MODEL.format(answer="0")},
            inputs={"number": "int"},
            outputs={"answer": "string"},
            maximum_instances=2,
        )
        callers = [Caller(server, door) for _ in range(3)]
        for caller in callers:
            caller.start()
        for number in range(1, ROUNDS + 1):
            door.upload({"model.py": MODEL.format(answer=number)})
            assert door.client.get(door.path).json()["status"].startswith("available")
            door.wait()
            assert door.request({"number": 1})["result"] == {"answer": str(number)}
        client.patch(door.path, json={"memory_allocation": 512})
        for caller in callers:
            caller.finish()
    for caller in callers:
        assert [answer for answer in caller.answers if not answer["success"]] == []
        seen = [answer["result"]["answer"] for answer in caller.answers]
        assert seen == sorted(seen), "once the new code has answered, the old one does not"
        assert seen[0] == "0"
