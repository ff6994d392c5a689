"""``kill -9`` of the server in the middle of a batch: nothing accepted is lost, nothing has two results."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.models import ModelDoor, new_model
from tests.serving import RunningServer, start_server

REQUESTS = 1_000
KILLS = 4
SECONDS = 180
MODEL = """
class Model:
    def request(self, data):
        return {"doubled": data["number"] * 2}
"""


def processes_below(pid: int) -> dict[int, str]:
    """Every descendant of a process, with the moment it started (so that a number used again is told apart)."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry)] = (int(fields[1]), fields[19])
    found: dict[int, str] = {}
    wave = {pid}
    while wave:
        wave = {child for child, (parent, _) in parents.items() if parent in wave}
        found.update({child: parents[child][1] for child in wave})
    return found


def is_alive(pid: int, started: str) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[19] == started and fields[0] != "Z"


def all_requests(door: ModelDoor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = door.client.get(
            f"{door.path}/request-batch", params={"limit": 500, "offset": len(found), "sort": "asc"}
        ).json()
        found += page
        if len(page) < 500:
            return found


@pytest.mark.parametrize("seed", [7])
def test_every_accepted_request_ends_once(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    data = tmp_path / "data"
    server = start_server(data)
    port, token = int(server.url.rpartition(":")[2]), server.token
    try:
        with server.client() as client:
            door = new_model(client, {"model.py": MODEL}, inputs={"number": "int"}, outputs={"doubled": "int"})
            accepted: dict[str, int] = {}
            for start in range(0, REQUESTS, 250):
                numbers = range(start, start + 250)
                answer = client.post(f"{door.path}/request-batch", json=[{"number": number} for number in numbers])
                assert answer.status_code == 200
                accepted.update(zip((item["id"] for item in answer.json()), numbers, strict=True))
        for _ in range(KILLS):
            server = kill_within(server, moment.uniform(0.0, 0.25), port, token)
        with server.client() as client:
            door = ModelDoor(client, door.project)
            wait_for_the_end(door)
            check_results(door, accepted)
    finally:
        server.stop()


def kill_within(server: RunningServer, seconds: float, port: int, token: str) -> RunningServer:
    """Kills the server some time after it began to work; what it started must be gone; starts the next one."""
    time.sleep(seconds)  # the point of the test: any moment will do
    children = processes_below(server.process.pid)
    server.kill()
    deadline = time.monotonic() + 10
    while any(is_alive(pid, started) for pid, started in children.items()):
        assert time.monotonic() < deadline, "instances outlived the killed server"
        time.sleep(0.02)
    return start_server(server.data, port=port, token=token)


def wait_for_the_end(door: ModelDoor) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        states = Counter(request["status"] for request in all_requests(door))
        if set(states) <= {"completed", "failed"}:
            return
        assert time.monotonic() < deadline, states
        time.sleep(0.2)


def check_results(door: ModelDoor, accepted: dict[str, int]) -> None:
    listed = [request["id"] for request in all_requests(door)]
    assert len(listed) == len(set(listed)) == REQUESTS
    assert set(listed) == set(accepted)
    ids = list(accepted)
    for start in range(0, REQUESTS, 250):
        answer = door.client.post(f"{door.path}/request-batch-collect", json=ids[start : start + 250]).json()
        for request in answer:
            assert request["status"] == "completed", request
            assert request["result"] == {"doubled": accepted[request["id"]] * 2}
