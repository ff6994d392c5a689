"""Keys that are good for less than their user may do, where something is there to be had (tests/dialects has the table
of all operations)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from typer.testing import CliRunner

from quinta.cli.quinta import app
from tests.models import ModelDoor
from tests.serving import ADMIN_EMAIL, RunningServer


def new_key(server: RunningServer, permissions: str) -> str:
    words = ["admin", "key", "create", "--user", ADMIN_EMAIL, "--permissions", permissions, "--output", "json"]
    with ThreadPoolExecutor(1) as thread:  # a loop of its own, that no other test's is in the way of
        made = thread.submit(CliRunner().invoke, app, [*words, "--data", str(server.data)]).result()
    assert made.exit_code == 0, made.output
    return str(json.loads(made.stdout)["key"])


@pytest.mark.parametrize(
    ("permissions", "sends"), [("read", False), ("read,deploy", False), ("write", True), ("read,write", True)]
)
def test_requests(server: RunningServer, plain: ModelDoor, permissions: str, sends: bool) -> None:
    """Direct ones and batches are changes, what became of them is for every key to see."""
    with server.client(new_key(server, permissions)) as client:
        ways = [client.post(f"{plain.path}/{way}", json="text") for way in ("request", "request-batch")]
        assert [way.status_code for way in ways] == ([200, 200] if sends else [403, 403])
        assert client.get(plain.path).status_code == 200
        assert client.get(f"{plain.path}/request-batch").status_code == 200


def test_a_session_is_good_for_everything(server: RunningServer, door: httpx2.Client, plain: ModelDoor) -> None:
    """Whoever has the password needs no permission; a key for looking opens the status, by which programs try keys."""
    with server.client(new_key(server, "read")) as client:
        assert client.get("/v2.1/status").status_code == 200
        assert client.patch("/v2.1/user", json={"name": "Ada"}).status_code == 403
    assert door.patch("/v2.1/user", json={}).status_code == 200
