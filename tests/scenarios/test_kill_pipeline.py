"""``kill -9`` in the middle of a batch of pipeline requests: each object runs to one end, and none that has ended runs
again (contract ubiops 7.2, decision 0013)."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.pipelines import PipelineDoor, new_pipeline
from tests.scenarios.test_kill import kill_within
from tests.serving import RunningServer, start_server

REQUESTS = 100
KILLS = 3
OBJECTS = ("fast", "slow", "last")
QUICK = """
import uuid


class Model:
    def request(self, data):
        token = uuid.uuid4().hex
        print("ran", token)
        return {"number": data["number"] + 1, "token": token}
"""
SLOW = QUICK.replace("import uuid", "import time\nimport uuid").replace(
    "        print(", "        time.sleep(0.04)\n        print("
)
INPUTS = {"number": "int", "token": "string"}


def results(data: Path) -> dict[str, tuple[str, str, str]]:
    """What has ended so far, by the id of the run: pipeline request, object and result, from the database itself."""
    with sqlite3.connect(f"file:{data / 'quinta.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT id, pipeline_request_id, object_name, result FROM object_results")
        return {row[0]: row[1:] for row in rows}


def make(client: httpx2.Client) -> PipelineDoor:
    """start -> fast -> slow -> last; each makes a token that no other run has, and sees that of the one before it."""
    quick = new_model(client, {"model.py": QUICK}, inputs=INPUTS, outputs=INPUTS, model="quick")
    new_model(client, {"model.py": SLOW}, inputs=INPUTS, outputs=INPUTS, model="slow", project=quick.project)
    pipeline = new_pipeline(client, quick.project, INPUTS)
    for name, model in zip(OBJECTS, ("quick", "slow", "quick"), strict=True):
        pipeline.add(name, model)
    links = {name: name for name in INPUTS}
    for source, destination in zip(("pipeline_start", *OBJECTS), OBJECTS, strict=False):
        pipeline.attach(source, destination, links)
    return pipeline


@pytest.mark.parametrize("seed", [11])
def test_no_object_that_has_ended_runs_again(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    data = tmp_path / "data"
    server = start_server(data)
    port, token = int(server.url.rpartition(":")[2]), server.token
    ended_before: list[dict[str, tuple[str, str, str]]] = []
    try:
        with server.client() as client:
            pipeline = make(client)
            accepted = dict(
                zip(
                    pipeline.batch([{"number": number, "token": ""} for number in range(REQUESTS)]),
                    range(REQUESTS),
                    strict=True,
                )
            )
        for share in range(1, KILLS + 1):  # in the midst of it: some have ended, some run, some wait
            wait_for(lambda: len(results(data)), lambda count, least=share * 40: count >= least)  # type: ignore[misc]  # bound at once
            server = kill_within(server, moment.uniform(0.0, 0.1), port, token)
            ended_before.append(results(data))
        with server.client() as client:
            check(server, PipelineDoor(client, pipeline.project, pipeline.name), accepted, ended_before)
    finally:
        server.stop()


def check(
    server: RunningServer,
    pipeline: PipelineDoor,
    accepted: dict[str, int],
    ended_before: list[dict[str, tuple[str, str, str]]],
) -> None:
    def states() -> Counter[str]:
        listed = pipeline.client.get(f"{pipeline.path}/request-batch", params={"limit": 500}).json()
        assert {item["id"] for item in listed} == set(accepted)
        return Counter(item["status"] for item in listed)

    wait_for(states, lambda found: found["completed"] + found["failed"] == REQUESTS, seconds=180)
    answers = pipeline.client.post(f"{pipeline.path}/request-batch-collect", json=list(accepted)).json()
    for answer in answers:
        check_one(answer, accepted[answer["id"]])
    now = results(server.data)
    assert len(now) == REQUESTS * len(OBJECTS)
    for before in ended_before:
        assert before.items() <= now.items()  # nothing that had ended was made again
    assert len(ended_before[-1]) < len(now), "the kills came too late to prove anything"
    check_log(ModelDoor(pipeline.client, pipeline.project), now)


def check_one(answer: dict[str, Any], number: int) -> None:
    """Each object once, each with what the one before it gave."""
    assert answer["status"] == "completed", answer
    runs = answer["model_requests"]
    assert [run["pipeline_object"] for run in runs] == list(OBJECTS)
    given = {"number": number, "token": ""}
    for run in runs:
        assert run["request_data"] == given
        assert run["result"]["number"] == given["number"] + 1
        given = run["result"]


def check_log(door: ModelDoor, ended: dict[str, tuple[str, str, str]]) -> None:
    """A run that was cut off may have left a line too; but none came after the line of the run that counts. That one
    may be missing: lines wait a moment for the writer, and a kill takes them along."""
    tokens = {request_id: re.findall(r'"token": ?"(\w+)"', row[2])[0] for request_id, row in ended.items()}
    ran: dict[str, list[str]] = {}
    for line in door.logs():
        if line["log"].startswith("ran "):
            ran.setdefault(line["request_id"], []).append(line["log"].removeprefix("ran "))
    assert len(ran) > REQUESTS
    for request_id, lines in ran.items():
        assert tokens[request_id] not in lines[:-1]
