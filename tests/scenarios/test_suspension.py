"""An organization that has used its compute: what it may not do then, what waits for it, and that it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from quinta.core.events import Event, EventName
from quinta.core.observation.model import MetricPoint
from quinta.core.ports import UnitOfWork
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.models import ModelDoor, new_model
from tests.serving import RunningServer, serving

MODEL = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}
USED = 1_000_000  # all that the plan "professional" allows


def beside(server: RunningServer, change: Callable[[UnitOfWork], Awaitable[None]]) -> None:
    """Makes a change as another process beside the running server."""

    async def make() -> None:
        database = Database(f"sqlite:///{server.data / 'quinta.db'}", SystemClock())
        await database.start()
        async with database.begin() as work:
            await change(work)
        await database.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(make())


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def warm(door: ModelDoor) -> int:
    page = door.client.get("/metrics").text
    (line,) = (line for line in page.splitlines() if line.startswith("quinta_instances_ready "))
    return int(float(line.split()[1]))


def batch_status(door: ModelDoor, request_id: str) -> str:
    return str(door.client.get(f"{door.path}/request-batch/{request_id}").json()["status"])


def accepted(ids: dict[str, str], request_id: str) -> Request:
    """A batch request as one that was accepted before the suspension."""
    now = datetime.now(UTC)
    status = RequestStatus.PENDING
    return Request(request_id, ids["project"], ids["version"], status, '"later"', None, None, None, now, now)


def test_a_suspended_organization_waits_and_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server, server.client() as client:
        door, other = new_model(client, MODEL, minimum_instances=1), new_model(client, MODEL)
        organization = f"/v2.1/organizations/o-{door.project}"
        ids = {
            "organization": client.get(organization).json()["id"],
            "project": client.get(f"/v2.1/projects/{door.project}").json()["id"],
            "version": client.get(door.path).json()["id"],
        }
        changed = Event(EventName.ORGANIZATION_CHANGED, ids["organization"], (f"organization:{ids['organization']}",))
        assert door.request("now")["success"]
        assert other.request("now")["success"]
        before = warm(door)

        async def use(work: UnitOfWork) -> None:
            point = (ids["project"], "model_version", ids["version"], "gb_seconds", datetime.now(UTC))
            await work.add_metric_points([MetricPoint(*point, USED)])
            work.emit(changed)

        beside(server, use)
        wait_until(lambda: client.get(organization).json()["status"] == "suspended")
        for operation, body in (("request", "now"), ("request-batch", ["later"])):
            answer = client.post(f"{door.path}/{operation}", json=body)
            assert (answer.status_code, "is suspended" in answer.json()["error"]) == (403, True), answer.text
            assert client.post(f"{other.path}/{operation}", json=body).status_code == 200
        assert client.get(door.path).json()["status"] == "available"
        door.wait_for_log("it is suspended and runs no requests", system=True)
        wait_until(lambda: warm(door) < before)

        waiting = new_id()

        async def accept(work: UnitOfWork) -> None:
            await work.of(Request, EVERYTHING).add(accepted(ids, waiting))
            work.emit(Event(EventName.REQUESTS_CREATED, ids["version"]))

        beside(server, accept)
        (answered,) = client.post(f"{other.path}/request-batch", json=["now"]).json()
        wait_until(lambda: batch_status(other, answered["id"]) == "completed")
        assert batch_status(door, waiting) == "pending"

        limits = {"max_projects": 1, "max_users": 2, "logs_retention_days": 7, "gb_seconds": USED, "resources": 10}
        assert client.post("/v2.1/subscriptions", json={"name": "larger", **limits}).status_code == 201
        change = {"subscription": "larger", "subscription_agreed": True}
        assert client.patch(organization, json=change).status_code == 200
        assert client.patch("/v2.1/subscriptions/larger", json={"gb_seconds": 3 * USED}).status_code == 200
        wait_until(lambda: client.get(organization).json()["status"] == "active")
        assert door.request("now")["success"]
        wait_until(lambda: batch_status(door, waiting) == "completed")
        wait_until(lambda: warm(door) >= before)
