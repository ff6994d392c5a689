"""Two versions print as fast as they can: their output is cut and says so, and another tenant's lines keep coming."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from quinta.engine.supervisor.logs import MAX_LINES
from tests.dialects.ubiops.waiting import wait_for as wait_until
from tests.models import ModelDoor, new_model
from tests.scenarios.test_starving import wait_for
from tests.serving import RunningServer

FLOOD = """
class Model:
    def request(self, data):
        for number in range(data["lines"]):
            print("flood", number, "." * 60)
        return {"y": 1}
"""
QUIET = """
class Model:
    def request(self, data):
        print("said", data["word"])
        return {"y": 1}
"""
LINES = 50_000


def flood(door: ModelDoor) -> list[str]:
    answer = door.client.post(f"{door.path}/request-batch", json=[{"lines": LINES}] * 2)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()]


def dropped(door: ModelDoor) -> list[dict[str, Any]]:
    return [line for line in door.logs(system=True) if "of output were dropped" in line["log"]]


def test_a_flood_is_cut_and_leaves_the_lines_of_others_alone(server: RunningServer) -> None:
    with server.client() as client:
        outputs = {"y": "int"}
        loud = [new_model(client, {"model.py": FLOOD}, inputs={"lines": "int"}, outputs=outputs) for _ in range(2)]
        quiet = new_model(client, {"model.py": QUIET}, inputs={"word": "string"}, outputs=outputs)
        ids = [flood(door) for door in loud]
        words = [uuid.uuid4().hex for _ in range(10)]
        for word in words:
            assert quiet.request({"word": word})["success"]
            quiet.wait_for_log(f"said {word}")
        for door, requests in zip(loud, ids, strict=True):
            wait_for(door, requests)
            notice = wait_until(partial(dropped, door), bool)[0]["log"]
            assert notice.startswith(f"{LINES - MAX_LINES} more lines ")
            assert f"{MAX_LINES} lines or 1 MiB are kept" in notice
        heard = [line["log"] for line in quiet.logs(system=False)]
        assert heard == [f"said {word}" for word in words]
