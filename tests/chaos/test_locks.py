"""Deletions at the instant of what they delete: accepted, ending. None waits for ever, nothing is left over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quinta.core.models.model import ModelVersion
from quinta.core.requests.model import Request
from quinta.core.scope import in_project
from quinta.storage.database import Database
from tests.chaos.house import FIELDS, OBJECTS, package
from tests.dialects.ubiops.waiting import wait_for
from tests.models import new_model
from tests.pipelines import PipelineDoor, new_pipeline
from tests.serving import RunningServer, start_server
from tests.storage.databases import BACKENDS, create_postgres_database, drop_postgres_database
from tests.storage.rows import add_tenant

ROUNDS = 4
REQUESTS = 60


@pytest.fixture(params=BACKENDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningServer]:
    url = create_postgres_database() if request.param == "postgres" else None
    server = start_server(tmp_path / "data", None if url is None else {"QUINTA_DATABASE_URL": url})
    yield server
    assert server.stop() == 0
    if url is not None:
        drop_postgres_database(url)


def test_pipeline_requests_deleted_while_their_parts_end(server: RunningServer) -> None:
    with server.client() as client:
        quick = new_model(client, package(), inputs=FIELDS, outputs=FIELDS, maximum_instances=2)
        pipeline = new_pipeline(client, quick.project, FIELDS)
        for name in OBJECTS:
            pipeline.add(name, quick.model)
        for source, destination in zip(("pipeline_start", *OBJECTS), OBJECTS, strict=False):
            pipeline.attach(source, destination, {name: name for name in FIELDS})
        for _ in range(ROUNDS):
            ids = pipeline.batch([{"item": str(number), "token": ""} for number in range(REQUESTS)])
            wait_for(lambda: _states(pipeline)["completed"], bool)
            with ThreadPoolExecutor(4) as callers:
                pieces = [ids[start::6] for start in range(6)]
                assert set(callers.map(lambda piece: _delete(server, pipeline, piece), pieces)) == {201}
            assert not _states(pipeline)
    log = "".join(server.output)
    assert "Traceback" not in log, log


def _states(pipeline: PipelineDoor) -> Counter[str]:
    listed = pipeline.client.get(f"{pipeline.path}/request-batch", params={"limit": 500}).json()
    return Counter(item["status"] for item in listed)


def _delete(server: RunningServer, pipeline: PipelineDoor, ids: list[str]) -> int:
    with server.client() as client:
        return client.post(f"{pipeline.path}/request-batch-delete", json=ids).status_code


async def test_a_version_is_not_removed_while_something_of_it_is_being_accepted(database: Database) -> None:
    """The one who removes waits, and then sees what was accepted."""
    tenant = await add_tenant(database)
    scope = in_project(tenant.project.id)
    seen: list[int] = []
    asked = asyncio.Event()

    async def remove() -> None:
        asked.set()
        async with database.begin() as work:
            await work.of(ModelVersion, scope).lock_all(id=[tenant.version.id])
            seen.append(await work.of(Request, scope).count(version_id=tenant.version.id))

    async with database.begin() as work:
        assert await work.of(ModelVersion, scope).lock_all(sharing=True, id=[tenant.version.id]) == [tenant.version.id]
        removing = asyncio.create_task(remove())
        await asked.wait()
        async with database.read() as other:  # reading waits for nobody; by then the other has come to its lock
            assert await other.of(Request, scope).count(version_id=tenant.version.id) == 0
        await work.of(Request, scope).add(tenant.request())
    await removing
    assert seen == [1]


async def test_two_may_accept_for_one_version_at_the_same_time(database: Database) -> None:
    tenant = await add_tenant(database)
    scope = in_project(tenant.project.id)

    async def accept() -> None:
        async with database.begin() as work:
            assert await work.of(ModelVersion, scope).lock_all(sharing=True, id=[tenant.version.id, "gone"])
            await work.of(Request, scope).add(tenant.request())

    await asyncio.gather(accept(), accept(), accept())
    async with database.read() as work:
        assert await work.of(Request, scope).count(version_id=tenant.version.id) == 3
