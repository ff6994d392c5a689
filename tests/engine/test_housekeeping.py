"""What has outlived its use goes, at its moment and not before: blobs, files, log lines, requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.files.blobs import Blobs
from quinta.core.files.model import Blob
from quinta.core.observation.model import LogLine
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Membership, Project, Subscription, User
from quinta.engine.loops import housekeeping
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.kit.ids import new_id, new_log_id
from quinta.storage.database import Database
from quinta.storage.objects import Objects, open_objects
from tests.clocks import NOON, SteppedClock
from tests.storage.rows import Tenant, add_tenant


@dataclass
class Scene:
    database: Database
    objects: Objects
    clock: SteppedClock
    tenant: Tenant
    actor: Actor
    folder: Path

    def __post_init__(self) -> None:
        self.blobs = Blobs(self.database, self.objects, self.clock)
        self.housekeeping = Housekeeping(self.database, self.objects, self.clock)

    @property
    def project(self) -> str:
        return self.tenant.project.name

    def file(self, content: bytes = b"content") -> Path:
        path = self.folder / new_id()
        path.write_bytes(content)
        return path

    def files(self) -> int:
        return sum(1 for path in (self.folder / "objects").rglob("*") if path.is_file())

    async def blob(self, ttl_seconds: int) -> Blob:
        return await self.blobs.create(self.actor, self.project, self.file(), "a.bin", "text/plain", ttl_seconds)

    async def keep_days(self, tenant: Tenant, days: int) -> None:
        async with self.database.begin() as work:
            await work.of(Subscription, EVERYTHING).change(tenant.subscription.id, logs_retention_days=days)

    async def write_lines(self, project: Project, ages: Iterable[timedelta]) -> None:
        moments = [self.clock.now() - age for age in ages]
        lines = [LogLine(project.id, at, "line", system=False, id=new_log_id(at)) for at in moments]
        async with self.database.begin() as work:
            await work.of(LogLine, in_project(project.id)).add(*lines)

    async def ages(self, project: Project) -> list[timedelta]:
        async with self.database.read() as work:
            lines = await work.of(LogLine, in_project(project.id)).find(order=("-id",))
        return [self.clock.now() - line.time for line in lines]


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> Scene:
    tenant = await add_tenant(database)
    actor = Actor(new_id(), "a@example.com", is_staff=False, key_id="", expires_at=None)
    user = User(actor.user_id, actor.email, None, None, None, is_staff=False, is_active=True, created_at=NOON)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        await work.of(Membership, EVERYTHING).add(Membership(new_id(), tenant.organization.id, user.id, is_admin=True))
    objects = open_objects((tmp_path / "objects").as_uri())
    return Scene(database, objects, SteppedClock(), tenant, actor, tmp_path)


async def content(scene: Scene, blob: Blob) -> bytes:
    opened = await scene.blobs.open(scene.actor, scene.project, blob.id)
    return b"".join([piece async for piece in opened.content])


async def named_in_a_request(scene: Scene, blob: Blob) -> None:
    async with scene.database.read() as work:
        await scene.blobs.inputs(work, blob.project_id, [{"image": blob.id}])


async def test_a_blob_lives_to_the_last_microsecond(scene: Scene) -> None:
    """Then it is not found, not listed and refused in requests (contract ubiops 10.44), and its file goes."""
    short, long = await scene.blob(900), await scene.blob(259_200)
    scene.clock.move(seconds=899, microseconds=999_999)
    await scene.housekeeping.tidy()
    assert await content(scene, short) == b"content"
    await named_in_a_request(scene, short)
    assert [blob.id for blob in await scene.blobs.find(scene.actor, scene.project)] == [short.id, long.id]
    scene.clock.move(microseconds=1)
    assert [blob.id for blob in await scene.blobs.find(scene.actor, scene.project)] == [long.id]
    with pytest.raises(NotFound):
        await content(scene, short)
    with pytest.raises(InvalidInput, match="names a blob that does not exist"):
        await named_in_a_request(scene, short)
    assert scene.files() == 2
    await scene.housekeeping.tidy()
    assert (scene.files(), await content(scene, long)) == (1, b"content")
    scene.clock.move(days=3)
    await scene.housekeeping.tidy()
    assert scene.files() == 0


async def test_more_blobs_than_one_transaction_takes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BLOBS_AT_A_TIME", 3)
    for _ in range(8):
        await scene.blob(900)
    scene.clock.move(seconds=901)
    await scene.housekeeping.tidy()
    assert scene.files() == 0
    async with scene.database.read() as work:
        assert await work.of(Blob, EVERYTHING).count() == 0


async def test_a_file_without_a_row_is_an_upload_under_way_for_an_hour(scene: Scene) -> None:
    scene.clock.moment = datetime.now(UTC)  # files have the machine's own time
    await scene.objects.put_file(f"projects/{scene.tenant.project.id}/blobs/{new_id()}", scene.file())
    scene.clock.move(minutes=59)
    await scene.housekeeping.tidy()
    assert scene.files() == 1
    scene.clock.move(minutes=2)
    await scene.housekeeping.tidy()
    assert scene.files() == 0


@pytest.mark.parametrize("at_a_time", [2, 5_000])
async def test_lines_go_after_the_days_of_the_plan(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    """Each organization's by its own plan, at the edge to the microsecond, in pieces or in one."""
    monkeypatch.setattr(housekeeping, "LINES_AT_A_TIME", at_a_time)
    other = await add_tenant(scene.database, "second")
    await scene.keep_days(scene.tenant, 7)
    await scene.keep_days(other, 14)
    tick = timedelta(microseconds=1)
    ages = [timedelta(0), *(timedelta(days=days) + more for days in (7, 14) for more in (-tick, timedelta(0), tick))]
    ages += [timedelta(days=100, seconds=second) for second in range(7)]
    for tenant in (scene.tenant, other):
        await scene.write_lines(tenant.project, ages)
    await scene.housekeeping.tidy()
    assert await scene.ages(scene.tenant.project) == ages[:3]
    assert await scene.ages(other.project) == ages[:6]


@pytest.mark.parametrize("at_a_time", [1, 200])
async def test_ended_requests_go_after_the_same_days(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(housekeeping, "REQUESTS_AT_A_TIME", at_a_time)
    await scene.keep_days(scene.tenant, 7)
    old, kept = NOON - timedelta(days=7, microseconds=1), NOON - timedelta(days=7)
    requests = [
        replace(scene.tenant.request(), status=status, updated_at=moment)
        for status in RequestStatus
        for moment in (old, kept)
    ]
    async with scene.database.begin() as work:
        await work.of(Request, EVERYTHING).add(*requests)
    await scene.housekeeping.tidy()
    async with scene.database.read() as work:
        left = await work.of(Request, EVERYTHING).find()
    gone = {(RequestStatus.COMPLETED, old), (RequestStatus.FAILED, old)}
    assert {(item.status, item.updated_at) for item in left} == {(r.status, r.updated_at) for r in requests} - gone
