"""Stops with work in hand, starts over what another version or another server left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from quinta.storage.engines import parse_url
from quinta.storage.migrate import downgrade
from tests.cli.test_serve import serve
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.serving import start_server
from tests.storage.databases import BACKENDS, create_postgres_database, drop_postgres_database

REQUESTS = 60
CODE = """
import time


class Model:
    def request(self, data):
        time.sleep(0.1)
        return data
"""
SLOW = {"model.py": CODE}


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """For QUINTA_DATABASE_URL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'quinta.db'}"
    else:
        made = create_postgres_database()
        yield made
        drop_postgres_database(made)


def results(door: ModelDoor, ids: list[str]) -> dict[str, Any]:
    """Results by id of those that have completed; none may have failed."""
    answer = door.client.post(f"{door.path}/request-batch-collect", json=ids)
    assert answer.status_code == 200, answer.text
    assert Counter(item["status"] for item in answer.json())["failed"] == 0
    return {item["id"]: item["result"] for item in answer.json() if item["status"] == "completed"}


def test_a_stop_in_the_midst_of_work_and_a_start_from_the_schema_before(tmp_path: Path, url: str) -> None:
    """A running call is answered, the batch goes on after the next start, which brings the schema up to date."""
    settings = {"QUINTA_DATABASE_URL": url}
    server = start_server(tmp_path / "data", settings, fresh=True)
    with server.client() as client, ThreadPoolExecutor(1) as callers:
        door = new_model(client, SLOW, maximum_instances=1)
        accepted = client.post(f"{door.path}/request-batch", json=[f"{n}" for n in range(REQUESTS)]).json()
        ids = [item["id"] for item in accepted]
        before = wait_for(lambda: results(door, ids), lambda found: len(found) > 2)
        waiting = callers.submit(direct, server.client(), door)
        wait_for(lambda: len(results(door, ids)), lambda count: count > len(before))
        assert server.stop() == 0
        assert waiting.result(60) in (200, 503)
    assert "Traceback" not in "".join(server.output)
    asyncio.run(downgrade(parse_url(url), "-1"))
    server = start_server(tmp_path / "data", settings, token=server.token, fresh=True)
    with server.client() as client:
        door = ModelDoor(client, door.project)
        found = results(door, ids)
        assert before.items() <= found.items()
        assert len(found) < REQUESTS, "the stop came too late to prove anything"
        found = wait_for(lambda: results(door, ids), lambda found: len(found) == REQUESTS)
        assert [found[key] for key in ids] == [f"{n}" for n in range(REQUESTS)]
    assert server.stop() == 0


def direct(client: httpx2.Client, door: ModelDoor) -> int:
    with client:
        return client.post(f"{door.path}/request", json="direct").status_code


def test_a_second_server_touches_nothing_of_the_first(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", fresh=True)
    try:
        arriving = server.data / "uploads" / "upload-in-progress"
        arriving.write_bytes(b"half of it")
        second = serve("--port", "0", "--data", str(server.data))
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert f"another server uses the data folder {server.data}: stop it, or give this one its own" in second.stderr
        assert arriving.read_bytes() == b"half of it"
        assert (server.data / "lock").read_text() == str(server.process.pid)
    finally:
        assert server.stop() == 0
    again = start_server(server.data, fresh=True)
    assert not list((server.data / "uploads").iterdir())  # nobody's now
    assert again.stop() == 0
