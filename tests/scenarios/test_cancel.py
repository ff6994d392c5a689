"""Deleting a batch request that runs stops its code; its twin that is left alone ends as it should."""

from __future__ import annotations

import time

from tests.models import new_model
from tests.serving import RunningServer

MODEL = """
import time

class Model:
    def request(self, data):
        if data["seconds"] >= 0:
            print("sleeping", flush=True)
            time.sleep(data["seconds"])
        return {"slept": data["seconds"]}
"""


def test_a_deleted_request_gives_its_instance_back(server: RunningServer) -> None:
    with server.client() as client:
        fields = {"seconds": "int"}
        door = new_model(client, {"model.py": MODEL}, inputs=fields, outputs={"slept": "int"}, maximum_instances=1)
        answer = client.post(f"{door.path}/request-batch", json=[{"seconds": 3_000}, {"seconds": 0}])
        endless, short = [item["id"] for item in answer.json()]
        door.wait_for_log("sleeping", request_id=endless)
        assert client.get(f"{door.path}/request-batch/{endless}").json()["status"] == "processing"
        assert client.delete(f"{door.path}/request-batch/{endless}").status_code == 204
        deadline = time.monotonic() + 30
        while client.get(f"{door.path}/request-batch/{short}").json()["status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert client.get(f"{door.path}/request-batch/{endless}").status_code == 404
        assert door.request({"seconds": -1})["result"] == {"slept": -1}
