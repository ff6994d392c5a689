"""The machine's clock jumps by hours, ahead and back: nothing that was accepted sleeps, or is thrown away, for that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from quinta.core.errors import Unavailable
from quinta.core.files.model import Blob
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.engine.leases import Ended
from quinta.engine.loops.clock import ClockWatch
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.chaos.clocked import set_ahead
from tests.clocks import SteppedClock
from tests.dialects.ubiops.waiting import wait_for
from tests.engine.leased import MovedClock, completed, eventually, make_loop, running
from tests.models import ModelDoor, new_model
from tests.serving import RunningServer, start_server
from tests.storage.rows import add_tenant

HOURS = 3_600
MODEL = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}


class JumpingClock(SteppedClock):
    """Moves by hand, in monotonic time too."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.move(seconds=seconds)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    set_ahead(tmp_path, 0)
    running = start_server(tmp_path / "data", module="tests.chaos.clocked")
    yield running
    assert running.stop() == 0


def runs(door: ModelDoor, word: str) -> int:
    """How many requests with this input have completed."""
    listed = door.client.get(f"{door.path}/request-batch", params={"limit": 500, "status": "completed"}).json()
    ids = [item["id"] for item in listed]
    if not ids:
        return 0
    found = door.client.post(f"{door.path}/request-batch-collect", json=ids).json()
    return sum(item["request_data"] == word for item in found)


def test_jumps_of_a_running_server(server: RunningServer, tmp_path: Path) -> None:
    with server.client() as client:
        door = new_model(client, MODEL)
        schedule = {"name": "s", "object_type": "model", "object_name": "model", "version": "v1"}
        body = {**schedule, "schedule": "*/10 * * * *", "request_data": "due"}
        assert client.post(f"/v2.1/projects/{door.project}/schedules", json=body).status_code == 201
        session = client.post(
            "/v2.1/authorize", json={"email": "admin@example.com", "password": "correct horse battery"}
        ).json()["access"]
        start = runs(door, "due")
        for jump in (5 * HOURS, 0, -5 * HOURS):
            _jump(server, tmp_path, jump)
            answer = client.post(f"{door.path}/request-batch", json=[f"jump {jump}"])
            assert answer.status_code == 200
            wait_for(lambda: runs(door, f"jump {jump}"), lambda count: count == 1)  # noqa: B023  # asked at once
            wait_for(lambda: runs(door, "due"), lambda count, before=start: count > before)  # type: ignore[misc]
            start = runs(door, "due")
            assert door.request("direct")["result"] == "direct"
            with server.client(session) as person:
                assert person.get("/v2.1/user").status_code == 200
        set_ahead(tmp_path, 13 * HOURS)
        with server.client(session) as person:
            assert person.get("/v2.1/user").status_code == 401  # a session lasts 12 hours
        set_ahead(tmp_path, 0)
        with server.client(session) as person:
            assert person.get("/v2.1/user").status_code == 200


def _jump(server: RunningServer, folder: Path, seconds: float) -> None:
    """About so far ahead, but so that the clock shows two seconds before a due time of ``*/10``; and is noticed."""
    before = _noticed(server)
    set_ahead(folder, seconds + 598 - (time.time() + seconds) % 600)
    wait_for(lambda: _noticed(server), lambda count: count > before)


def _noticed(server: RunningServer) -> int:
    return sum("clock.jumped" in line for line in server.output)


async def test_a_lease_given_while_the_clock_was_ahead_does_not_keep_its_item(database: Database) -> None:
    request = (await add_tenant(database)).request()
    async with database.begin() as work:
        await work.of(Request, EVERYTHING).add(request)
    ahead = MovedClock()
    ahead.ahead = timedelta(hours=5)
    taken = asyncio.Event()

    async def hang(_: Request) -> None:
        taken.set()
        await asyncio.Event().wait()

    lost = make_loop(database, hang, clock=ahead)
    killed = asyncio.create_task(lost.run())
    async with asyncio.timeout(60):
        await taken.wait()
    killed.cancel()  # as a kill: the lease stays
    with suppress(asyncio.CancelledError):
        await killed

    async def answer(_: Request) -> Ended:
        return completed('"y"')

    async def has(status: RequestStatus) -> bool:
        async with database.read() as work:
            return await work.of(Request, EVERYTHING).count(id=request.id, status=status) == 1

    loop = make_loop(database, answer)
    async with running(loop):
        assert await has(RequestStatus.PROCESSING)
        assert await loop.end_far_leases() == 1
        await eventually(lambda: has(RequestStatus.COMPLETED))


async def test_the_watch_mends_at_the_start_and_after_each_jump_back() -> None:
    clock = JumpingClock()
    calls: list[float] = []

    async def mend() -> int:
        calls.append(clock.seconds)
        if clock.seconds == 20:
            raise Unavailable("not now")
        return 1

    watch = ClockWatch(clock, {"it": mend})
    for hours in (0, 0, 5, -5, 0, -1, 0, 0):  # after each look
        await watch.look()
        clock.move(hours=hours)
        clock.passes(5)
    assert calls == [0, 20, 25, 30]  # at 20 it failed, and was tried again


async def test_nothing_is_removed_within_an_hour_of_a_jump_ahead(database: Database, tmp_path: Path) -> None:
    clock = JumpingClock()
    tenant = await add_tenant(database)
    expires = clock.now() + timedelta(hours=2)
    blob = Blob(new_id(), tenant.project.id, "a", "text/plain", 1, "projects/a/blobs/b", 900, clock.now(), expires)
    async with database.begin() as work:
        await work.of(Blob, EVERYTHING).add(blob)
    housekeeping = Housekeeping(database, open_objects((tmp_path / "objects").as_uri()), clock)

    async def is_left() -> bool:
        await housekeeping.look()
        async with database.read() as work:
            return await work.of(Blob, EVERYTHING).get(id=blob.id) is not None

    clock.move(hours=5)
    assert await is_left()
    clock.passes(1_800)
    assert await is_left()
    clock.move(hours=-5)
    assert await is_left()
    clock.passes(7_200)
    assert not await is_left()
