"""More direct requests than may wait: refused at once, in the dialect's words."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx2

from tests.models import new_model
from tests.serving import serving

CODE = """
import time

class Model:
    def request(self, data):
        time.sleep(data["seconds"])
        return {"seconds": data["seconds"]}
"""
FIELDS = {"inputs": {"seconds": "double"}, "outputs": {"seconds": "double"}}


def test_a_request_too_many_is_refused_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "data", {"QUINTA_QUEUE_REQUESTS": "2"}) as server, server.client() as client:
        model = new_model(client, {"model.py": CODE}, maximum_instances=1, **FIELDS)
        answers: list[httpx2.Response] = []
        path, body = f"{model.path}/request", {"seconds": 4}

        def ask() -> None:
            with server.client() as own:
                answers.append(own.post(path, json=body))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        while "quinta_requests_waiting 2.0" not in client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        refused = client.post(path, json=body)
        assert refused.status_code == 429
        assert refused.json() == {"error": "2 requests wait for this version already: send it again later"}
        assert "retry-after" not in refused.headers
        batch = client.post(f"{path}-batch", json=[body] * 5)
        assert batch.status_code == 200, "batch requests wait in the database"
        for thread in threads:
            thread.join()
        assert [answer.json()["success"] for answer in answers] == [True] * 3
        assert client.post(path, json={"seconds": 0}).json()["success"]
