"""Jobs of a real server: many at once while it is killed, one that comes before its application is built, and what
those who look at the server see of them."""

from __future__ import annotations

import asyncio
import io
import json
import random
import time
import uuid
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quinta.core.access.clients import ClientName
from quinta.core.access.model import Actor
from quinta.core.files.model import Repository
from quinta.core.files.repositories import Repositories
from quinta.core.files.stored import StoredArchives
from quinta.core.jobs.jobs import Jobs
from quinta.core.jobs.model import Job, JobStatus
from quinta.core.models.packages import Download
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.reading_process import ReadingProcess
from quinta.kit.clock import SystemClock
from quinta.settings import read_settings
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.cli.test_admin_clients import Operator
from tests.models import zipped
from tests.scenarios.test_kill import kill_within
from tests.serving import ADMIN_EMAIL, RunningServer, start_server

JOBS = 60
KILLS = 3
SECONDS = 400
APPLICATION = """
import os, time

def run(inputs, outputs, params, logger):
    number = params["number"]
    logger.info("job %s", number)
    (outputs / ("%s.txt" % number)).write_text((inputs / "table.csv").read_text())
    while params.get("wait"):
        time.sleep(0.1)
    return {"number": number}
"""


@dataclass
class Desk:
    """What a face would call, on the data folder of a server that runs in another process."""

    database: Database
    repositories: Repositories
    jobs: Jobs
    actor: Actor
    client: ClientName
    upload: Path

    async def repository(self) -> Repository:
        return await self.repositories.create(
            self.actor, self.client, params=None, metadata="{}", upload=self.upload, file_name="table.csv"
        )

    async def queue(self, repository: Repository, **params: Any) -> Job:
        return await self.jobs.create(
            self.actor,
            self.client,
            repository.number,
            params=json.dumps(params),
            metadata="{}",
            upload=None,
            file_name="",
        )

    async def ended(self, job: Job, seconds: float = 120) -> Job:
        deadline = time.monotonic() + seconds
        while not (now := (await self.jobs.get(self.actor, self.client, job.number)).job).status.ended:
            assert time.monotonic() < deadline, now
            await asyncio.sleep(0.1)
        return now

    async def all(self) -> list[Job]:
        async with self.database.read() as work:
            return await work.of(Job, EVERYTHING).find(order=("id",))


@asynccontextmanager
async def opened(data: Path, client: ClientName, root: Path) -> AsyncIterator[Desk]:
    settings, clock, reading = read_settings(data), SystemClock(), ReadingProcess()
    database = Database(settings.database_url, clock)
    stored = StoredArchives(open_objects(settings.storage_url), ZipArchives(), root)
    async with database.read() as work:
        user = await work.of(User, EVERYTHING).get(email=ADMIN_EMAIL)
    assert user is not None
    upload = root / "upload.csv"
    upload.write_text("a,b")
    try:
        yield Desk(
            database,
            Repositories(database, stored, clock, settings.time_zone),
            Jobs(database, stored, Reader(reading), clock),
            Actor(user.id, user.email, is_staff=True, key_id="", expires_at=None),
            client,
            upload,
        )
    finally:
        reading.close()
        await database.close()


def client_of(data: Path, root: Path) -> ClientName:
    """A client of a new application, which may still have to be built."""
    operator, name = Operator(data), f"o-{uuid.uuid4().hex[:12]}"
    operator("organization", "create", name, "--admin", ADMIN_EMAIL)
    package = root / f"{name}.zip"
    package.write_bytes(zipped({"application.py": APPLICATION}, folder="number"))
    operator("application", "add", name, "Number It", "--zip", str(package), "--memory", "256")
    operator("client", "create", name, "Number It", "Vendas", "--leader", ADMIN_EMAIL)
    return ClientName(name, "Number It", "Vendas")


async def files(download: Download) -> dict[str, str]:
    content = b"".join([piece async for piece in download.content])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("seed", [7])
async def test_every_queued_job_ends_once_whenever_the_server_is_killed(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    server = await asyncio.to_thread(start_server, tmp_path / "data")
    port, token = int(server.url.rpartition(":")[2]), server.token
    try:
        client = await asyncio.to_thread(client_of, server.data, tmp_path)
        async with opened(server.data, client, tmp_path) as desk:
            repository = await desk.repository()
            queued = [await desk.queue(repository, number=number) for number in range(JOBS)]
            await desk.ended(queued[0])  # its application is built
            for _ in range(KILLS):
                started = {job.id for job in await desk.all() if job.status is not JobStatus.QUEUED}
                server = await asyncio.to_thread(kill_within, server, moment.uniform(0.0, 2.0), port, token)
                back = [job for job in await desk.all() if job.id in started and job.status is JobStatus.QUEUED]
                assert back == [], "no job goes back"
            await desk.ended(queued[-1], SECONDS)
            for number, job in enumerate(queued):
                done = await desk.ended(job)
                assert (done.status, done.result) == (JobStatus.FINISHED, f'{{"number":{number}}}'), done
                output = await files(await desk.jobs.output(desk.actor, client, job.number))
                assert output == {f"{number}.txt": "a,b"}
                logs = await files(await desk.jobs.logs(desk.actor, client, job.number))
                assert f"application: job {number}\n" in logs["execution.log"]
            assert len(await desk.all()) == JOBS
        assert list((server.data / "jobs").iterdir()) == []
    finally:
        await asyncio.to_thread(server.stop)


async def test_what_others_see_of_a_job(server: RunningServer, tmp_path: Path) -> None:
    client = await asyncio.to_thread(client_of, server.data, tmp_path)
    async with opened(server.data, client, tmp_path) as desk:
        repository = await desk.repository()  # before its application is built, as a rule
        job = await desk.queue(repository, number=1, wait=True)
        while "job 1" not in (await files(await desk.jobs.logs(desk.actor, client, job.number))).get(
            "execution.log", ""
        ):
            assert not (await desk.jobs.get(desk.actor, client, job.number)).job.status.ended
            await asyncio.sleep(0.1)
        (shown,) = Operator(server.data)("client", "list", client.organization)
        with server.client() as http:
            metrics = (await asyncio.to_thread(http.get, "/metrics")).text
            assert "quinta_jobs_in_flight 1.0" in metrics
            assert 'quinta_queue_items{queue="jobs",status="processing"} 1.0' in metrics
            body = {"filters": {"request_id": job.id}, "limit": 100}
            path = f"/v2.1/projects/{shown['project']}/logs"
            lines = (await asyncio.to_thread(http.post, path, json=body)).json()
            assert "INFO application: job 1" in [line["log"] for line in lines]
            await desk.jobs.delete(desk.actor, client, job.number)
            deadline = time.monotonic() + 60
            while "quinta_jobs_in_flight 0.0" not in metrics:
                assert time.monotonic() < deadline
                metrics = (await asyncio.to_thread(http.get, "/metrics")).text
                await asyncio.sleep(0.1)
