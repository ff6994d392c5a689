"""Clients that hang up, with real sockets: what they asked for ends, and nobody else notices."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2

from quinta.core.reasons import Reason
from tests.models import ModelDoor, new_model
from tests.pipelines import new_pipeline
from tests.serving import RunningServer

CODE = """
import os, time

class Model:
    def request(self, data):
        print("began", data["seconds"], flush=True)
        time.sleep(data["seconds"])
        return {"process": os.getpid(), "began": self.count()}

    def count(self):
        self.served = getattr(self, "served", 0) + 1
        return self.served
"""
FIELDS = {"inputs": {"seconds": "double"}, "outputs": {"process": "int", "began": "int"}}


def send(server: RunningServer, path: str, body: object) -> socket.socket:
    """A request whose answer nobody has read yet."""
    url = urlsplit(server.url)
    connection = socket.create_connection((url.hostname, url.port))
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Token {server.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    connection.sendall(head.encode() + data)
    return connection


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def said(door: ModelDoor, text: str) -> list[str]:
    return [line["log"] for line in door.logs() if text in line["log"]]


def test_what_a_client_asked_for_ends_when_it_hangs_up(server: RunningServer, door: httpx2.Client) -> None:
    model = new_model(door, {"model.py": CODE}, maximum_instances=1, **FIELDS)
    with send(server, f"{model.path}/request", {"seconds": 3600}):
        model.wait_for_log("began 3600")
        queued = send(server, f"{model.path}/request", {"seconds": 3601})
        until(lambda: "quinta_requests_waiting 1.0" in door.get("/metrics").text)
        queued.close()
        line = model.wait_for_log("the request was dropped from the queue: its caller hung up")
        assert line["request_id"]
    line = model.wait_for_log(f"its caller hung up 1 s ago [{Reason.CANCELLED}]")
    assert line["request_id"]
    assert model.request({"seconds": 0})["result"]["began"] == 1, "the code was killed with its instance"
    assert said(model, "began 3601") == []


def test_a_request_that_is_about_to_end_does_not_cost_its_instance(server: RunningServer, door: httpx2.Client) -> None:
    model = new_model(door, {"model.py": CODE}, maximum_instances=1, **FIELDS)
    assert model.request({"seconds": 0})["result"]["began"] == 1
    with send(server, f"{model.path}/request", {"seconds": 1.2}):
        model.wait_for_log("began 1.2")
        time.sleep(0.7)  # into the time in which calls are watched
    assert model.request({"seconds": 0})["result"]["began"] == 3


def test_a_client_that_stays_gets_its_answer(server: RunningServer, door: httpx2.Client) -> None:
    model = new_model(door, {"model.py": CODE}, maximum_instances=1, **FIELDS)
    answer = model.request({"seconds": 1.5})
    assert answer["success"]


def test_a_pipeline_ends_when_its_client_hangs_up(server: RunningServer, door: httpx2.Client) -> None:
    model = new_model(door, {"model.py": CODE}, maximum_instances=1, **FIELDS)
    pipeline = new_pipeline(door, model.project, FIELDS["inputs"])
    pipeline.add("part", model.model)
    pipeline.attach("pipeline_start", "part", {"seconds": "seconds"})
    with send(server, f"{pipeline.path}/request", {"seconds": 3600}):
        model.wait_for_log("began 3600")
    line = model.wait_for_log(f"its caller hung up 1 s ago [{Reason.CANCELLED}]")
    assert line["pipeline_object_name"] == "part"
    (run,) = pipeline.request({"seconds": 0})
    assert run["success"]
