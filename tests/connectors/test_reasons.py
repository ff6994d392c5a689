"""Stores and servers that fail, each in another way: the code and its phase, as whoever asks the server sees them."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from quinta.core.connectors.model import ConnectorStatus
from quinta.core.reasons import Reason
from tests.connectors.databases import PASSWORD, postgresql_url
from tests.connectors.house import House
from tests.connectors.network import way_to
from tests.connectors.test_delivery import FIELDS, new_table, sign_in
from tests.connectors.test_hostile import Hostile, listening
from tests.connectors.test_pipelines import SETTINGS, add_store, ended, new_connector
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_project
from tests.pipelines import PipelineDoor, new_pipeline
from tests.serving import RunningServer, serving, start_server

BUCKET = {"bucket": "bucket"}
FINE = (200, {"ETag": '"1"'}, b"")
BLOB = {"blob": "blob"}

STATUSES = {
    504: Reason.STORE_TIMEOUT,
    408: Reason.STORE_TIMEOUT,
    418: Reason.STORE_REFUSED,
    503: Reason.STORE_BUSY,
    401: Reason.CREDENTIALS_REFUSED,
}
"""What a store means that answers so to whoever signs in."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("reasons") / "data", SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def store() -> Iterator[Hostile]:
    """What takes objects as S3 would, until it is told to answer in another way."""
    with listening("127.0.0.1") as hostile:
        hostile.puts = FINE
        yield hostile


def keys(port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return {"access_key": "AKIA", "secret_key": "s" * 20, "region": "us-east-1", "endpoint_url": url}


def signed_in(client: httpx2.Client, project: str, type_: str, configuration: dict[str, str]) -> dict[str, Any]:
    """Credentials once they were looked at."""
    path = f"/v2.1/projects/{project}/credentials"
    name = f"keys-{len(client.get(path).json())}"
    answer = client.post(path, json={"name": name, "type": type_, "configuration": configuration})
    assert answer.status_code == 201, answer.text
    return looked_at(client, f"{path}/{name}")


def looked_at(client: httpx2.Client, path: str) -> dict[str, Any]:
    return wait_for(
        lambda: dict(client.get(path).json()), lambda found: found["status"] != "pending_verification", seconds=60
    )


def check(found: dict[str, Any], reason: Reason) -> None:
    assert (found["status"], found["error_code"], found["error_phase"]) == (
        "failed_verification",
        reason,
        reason.phase,
    ), found
    assert found["error_message"]


@contextmanager
def greeting(sign: bytes) -> Iterator[int]:
    """The port of what says ``sign`` to everybody who comes, and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed: the test is over
                    return
                with connection:
                    connection.sendall(sign)

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_what_a_store_answers_to_a_look(client: httpx2.Client, store: Hostile) -> None:
    project = new_project(client)
    for status, reason in STATUSES.items():
        store.answer = (status, {}, b"")
        check(signed_in(client, project, "aws_s3", keys(store.port)), reason)
    store.answer = (404, {}, b"<Error><Code>NoSuchBucket</Code></Error>")
    good = signed_in(client, project, "aws_s3", keys(store.port))
    assert (good["status"], "error_code" in good) == ("available", False)
    page = client.get("/metrics").text
    for reason in STATUSES.values():
        labels = f'{{code="{reason}",phase="{reason.phase}",subject="verification"}}'
        assert f"quinta_failures_total{labels}" in page


def test_a_store_that_speaks_nonsense_ends_its_driver_and_nothing_else(client: httpx2.Client) -> None:
    with greeting(b"\x01\x00\x00\x00\x0a") as port:  # MySQL's greeting, which ends after its first byte
        configuration = {"username": "u", "password": PASSWORD, "host": "127.0.0.1", "port": str(port)}
        found = signed_in(client, new_project(client), "mysql", configuration)
    check(found, Reason.DRIVER_FAILED)
    assert PASSWORD not in found["error_message"]


def only_store(client: httpx2.Client, store: Hostile) -> PipelineDoor:
    """A pipeline that writes the blob that it gets to the store, by one connector."""
    store.answer = (404, {}, b"<Error><Code>NoSuchBucket</Code></Error>")
    project = new_project(client)
    connector = new_connector(client, project, "aws_s3", keys(store.port), BUCKET)
    assert connector["status"] == "available", connector
    pipeline = new_pipeline(client, project, BLOB)
    add_store(pipeline, connector["name"])
    pipeline.attach("pipeline_start", "store", BLOB)
    store.heard.clear()
    return pipeline


def uploaded(server: RunningServer, pipeline: PipelineDoor) -> tuple[str, Path]:
    """A new blob: its id, and where the server keeps its content."""
    folder = server.data / "objects"
    before = set(folder.rglob("*"))
    files = {"file": ("a.txt", b"content")}
    answer = pipeline.client.post(f"/v2.1/projects/{pipeline.project}/blobs", files=files)
    assert answer.status_code == 201, answer.text
    (path,) = (path for path in set(folder.rglob("*")) - before if path.is_file())
    return str(answer.json()["id"]), path


def said(pipeline: PipelineDoor, reason: Reason) -> None:
    door = ModelDoor(pipeline.client, pipeline.project)
    line = door.wait_for_log(f"[{reason}]", pipeline_name=pipeline.name, system=True)
    assert line["log"].startswith("the message was not written: ")


def test_messages_that_cannot_be_written(server: RunningServer, client: httpx2.Client, store: Hostile) -> None:
    """The pipeline's request never fails with them; the log has the code."""
    pipeline = only_store(client, store)
    blob, kept = uploaded(server, pipeline)
    assert pipeline.request({"blob": blob}) == []
    assert store.heard == ["PUT /bucket/a.txt"]

    store.puts = (418, {}, b"")
    assert pipeline.request({"blob": blob}) == []
    said(pipeline, Reason.STORE_REFUSED)
    store.puts = FINE

    content = kept.read_bytes()
    kept.unlink()
    assert pipeline.request({"blob": blob}) == []
    said(pipeline, Reason.MESSAGE_BLOB_GONE)

    kept.symlink_to(kept)  # as on a disk that fails: it is there, and cannot be read
    assert pipeline.request({"blob": blob}) == []
    said(pipeline, Reason.DELIVERY_GIVEN_UP)

    before = len(server.output)
    (waiting,) = pipeline.batch([{"blob": blob}])
    wait_for(lambda: any("leases.work_failed" in line for line in server.output[before:]), bool)
    kept.unlink()
    kept.write_bytes(content)
    store.heard.clear()
    assert ended(pipeline, waiting)["status"] == "completed"
    assert store.heard == ["PUT /bucket/a.txt"]  # nobody waits for the answer, so that one was tried again


async def test_a_look_that_its_server_does_not_outlive_is_given_up(tmp_path: Path) -> None:
    """The server is killed at it once; the other two times are only counted."""
    data = tmp_path / "data"
    async with way_to(None) as silent:
        server = await asyncio.to_thread(start_server, data, SETTINGS)
        with server.client() as client:
            project = new_project(client)
            configuration = {"username": "u", "password": "p", "host": "127.0.0.1", "port": str(silent.port)}
            body = {"name": "keys", "type": "postgresql", "configuration": configuration}
            path = f"/v2.1/projects/{project}/credentials"
            assert (await asyncio.to_thread(client.post, path, json=body)).status_code == 201
        await asyncio.wait_for(silent.heard.wait(), 60)
        server.kill()
    with closing(sqlite3.connect(data / "quinta.db")) as database, database:
        assert database.execute("UPDATE verifications SET attempts = attempts + 2").rowcount == 1
    server = await asyncio.to_thread(start_server, data, SETTINGS, token=server.token)
    try:
        with server.client() as client:
            check(await asyncio.to_thread(looked_at, client, f"{path}/keys"), Reason.DELIVERY_GIVEN_UP)
            with greeting(b"nonsense") as port:  # a changed one is looked at anew
                change = {"configuration": {"port": str(port)}}
                assert (await asyncio.to_thread(client.patch, f"{path}/keys", json=change)).status_code == 200
                check(await asyncio.to_thread(looked_at, client, f"{path}/keys"), Reason.UNREACHABLE)
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_database_that_refuses_and_one_that_is_slow(house: House, postgresql_port: int) -> None:
    table = await new_table(postgresql_port)
    admin = await asyncpg.connect(postgresql_url(postgresql_port))
    await admin.execute(
        f"CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''not on a Sunday''; END'; "
        f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_{table}(); "
        f"CREATE VIEW v{table} AS SELECT DISTINCT number FROM {table}; "
        f"CREATE ROLE hasty_{table} LOGIN PASSWORD '{PASSWORD}'; "
        f"ALTER ROLE hasty_{table} SET statement_timeout = '200ms'; GRANT INSERT ON {table}, v{table} TO hasty_{table}"
    )
    await house.sign_in("postgresql", {**sign_in(postgresql_port), "username": f"hasty_{table}"})
    view = await house.connect("postgresql", {"database": "postgres", "table": f"v{table}"}, FIELDS, name="view")
    assert (view.connector.status, view.connector.reason) == (
        ConnectorStatus.FAILED_VERIFICATION,
        Reason.STORE_REFUSED,
    )
    place = {"database": "postgres", "table": table}
    made = await house.connect("postgresql", place, FIELDS)
    refusal = await house.deliver(made, {"number": 1})
    assert refusal is not None
    assert (refusal.reason, "not on a Sunday" in refusal.message) == (Reason.STORE_REFUSED, True)
    await admin.execute(f"DROP TRIGGER refuse ON {table}")
    async with admin.transaction():
        await admin.execute(f"LOCK TABLE {table}")
        late = await house.deliver(made, {"number": 2})
        looked = await house.connect("postgresql", place, FIELDS, name="looked")
    assert late is not None
    assert late.reason is Reason.STORE_TIMEOUT
    assert looked.connector.reason == Reason.STORE_TIMEOUT
    again = await house.change("looked", configuration={"table": table})
    assert again.connector.status is ConnectorStatus.AVAILABLE
    assert await house.deliver(again, {"number": 3}) is None
    assert [row[0] for row in await admin.fetch(f"SELECT number FROM {table}")] == [3]
    await admin.close()
