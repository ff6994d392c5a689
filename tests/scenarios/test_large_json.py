"""One version answers with the largest and most costly JSON there is; the server goes on for everybody else."""

from __future__ import annotations

import threading
from typing import Any

from tests.models import new_model
from tests.serving import RunningServer

MODEL = """
class Model:
    def request(self, data):
        return {"y": 1, "undeclared": [[] for _ in range(data["lists"])]}
"""
MANY = 4_000_000  # empty lists: 12 MB of JSON, which takes a second to read


def test_others_are_answered_while_a_large_result_is_read(server: RunningServer) -> None:
    with server.client() as client:
        kinds: dict[str, Any] = {"inputs": {"lists": "int"}, "outputs": {"y": "int"}, "memory_allocation": 1024}
        large, good = (new_model(client, {"model.py": MODEL}, **kinds) for _ in range(2))
        answers: list[dict[str, Any]] = []
        asking = threading.Thread(target=lambda: answers.append(large.request({"lists": MANY})))
        asking.start()
        meanwhile = 0
        while asking.is_alive():
            assert good.request({"lists": 0})["result"] == {"y": 1}
            meanwhile += 1
        asking.join()
        assert answers[0]["result"] == {"y": 1}
        assert meanwhile > 20
        refused = client.post(f"{good.path}/request", content=b"[" + b"[]," * MANY + b"[]]")
        assert refused.status_code == 400
        assert "must be an object" in refused.json()["error"]
