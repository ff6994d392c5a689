"""Messages of pipelines, by a whole server: they are written, and nothing fails with a store (contract ubiops 5.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from obstore.store import S3Store

from tests.connectors.databases import PASSWORD, postgresql_url
from tests.connectors.test_objects import make_bucket
from tests.dialects.ubiops.waiting import wait_for
from tests.models import ModelDoor, new_model
from tests.pipelines import PipelineDoor, new_pipeline
from tests.serving import RunningServer, serving, start_server

NUMBERS = {"number": "double"}
SETTINGS = {"QUINTA_CONNECTOR_NETWORKS": "127.0.0.0/8"}
DOUBLE = """
class Model:
    def request(self, data):
        return {"number": data["number"] * 2}
"""
WRITER = """
class Model:
    def request(self, data):
        with open("answer.txt", "w") as file:
            file.write(str(data["number"]))
        return {"file": "answer.txt"}
"""


@dataclass
class Table:
    """A table with one column, which the user ``writer`` may write to."""

    admin: asyncpg.Connection[asyncpg.Record]
    schema: str

    async def numbers(self) -> list[float]:
        rows = await self.admin.fetch(f"SELECT number FROM {self.schema}.results ORDER BY number")
        return [row["number"] for row in rows]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("pipelines") / "data", SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def double(client: httpx2.Client) -> ModelDoor:
    return new_model(client, {"model.py": DOUBLE}, inputs=NUMBERS, outputs=NUMBERS, model="double")


@pytest_asyncio.fixture
async def table(postgresql_port: int) -> AsyncIterator[Table]:
    admin = await asyncpg.connect(postgresql_url(postgresql_port))
    schema = f"s{uuid4().hex}"
    await admin.execute(f"CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO writer")
    await admin.execute(f"CREATE TABLE {schema}.results (number double precision)")
    await admin.execute(f"GRANT INSERT ON {schema}.results TO writer")
    yield Table(admin, schema)
    await admin.close()


def new_connector(
    client: httpx2.Client,
    project: str,
    type_: str,
    sign_in: dict[str, str],
    place: dict[str, str],
    fields: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A connector once it was looked at."""
    name, path = f"c-{uuid4().hex[:8]}", f"/v2.1/projects/{project}"
    body: dict[str, Any] = {"name": name, "type": type_, "configuration": sign_in}
    assert client.post(f"{path}/credentials", json=body).status_code == 201
    body |= {"credentials": name, "configuration": place}
    if fields is not None:
        body["input_fields"] = [{"name": field, "data_type": kind} for field, kind in fields.items()]
    answer = client.post(f"{path}/connectors", json=body)
    assert answer.status_code == 201, answer.text
    return wait_for(
        lambda: dict(client.get(f"{path}/connectors/{name}").json()),
        lambda found: found["status"] != "pending_verification",
    )


def to_table(client: httpx2.Client, project: str, port: int, table: Table, name: str = "results") -> dict[str, Any]:
    sign_in = {"username": "writer", "password": PASSWORD, "host": "127.0.0.1", "port": str(port)}
    place = {"database": "postgres", "schema": table.schema, "table": name}
    return new_connector(client, project, "postgresql", sign_in, place, NUMBERS)


def add_store(pipeline: PipelineDoor, connector: str, name: str = "store") -> None:
    body = {"name": name, "reference_type": "connector", "reference_name": connector}
    answer = pipeline.client.post(f"{pipeline.path}/objects", json=body)
    assert answer.status_code == 201, answer.text


def into(pipeline: PipelineDoor, connector: str) -> PipelineDoor:
    """start -> twice (doubles) -> store."""
    pipeline.add("twice", "double")
    add_store(pipeline, connector)
    pipeline.attach("pipeline_start", "twice", {"number": "number"})
    pipeline.attach("twice", "store", {"number": "number"})
    return pipeline


def ended(pipeline: PipelineDoor, request_id: str) -> dict[str, Any]:
    return wait_for(lambda: pipeline.get(request_id), lambda found: found["status"] in ("completed", "failed"))


async def test_what_a_model_gives_is_written(double: ModelDoor, postgresql_port: int, table: Table) -> None:
    connector = to_table(double.client, double.project, postgresql_port, table)
    assert connector["status"] == "available", connector
    pipeline = into(new_pipeline(double.client, double.project, NUMBERS), connector["name"])
    runs = pipeline.request({"number": 1})
    assert [(run["pipeline_object"], run["success"]) for run in runs] == [("twice", True)]
    assert await table.numbers() == [2.0]  # awaited: it is there when the answer is
    for request_id in pipeline.batch([{"number": number} for number in range(2, 32)]):
        found = ended(pipeline, request_id)
        assert found["status"] == "completed"
        assert [run["pipeline_object"] for run in found["model_requests"]] == ["twice"]
    assert await table.numbers() == [2.0 * number for number in range(1, 32)]
    shown = double.client.get(f"{pipeline.path}/objects/store").json()
    assert (shown["reference_type"], shown["reference_name"]) == ("connector", connector["name"])
    assert (shown["version"], shown["input_type"], shown["output_type"]) == (None, "structured", None)
    assert double.client.get(f"{pipeline.path}/objects/store/environment-variables").json() == []


async def test_a_pipeline_of_connectors_only(double: ModelDoor, postgresql_port: int, table: Table) -> None:
    connector = to_table(double.client, double.project, postgresql_port, table)
    pipeline = new_pipeline(double.client, double.project, NUMBERS)
    for name in ("one", "two"):
        add_store(pipeline, connector["name"], name)
        pipeline.attach("pipeline_start", name, {"number": "number"})
    assert pipeline.request({"number": 7}) == []
    (made,) = pipeline.batch([{"number": 8}])
    assert (ended(pipeline, made)["status"], ended(pipeline, made)["model_requests"]) == ("completed", [])
    assert await table.numbers() == [7.0, 7.0, 8.0, 8.0]


async def test_a_store_that_fails_fails_nothing_else(double: ModelDoor, postgresql_port: int, table: Table) -> None:
    """The reason stands in the log, with the names of pipeline, object and connector."""
    broken = to_table(double.client, double.project, postgresql_port, table, "never-was")
    assert broken["status"] == "failed_verification"
    good = to_table(double.client, double.project, postgresql_port, table)
    pipeline = into(new_pipeline(double.client, double.project, NUMBERS), broken["name"])
    add_store(pipeline, good["name"], "good")
    pipeline.attach("twice", "good", {"number": "number"})
    assert [run["success"] for run in pipeline.request({"number": 1})] == [True]
    (made,) = pipeline.batch([{"number": 2}])
    assert ended(pipeline, made)["status"] == "completed"
    assert await table.numbers() == [2.0, 4.0]
    line = double.wait_for_log("not available", connector_name=broken["name"], pipeline_request_id=made)
    assert (line["pipeline_name"], line["pipeline_object_name"], line["system"]) == (pipeline.name, "store", True)
    assert line["request_id"] == pipeline.get(made)["model_requests"][0]["id"]


async def test_connectors_only_receive(double: ModelDoor, postgresql_port: int, table: Table) -> None:
    connector = to_table(double.client, double.project, postgresql_port, table)
    pipeline = new_pipeline(double.client, double.project, NUMBERS)
    add_store(pipeline, connector["name"])
    pipeline.add("twice", "double")
    mapping = [{"source_field_name": "number", "destination_field_name": "number"}]
    body = {"source_name": "store", "destination_name": "twice", "mapping": mapping}
    answer = double.client.post(f"{pipeline.path}/attachments", json=body)
    assert (answer.status_code, "only be a destination" in answer.text) == (400, True)
    body = {"source_name": "pipeline_start", "destination_name": "store", "mapping": []}
    answer = double.client.post(f"{pipeline.path}/attachments", json=body)
    assert (answer.status_code, "is not mapped" in answer.text) == (400, True)
    path = f"/v2.1/projects/{double.project}/connectors/{connector['name']}"
    other = {"input_fields": [{"name": "number", "data_type": "double"}, {"name": "more", "data_type": "int"}]}
    pipeline.attach("pipeline_start", "store", {"number": "number"})
    answer = double.client.patch(path, json=other)
    assert (answer.status_code, "is attached to the object 'store'" in answer.text) == (400, True)
    answer = double.client.delete(path)
    assert (answer.status_code, "is used by the object 'store'" in answer.text) == (400, True)
    patched = double.client.patch(f"{pipeline.path}/objects/store", json={"version": "v1"})
    assert (patched.status_code, "no versions" in patched.text) == (400, True)
    assert double.client.patch(path, json={"name": connector["name"] + "-new"}).status_code == 200
    shown = double.client.get(f"{pipeline.path}/objects/store").json()
    assert shown["reference_name"] == connector["name"] + "-new"
    assert double.client.delete(f"{pipeline.path}/objects/store").status_code == 204
    assert double.client.delete(path + "-new").status_code == 204


def test_files_are_written(double: ModelDoor, moto_url: str) -> None:
    """Attached without a mapping: the only blob goes to the connector's field ``blob`` (contract ubiops 10.21)."""
    new_model(
        double.client,
        {"model.py": WRITER},
        inputs=NUMBERS,
        outputs={"file": "blob"},
        project=double.project,
        model="writer",
    )
    bucket, secret = f"b-{uuid4().hex}", "moto-looks-at-none"
    make_bucket(moto_url, "AKIAQUINTA", secret, bucket)
    sign_in = {"access_key": "AKIAQUINTA", "secret_key": secret, "region": "us-east-1", "endpoint_url": moto_url}
    connector = new_connector(double.client, double.project, "aws_s3", sign_in, {"bucket": bucket})
    assert connector["status"] == "available", connector
    pipeline = new_pipeline(double.client, double.project, NUMBERS)
    pipeline.add("writer", "writer")
    add_store(pipeline, connector["name"])
    pipeline.attach("pipeline_start", "writer", {"number": "number"})
    pipeline.attach("writer", "store")
    (attachment,) = double.client.get(f"{pipeline.path}/objects/writer/attachments/").json()
    assert attachment["mapping"] == [{"source_field_name": "file", "destination_field_name": "blob"}]
    (run,) = pipeline.request({"number": 5})
    assert run["success"], run
    config: Any = {"access_key_id": "AKIAQUINTA", "secret_access_key": secret, "region": "us-east-1"}
    options: Any = {"allow_http": True}
    bucket_store = S3Store(bucket, config=config | {"endpoint": moto_url}, client_options=options)
    assert bytes(bucket_store.get("answer.txt").bytes()) == b"5"


async def test_messages_survive_a_killed_server(tmp_path: Path, postgresql_port: int, table: Table) -> None:
    """None is lost. One that was on its way may come twice: no store could tell (decision 0013)."""
    first = start_server(tmp_path / "data", SETTINGS)
    port, token = int(first.url.rpartition(":")[2]), first.token
    with first.client() as client:
        model = new_model(client, {"model.py": DOUBLE}, inputs=NUMBERS, outputs=NUMBERS, model="double")
        connector = to_table(client, model.project, postgresql_port, table)
        pipeline = into(new_pipeline(client, model.project, NUMBERS), connector["name"])
        made = pipeline.batch([{"number": number} for number in range(100)])
        wait_for(lambda: [pipeline.get(one)["status"] for one in made[:5]], lambda states: "completed" in states)
    first.kill()
    second = start_server(tmp_path / "data", SETTINGS, port=port, token=token)
    try:
        with second.client() as client:
            pipeline = PipelineDoor(client, pipeline.project, pipeline.name)
            for request_id in made:
                assert ended(pipeline, request_id)["status"] == "completed"
    finally:
        second.stop()
    assert sorted(set(await table.numbers())) == [2.0 * number for number in range(100)]
