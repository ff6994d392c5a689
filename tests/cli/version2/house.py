"""A server with models of two releases, and the command signed in to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from tests.cli.version2.command import Command, new_command
from tests.models import ModelDoor, new_model
from tests.serving import RunningServer

_SECONDS = 60

ANSWERS = """
import logging

class Model:
    def request(self, data):
        print("asked for", data)
        logging.getLogger("shop").warning("warned of %s", data)
        return "{name}"
"""


def signed_in(server: RunningServer, folder: Path) -> Command:
    """The administrator's command in an empty folder."""
    return new_command(folder, VERSION2_API_URL=server.url, VERSION2_API_KEY=server.token)


def two_releases(client: httpx2.Client) -> str:
    """A project whose model answers "one" as release v1 and "two" as release v2; its name."""
    first = new_model(client, {"model.py": ANSWERS.format(name="one")})
    settings = {"version": "v2", "memory_allocation": 256}
    answer = client.post(f"/v2.1/projects/{first.project}/models/model/versions", json=settings)
    assert answer.status_code == 201, answer.text
    second = ModelDoor(client, first.project, version="v2")
    second.upload({"model.py": ANSWERS.format(name="two")})
    second.wait()
    return first.project


def ask(client: httpx2.Client, project: str, data: str) -> str:
    """The answer of the live version."""
    answer = client.post(f"/v2.1/projects/{project}/models/model/request", json=data)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"])


def until(condition: Callable[[], bool]) -> None:
    """Returns when it holds."""
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
