"""The loop of schedules on a clock that is stepped: each due time once, whoever looks, and what happens in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quinta.core.access.model import Actor
from quinta.core.access.roles import ObjectType
from quinta.core.events import Event, EventName
from quinta.core.files.blobs import Blobs
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import Build, BuildStatus, Model, ModelVersion, RunnableVersion, ValueType
from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.model import LogLine
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Reason
from quinta.core.requests.execution import Execution
from quinta.core.requests.model import Request
from quinta.core.requests.outcome import RunOutcome, RunRequest
from quinta.core.requests.reading import Reader
from quinta.core.schedules.model import Schedule
from quinta.core.schedules.schedules import NewSchedule, ScheduleChange, Schedules
from quinta.core.schedules.targets import Ran, ScheduledModels, ScheduledObject
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, User
from quinta.engine.loops.schedules import Scheduler
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import Objects, open_objects
from quinta.storage.secrets import SealedSecrets
from tests.clocks import NOON, SteppedClock
from tests.storage.rows import Tenant, add_tenant

STEPS = 50


class Runner:
    """The engine's side of direct requests: answers what it gets once ``open`` is set, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[RunRequest] = []
        self.started = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def run(self, version: RunnableVersion, request: RunRequest) -> RunOutcome:
        self.asked.append(request)
        self.started.set()
        await self.open.wait()
        if request.data == b'"fail"':
            return RunOutcome(Reason.MODEL_ERROR, error_message="ValueError: no")
        return RunOutcome(Reason.COMPLETED, request.data)

    def apply(self, version: RunnableVersion) -> None: ...

    async def probe(self, version: RunnableVersion) -> str | None: ...

    async def retire(self, version_id: str) -> None: ...


@dataclass
class Scene:
    """A tenant with a plain model whose version serves, and servers that look after its schedules."""

    database: Database
    clock: SteppedClock
    objects: Objects
    tenant: Tenant
    actor: Actor
    runner: Runner = field(default_factory=Runner)
    has_build: bool = True

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.database, self.clock)
        self.versions = LiveVersions(self.database, SealedSecrets(Path("unused"), "ab" * 32))
        self.blobs = Blobs(self.database, self.objects, self.clock)
        reader = Reader(ReadingProcess())
        self.execution = Execution(
            self.runner, reader, self.blobs, self.recorder, self.recorder, FailureCounts(), self.clock
        )
        self.schedules = Schedules(self.database, self.clock, self.blobs, [self.target()])

    def target(self, has_build: Callable[[], bool] | None = None) -> ScheduledModels:
        here = has_build or (lambda: self.has_build)
        return ScheduledModels(self.database, self.versions, self.execution, self.blobs, lambda _: here())

    def server(self, target: ScheduledModels | None = None) -> Scheduler:
        return Scheduler(self.database, [target or self.target()], self.recorder, self.clock)

    async def create(self, name: str = "s", crontab: str = "* * * * *", **more: Any) -> None:
        new = NewSchedule(name, ObjectType.MODEL, self.tenant.model.name, crontab, self.tenant.version.name, **more)
        await self.schedules.create(self.actor, self.tenant.project.name, new)

    async def update(self, name: str = "s", **change: Any) -> None:
        await self.schedules.update(self.actor, self.tenant.project.name, name, ScheduleChange(**change))

    async def stored(self, kind: type[Any]) -> list[Any]:
        await self.recorder.flush()
        async with self.database.read() as work:
            return list(await work.of(kind, EVERYTHING).find(order=("id",)))

    async def log(self) -> list[str]:
        return [line.text for line in await self.stored(LogLine)]


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> Scene:
    tenant = await add_tenant(database)
    plain = replace(tenant.model, input_type=ValueType.PLAIN, input_fields=())
    build = replace(
        tenant.build(), status=BuildStatus.SUCCEEDED, package_digest="p", environment_digest="e", model_file="model"
    )
    actor = Actor(new_id(), "a@example.com", is_staff=False, key_id="", expires_at=None)
    user = User(actor.user_id, actor.email, None, None, None, is_staff=False, is_active=True, created_at=NOON)
    async with database.begin() as work:
        await work.of(Model, EVERYTHING).change(plain.id, input_type=ValueType.PLAIN, input_fields=())
        await work.of(Build, EVERYTHING).add(build)
        await work.of(ModelVersion, EVERYTHING).change(tenant.version.id, live_build_id=build.id)
        await work.of(User, EVERYTHING).add(user)
        await work.of(Membership, EVERYTHING).add(Membership(new_id(), tenant.organization.id, user.id, is_admin=True))
    return Scene(database, SteppedClock(), open_objects((tmp_path / "objects").as_uri()), tenant, actor)


@asynccontextmanager
async def second_server(scene: Scene, url: str) -> AsyncIterator[Scheduler]:
    """A server with connections, caches and loops of its own on the same database and clock."""
    other = Database(url, scene.clock)
    await other.start()
    twin = Scene(other, scene.clock, scene.objects, scene.tenant, scene.actor)
    yield twin.server()
    await twin.recorder.flush()
    await other.close()


async def test_a_thousand_due_times_on_two_servers_once_each(scene: Scene, database_url: str) -> None:
    names = [f"s{number}" for number in range(20)]
    for name in names:
        await scene.create(name, data=name)
    first = scene.server()
    async with second_server(scene, database_url) as second:
        taken = Counter[int]()
        for _ in range(STEPS):
            scene.clock.move(minutes=1)
            for number, count in enumerate(await asyncio.gather(first.turn(), second.turn(), first.turn())):
                taken[number] += count
    requests = await scene.stored(Request)
    minutes = [NOON + timedelta(minutes=step) for step in range(1, STEPS + 1)]
    assert Counter((request.data, request.created_at) for request in requests) == Counter(
        (f'"{name}"', minute) for name in names for minute in minutes
    )
    assert sum(taken.values()) == len(requests) == 1_000


class PowerCut(BaseException):
    """The end of a process, for all that the transaction can see."""


class Dying(ScheduledModels):
    """A server that ends right after it made the request, before the commit."""

    async def accept(self, work: UnitOfWork, schedule: Schedule, item: ScheduledObject, now: datetime) -> Ran:
        await super().accept(work, schedule, item, now)
        raise PowerCut


async def test_a_server_that_dies_between_claim_and_commit_loses_nothing(scene: Scene) -> None:
    await scene.create()
    scene.clock.move(minutes=1)
    dying = Dying(scene.database, scene.versions, scene.execution, scene.blobs, lambda _: True)
    with pytest.raises(PowerCut):
        await scene.server(dying).turn()
    assert await scene.stored(Request) == []
    assert [await scene.server().turn() for _ in range(3)] == [1, 0, 0]
    assert len(await scene.stored(Request)) == 1


async def test_times_that_were_missed_run_once_together(scene: Scene) -> None:
    await scene.create(crontab="*/10 * * * *")
    scene.clock.move(days=3, minutes=5)
    server = scene.server()
    assert [await server.turn(), await server.turn()] == [1, 0]
    (schedule,) = await scene.stored(Schedule)
    assert schedule.next_run_at == scene.clock.moment + timedelta(minutes=5)


async def test_nothing_is_due_before_its_minute(scene: Scene) -> None:
    await scene.create(crontab="30 12 * * *")
    server = scene.server()
    scene.clock.move(minutes=29, seconds=59, microseconds=999_999)
    assert await server.turn() == 0
    scene.clock.move(microseconds=1)
    assert await server.turn() == 1


async def test_what_is_switched_off_does_not_run_and_catches_nothing_up(scene: Scene) -> None:
    await scene.create(enabled=False)
    server = scene.server()
    scene.clock.move(hours=1)
    assert await server.turn() == 0
    await scene.update(enabled=True)
    assert await server.turn() == 0
    scene.clock.move(minutes=1)
    assert await server.turn() == 1
    scene.clock.move(minutes=1)
    await scene.update(enabled=False)
    assert await server.turn() == 0
    assert len(await scene.stored(Request)) == 1


async def test_another_line_counts_from_the_change_on(scene: Scene) -> None:
    await scene.create(crontab="0 13 * * *")
    await scene.update(crontab="15 12 * * *", data="new")
    server = scene.server()
    scene.clock.move(minutes=15)
    assert await server.turn() == 1
    assert [request.data for request in await scene.stored(Request)] == ['"new"']
    scene.clock.move(minutes=45)
    assert await server.turn() == 0


async def test_a_batch_request_is_like_any_other_and_in_the_log(scene: Scene) -> None:
    await scene.create(data="text")
    scene.clock.move(minutes=1)
    await scene.server().turn()
    (request,) = await scene.stored(Request)
    assert (request.version_id, request.status, request.data) == (scene.tenant.version.id, "pending", '"text"')
    (line,) = await scene.stored(LogLine)
    assert line.text == "schedule 's': made this batch request"
    assert (line.request_id, line.system, line.time) == (request.id, True, scene.clock.moment)
    assert (line.model_name, line.version_name) == (scene.tenant.model.name, scene.tenant.version.name)


@pytest.mark.parametrize("batch", [True, False])
async def test_why_no_request_was_made_is_in_the_log(scene: Scene, batch: bool) -> None:
    """A version that does not serve, a model that takes something else by now, an organization that is suspended."""
    await scene.create(data="text", batch=batch)
    server = scene.server()

    async def turned() -> str:
        scene.clock.move(minutes=1)
        assert await server.turn() == 1
        await settled(server)
        return (await scene.log())[-1]

    version, organization = scene.tenant.version.id, scene.tenant.organization.id
    live = (await scene.stored(ModelVersion))[0].live_build_id
    await change(scene, Organization, organization, status=OrganizationStatus.SUSPENDED)
    assert (
        await turned()
        == "schedule 's': made no request: the organization 'first' is suspended [organization_suspended]"
    )
    await change(scene, Organization, organization, status=OrganizationStatus.ACTIVE)
    await change(scene, ModelVersion, version, live_build_id=None)
    refusal = await turned()
    assert "made no request: the version 'v1' is not available" in refusal
    assert refusal.endswith(f" [{Reason.REQUEST_REFUSED}]")
    await change(scene, ModelVersion, version, live_build_id=live)
    assert "made this" in await turned()


async def change(scene: Scene, kind: type[Any], item_id: str, **values: object) -> None:
    """As a use case would: with an event, so that what is kept in memory is forgotten."""
    async with scene.database.begin() as work:
        await work.of(kind, EVERYTHING).change(item_id, **values)
        work.emit(Event(EventName.VERSION_CHANGED, item_id, (f"version:{scene.tenant.version.id}",)))


async def settled(server: Scheduler) -> None:
    async with asyncio.timeout(30):
        while server.in_flight:  # noqa: ASYNC110  # ends by itself
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("text", "made this direct request, with success"),
        ("fail", "its request failed: ValueError: no [model_error]"),
    ],
)
async def test_a_direct_request_and_its_end_in_the_log(scene: Scene, data: str, said: str) -> None:
    await scene.create(data=data, batch=False, timeout_seconds=77)
    scene.clock.move(minutes=1)
    server = scene.server()
    assert await server.turn() == 1
    await settled(server)
    assert [(request.data, request.timeout) for request in scene.runner.asked] == [(f'"{data}"'.encode(), 77)]
    *before, line = await scene.stored(LogLine)
    assert (line.text, line.request_id) == (f"schedule 's': {said}", scene.runner.asked[0].id)
    assert [one.text for one in before] == (
        ["the request failed: ValueError: no [model_error]"] if data == "fail" else []
    )
    assert await scene.stored(Request) == []


async def test_a_direct_request_runs_at_most_once(scene: Scene) -> None:
    """The server ends while it runs: it is told, and not begun again elsewhere."""
    await scene.create(batch=False)
    scene.clock.move(minutes=1)
    scene.runner.open.clear()
    server = scene.server()
    assert await server.turn() == 1
    async with asyncio.timeout(30):
        await scene.runner.started.wait()
    await server.close(grace=0.0)
    assert await scene.server().turn() == 0
    assert len(scene.runner.asked) == 1
    assert await scene.log() == ["schedule 's': its request was cut short: the server stopped [server_stopping]"]


async def test_a_direct_request_is_left_to_the_server_that_has_the_build(scene: Scene) -> None:
    await scene.create(batch=False)
    await scene.create("batch", batch=True)
    scene.clock.move(minutes=1)
    without, having = scene.server(scene.target(lambda: False)), scene.server()
    assert await without.turn() == 1  # the batch request: whoever has the build runs it
    assert await having.turn() == 1
    await settled(having)
    assert len(scene.runner.asked) == 1


async def test_direct_requests_that_wait_keep_no_batch_request_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quinta.engine.loops.schedules.MOST_AT_A_TIME", 1)
    await scene.create("waits", batch=False)
    await scene.create("batch")
    scene.clock.move(minutes=1)
    assert await scene.server(scene.target(lambda: False)).turn() == 1
    assert len(await scene.stored(Request)) == 1


async def test_a_direct_request_that_no_server_can_run_is_told_after_a_while(scene: Scene) -> None:
    await scene.create(batch=False, crontab="1 * * * *")
    without = scene.server(scene.target(lambda: False))
    scene.clock.move(minutes=16)
    assert await without.turn() == 0
    scene.clock.move(seconds=1)
    assert await without.turn() == 1
    assert await scene.log() == [
        "schedule 's': made no request: the server that has the version's build was not there in time [request_refused]"
    ]
    assert scene.runner.asked == []


async def test_a_loop_that_runs_finds_what_is_due_and_stops_when_told(scene: Scene) -> None:
    await scene.create()
    scene.clock.move(minutes=1)
    server = scene.server()
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(30):
        while not await scene.stored(Request):  # noqa: ASYNC110  # the condition is in the database
            await asyncio.sleep(0.02)
        await server.close(grace=0.0)
        await task
    scene.clock.move(minutes=1)
    assert len(await scene.stored(Request)) == 1


async def test_a_change_waits_for_a_run_of_the_same_moment(scene: Scene, database_url: str) -> None:
    """The line is changed while a server takes the due time: neither undoes the other, and nothing is due twice."""
    await scene.create()
    async with second_server(scene, database_url) as second:
        for step in range(20):
            scene.clock.move(minutes=1)
            _, first, other = await asyncio.gather(
                scene.update(crontab=("* * * * *", "*/1 * * * *")[step % 2]), scene.server().turn(), second.turn()
            )
            # Neither takes what the change holds at that moment: then the next turn does.
            assert first + other + await second.turn() <= 1
            assert await second.turn() == 0
    (schedule,) = await scene.stored(Schedule)
    assert schedule.next_run_at == scene.clock.moment + timedelta(minutes=1)


async def test_deleting_the_version_takes_its_schedules(scene: Scene) -> None:
    await scene.create()
    async with scene.database.begin() as work:
        await work.of(ModelVersion, EVERYTHING).remove(id=scene.tenant.version.id)
    assert await scene.stored(Schedule) == []
