"""Connectors by the real client and a real server that may reach this machine; a look outlives a killed server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import ubiops
from ubiops import ApiClient, Configuration, CoreApi

from tests.connectors.databases import PASSWORD
from tests.connectors.network import way_to
from tests.connectors.test_mysql import NAME, database
from tests.models import new_project
from tests.serving import RunningServer, serving, start_server

__all__ = ["database"]

SETTINGS = {"QUINTA_CONNECTOR_NETWORKS": "127.0.0.0/8, ::1/128"}
FIELDS = [
    ubiops.ConnectorFieldCreate(name=name, data_type=kind) for name, kind in (("int", "int"), ("double", "double"))
]
_SECONDS = 90


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("opened") / "data", SETTINGS) as running:
        yield running


def client_of(server: RunningServer) -> CoreApi:
    key = {"Authorization": f"Token {server.token}"}
    return CoreApi(ApiClient(Configuration(host=f"{server.url}/v2.1", api_key=key)))


def verified(door: httpx2.Client, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + _SECONDS
    while (found := door.get(path).json())["status"] == "pending_verification":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return dict(found)


def logged(door: httpx2.Client, project: str, **filters: object) -> list[dict[str, Any]]:
    """Lines of the log, which are stored soon after they are written."""
    deadline = time.monotonic() + _SECONDS
    while not (found := door.post(f"/v2.1/projects/{project}/logs", json={"filters": filters}).json()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return list(found)


def test_a_connector_becomes_available(opened: RunningServer, mariadb_port: int, database: str) -> None:
    api = client_of(opened)
    with opened.client() as door:
        project = new_project(door)
        keys = {"username": "writer", "password": PASSWORD, "host": "127.0.0.1", "port": str(mariadb_port)}
        api.credentials_create(project, ubiops.CredentialsCreate(name="keys", type="mysql", configuration=keys))
        place = {"database": database, "table": NAME}
        new = {"name": "rows", "type": "mysql", "credentials": "keys", "configuration": place, "input_fields": FIELDS}
        api.connectors_create(project, ubiops.ConnectorCreate(**new))
        for path in ("credentials/keys", "connectors/rows"):
            found = verified(door, f"/v2.1/projects/{project}/{path}")
            assert (found["status"], found["error_message"]) == ("available", "")
        api.credentials_update(project, "keys", {"configuration": {"password": "another"}})
        refused = verified(door, f"/v2.1/projects/{project}/connectors/rows")
        assert refused["status"] == "failed_verification"
        assert "Access denied" in refused["error_message"]
        (line,) = logged(door, project, connector_name="rows", system=True)
        assert line["connector_name"] == "rows"
        assert "Access denied" in line["log"]
        told = "".join(opened.output) + str(line) + str(refused)
        assert PASSWORD not in told
        assert "'another'" not in told
    api.api_client.close()


async def test_a_look_outlives_a_killed_server(tmp_path: Path, mariadb_port: int) -> None:
    data = tmp_path / "data"
    server = await asyncio.to_thread(start_server, data, SETTINGS)
    try:
        async with way_to(None) as silent:
            with server.client() as door:
                project = new_project(door)
                keys = {"username": "writer", "password": PASSWORD, "host": "127.0.0.1", "port": silent.port}
                new = {"name": "keys", "type": "mysql", "configuration": keys}
                made = await asyncio.to_thread(door.post, f"/v2.1/projects/{project}/credentials", json=new)
                assert made.status_code == 201
            await asyncio.wait_for(silent.heard.wait(), _SECONDS)
            server.kill()
            port = silent.port
        async with way_to(mariadb_port, port) as _:
            server = await asyncio.to_thread(start_server, data, SETTINGS, token=server.token)
            with server.client() as door:
                found = await asyncio.to_thread(verified, door, f"/v2.1/projects/{project}/credentials/keys")
            assert (found["status"], found["error_message"]) == ("available", "")
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_store_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """The driver waits for 30 seconds, in a thread that nothing can stop; the process ends without it."""
    server = await asyncio.to_thread(start_server, tmp_path / "data", SETTINGS)
    async with way_to(None) as silent:
        with server.client() as door:
            project = new_project(door)
            keys = {"username": "writer", "password": PASSWORD, "host": "127.0.0.1", "port": silent.port}
            new = {"name": "keys", "type": "mysql", "configuration": keys}
            await asyncio.to_thread(door.post, f"/v2.1/projects/{project}/credentials", json=new)
        await asyncio.wait_for(silent.heard.wait(), _SECONDS)
        assert await asyncio.to_thread(server.stop) == 0
