"""Repositories on both databases: made whole or not at all, listed by number, deleted with all that hangs on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, QuintaError, TooLarge, Unavailable
from quinta.core.events import EventName
from quinta.core.files.keys import job_key, repository_key
from quinta.core.files.model import InputFile
from quinta.core.files.repositories import Repositories
from quinta.core.files.stored import StoredArchives
from quinta.core.jobs.model import JobStatus
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import ClientGroup, ClientMember, Project
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.archives.members import ArchiveLimits
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.storage.database import Database
from tests.clocks import NOON
from tests.core.client_scene import STRANGER, Scene, files_in, make_scene

FILES: dict[str, bytes | str] = {"INPUT/comments.csv": "id,comment\n", "INPUT/CONTRATOS/one/a.pdf": b"%PDF"}


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    made = await make_scene(database, tmp_path)
    yield made
    made.reading.close()


async def test_a_repository_comes_back_as_it_was_made(scene: Scene) -> None:
    made = await scene.repository(FILES, params='{"a":1}', metadata='{"name":"first"}')

    view = await scene.repositories.get(scene.leader, scene.name, made.number)
    assert view.repository == made
    assert view.jobs == ()
    assert made.files == (InputFile("CONTRATOS/one/a.pdf", 4), InputFile("comments.csv", 11))
    assert (made.params, made.metadata, made.created_by) == ('{"a":1}', '{"name":"first"}', scene.leader.email)
    assert made.number == "202603281200000000"
    assert await scene.keys() == [repository_key(scene.project_id, made.id)] == [made.archive_key]
    download = await scene.repositories.input(scene.leader, scene.name, made.number)
    assert download.file_name == f"{made.number}.zip"
    assert await files_in(download) == {"comments.csv": b"id,comment\n", "CONTRATOS/one/a.pdf": b"%PDF"}
    assert list(scene.staging.iterdir()) == []
    (event,) = scene.events
    assert (event.name, event.subject_id, event.project_id) == (
        EventName.REPOSITORY_CREATED,
        made.id,
        scene.project_id,
    )


@pytest.mark.parametrize("files", [None, {}, {"INPUT/": ""}])
async def test_an_empty_repository_stores_nothing_and_gives_an_empty_zip(
    files: dict[str, bytes | str] | None, scene: Scene
) -> None:
    made = await scene.repository(files)
    assert (made.files, made.archive_key, made.params) == ((), None, None)
    assert await scene.keys() == []
    assert await files_in(await scene.repositories.input(scene.leader, scene.name, made.number)) == {}


async def test_a_single_file_is_kept_under_its_name(scene: Scene) -> None:
    upload = scene.folder / "upload"
    upload.write_bytes(b"id,comment\n")
    made = await scene.repositories.create(
        scene.leader, scene.name, params=None, metadata="{}", upload=upload, file_name="comments.csv"
    )
    assert made.files == (InputFile("comments.csv", 11),)
    assert upload.exists()


async def test_an_upload_that_is_refused_leaves_nothing(scene: Scene) -> None:
    upload = scene.upload(FILES)
    small = StoredArchives(scene.objects, ZipArchives(ArchiveLimits(total_bytes=3)), scene.staging)
    makers: list[tuple[Repositories, str, type[QuintaError]]] = [
        (scene.repositories, "a.exe", InvalidInput),
        (Repositories(scene.database, small, scene.clock, UTC), "a.zip", TooLarge),
    ]
    for maker, file_name, kind in makers:
        with pytest.raises(kind) as refusal:
            await maker.create(scene.leader, scene.name, params=None, metadata="{}", upload=upload, file_name=file_name)
        assert refusal.value.field == "file"
    assert (await scene.keys(), await scene.rows(), list(scene.staging.iterdir()), scene.events) == ([], (0, 0), [], [])
    assert await scene.repository(FILES)


async def test_who_loses_its_right_during_the_upload_leaves_nothing(scene: Scene) -> None:
    """Access is looked at again when the row is made."""

    class Slow(ZipArchives):
        async def take_in(self, upload: Path, file_name: str, target: Path) -> tuple[InputFile, ...]:
            files = await super().take_in(upload, file_name, target)
            async with scene.database.begin() as work:
                await work.of(ClientMember, EVERYTHING).remove(user_id=scene.leader.user_id)
            return files

    stored = StoredArchives(scene.objects, Slow(), scene.staging)
    maker = Repositories(scene.database, stored, scene.clock, UTC)
    with pytest.raises(NotFound) as refusal:
        await maker.create(
            scene.leader, scene.name, params=None, metadata="{}", upload=scene.upload(FILES), file_name="a.zip"
        )
    assert refusal.value.field == "client_id"
    assert (await scene.keys(), await scene.rows()) == ([], (0, 0))


async def test_an_object_store_that_fails_leaves_no_row(scene: Scene) -> None:
    (scene.folder / "objects" / "projects").write_bytes(b"in the way")
    with pytest.raises(Unavailable):
        await scene.repository(FILES)
    assert (await scene.rows(), list(scene.staging.iterdir())) == ((0, 0), [])
    (scene.folder / "objects" / "projects").unlink()
    assert await scene.repository(FILES)


async def test_numbers_are_unique_and_grow_also_when_the_clock_goes_back(scene: Scene) -> None:
    numbers = [(await scene.repository()).number for _ in range(3)]
    scene.clock.move(hours=-1)
    numbers.append((await scene.repository()).number)
    scene.clock.move(hours=1, microseconds=150)
    numbers += [(await scene.repository(client=scene.other)).number, (await scene.repository()).number]
    scene.clock.move(seconds=1)
    numbers.append((await scene.repository()).number)
    assert [int(number) - 202603281200000000 for number in numbers] == [0, 1, 2, 3, 4, 5, 10001]
    assert all(len(number) == 18 for number in numbers)


async def test_numbers_show_the_zone_and_grow_through_its_autumn(scene: Scene) -> None:
    """At 01:00 UTC of that day Lisbon's clock goes from 2 back to 1."""
    repositories = scene.repositories_in(ZoneInfo("Europe/Lisbon"))
    numbers = []
    for moment in ("00:30:00.1234", "00:59:59", "01:00:00", "01:59:59", "02:10:00"):
        scene.clock.moment = datetime.fromisoformat(f"2026-10-25T{moment}+00:00")
        made = await repositories.create(
            scene.leader, scene.name, params=None, metadata="{}", upload=None, file_name=""
        )
        numbers.append(made.number)
    assert numbers == [
        "202610250130001234",
        "202610250159590000",
        "202610250159590001",
        "202610250159590002",
        "202610250210000000",
    ]


async def test_repositories_made_at_once_have_different_numbers(scene: Scene) -> None:
    made = await asyncio.gather(*(scene.repository() for _ in range(8)))
    assert len({repository.number for repository in made}) == 8


async def test_a_list_has_the_newest_first_by_the_minutes_of_their_making(scene: Scene) -> None:
    made = []
    for _ in range(4):  # at 12:00:00, :45, 12:01:30, 12:02:15
        made.append((await scene.repository()).number)
        scene.clock.move(seconds=45)
    made.reverse()
    await scene.repository(client=scene.other)

    async def found(earliest: int | None, latest: int | None) -> list[str]:
        ends = [None if minute is None else NOON + timedelta(minutes=minute) for minute in (earliest, latest)]
        return await scene.repositories.find(scene.leader, scene.name, *ends)

    assert await found(None, None) == made
    assert await found(0, 2) == made
    assert await found(0, 0) == made[2:]
    assert await found(1, 1) == made[1:2]
    assert await found(1, None) == made[:2]
    assert await found(None, 1) == made[1:]
    assert await found(3, None) == []
    assert await found(2, 1) == []


async def test_another_clients_repository_is_not_there(scene: Scene) -> None:
    made = await scene.repository(FILES)
    calls: list[Callable[[str], Awaitable[object]]] = [
        lambda number: scene.repositories.get(scene.leader, scene.other, number),
        lambda number: scene.repositories.input(scene.leader, scene.other, number),
        lambda number: scene.repositories.delete(scene.leader, scene.other, number),
        lambda number: scene.repositories.get(scene.leader, scene.name, "1" + number),
        lambda number: scene.repositories.get(scene.leader, scene.name, "a\0" + number),
        lambda number: scene.repositories.get(scene.leader, scene.name, ""),
    ]
    for call in calls:
        with pytest.raises(NotFound) as refusal:
            await call(made.number)
        assert refusal.value.field == "repository_id"
    await scene.repositories.delete(scene.leader, scene.name, made.number)


async def test_who_may_do_what(scene: Scene) -> None:
    """Contract vbrain 7, for repositories; the whole table is core.access.clients'."""
    made = await scene.repository(FILES)
    rights: dict[str, tuple[Callable[[Actor], Awaitable[object]], set[ClientGroup]]] = {
        "create": (
            lambda actor: scene.repositories.create(
                actor, scene.name, params=None, metadata="{}", upload=None, file_name=""
            ),
            {ClientGroup.LEADER, ClientGroup.DEVELOPER},
        ),
        "check": (
            lambda actor: scene.repositories.check_create(actor, scene.name),
            {ClientGroup.LEADER, ClientGroup.DEVELOPER},
        ),
        "find": (lambda actor: scene.repositories.find(actor, scene.name, None, None), set(ClientGroup)),
        "get": (lambda actor: scene.repositories.get(actor, scene.name, made.number), set(ClientGroup)),
        "input": (lambda actor: scene.repositories.input(actor, scene.name, made.number), set(ClientGroup)),
        "delete": (
            lambda actor: scene.repositories.delete(actor, scene.name, made.number),
            {ClientGroup.LEADER},
        ),
    }
    for call, allowed in rights.values():
        with pytest.raises(NotFound, match="no organization"):
            await call(STRANGER)
        for group in reversed(ClientGroup):
            if group in allowed:
                await call(scene.people[group])
            else:
                with pytest.raises(NotPermitted):
                    await call(scene.people[group])


async def test_a_repository_goes_with_its_jobs_and_all_files(scene: Scene) -> None:
    made, kept = await scene.repository(FILES), await scene.repository(FILES)
    jobs = [await scene.job(made), await scene.job(made, {"b.csv": "1"}), await scene.job(made)]
    other = await scene.job(kept, {"b.csv": "1"})
    await scene.change(jobs[0], status=JobStatus.FINISHED, output_key=job_key(made.project_id, jobs[0].id, "output"))
    await scene.put(job_key(made.project_id, jobs[0].id, "output"))
    await scene.change(jobs[2], status=JobStatus.STARTED)
    await scene.put(job_key(made.project_id, jobs[2].id, "logs"))  # it is about to end
    scene.events.clear()

    await scene.repositories.delete(scene.leader, scene.name, made.number)

    assert await scene.keys() == sorted(filter(None, [other.overlay_key, kept.archive_key]))
    assert await scene.rows() == (1, 1)
    assert [event.name for event in scene.events] == [EventName.JOB_DELETED] * 3 + [EventName.REPOSITORY_DELETED]
    assert {event.tags for event in scene.events[:3]} == {(f"job:{job.id}",) for job in jobs}
    assert await scene.repositories.find(scene.leader, scene.name, None, None) == [kept.number]
    for job in jobs:
        with pytest.raises(NotFound):
            await scene.jobs.get(scene.leader, scene.name, job.number)
    with pytest.raises(NotFound):
        await scene.repositories.delete(scene.leader, scene.name, made.number)


async def test_a_repository_whose_files_cannot_be_removed_can_be_deleted_again(scene: Scene) -> None:
    made = await scene.repository(FILES)
    job = await scene.job(made)
    assert made.archive_key is not None
    blocked = scene.block(made.archive_key)

    with pytest.raises(Unavailable):
        await scene.repositories.delete(scene.leader, scene.name, made.number)

    assert await scene.repositories.find(scene.leader, scene.name, None, None) == [made.number]
    with pytest.raises(NotFound):  # cancelled first
        await scene.jobs.get(scene.leader, scene.name, job.number)
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    await scene.repositories.delete(scene.leader, scene.name, made.number)
    assert await scene.repositories.find(scene.leader, scene.name, None, None) == []


async def test_a_repository_deleted_twice_at_once_is_deleted_once(scene: Scene) -> None:
    made = await scene.repository(FILES)
    await scene.job(made)
    ends = await asyncio.gather(
        *(scene.repositories.delete(scene.leader, scene.name, made.number) for _ in range(4)), return_exceptions=True
    )
    assert ends.count(None) == 1
    assert [type(end) for end in ends if end is not None] == [NotFound] * 3
    assert (await scene.rows(), await scene.keys()) == ((0, 0), [])


async def test_jobs_made_while_their_repository_goes_leave_nothing(scene: Scene) -> None:
    made = await scene.repository(FILES)
    jobs = [scene.job(made, {"b.csv": "1"}) for _ in range(6)]
    *ends, _ = await asyncio.gather(
        *jobs, scene.repositories.delete(scene.leader, scene.name, made.number), return_exceptions=True
    )
    for end in ends:
        if isinstance(end, BaseException):
            assert isinstance(end, NotFound)
            assert end.field == "repository_id"
    assert await scene.rows() == (0, 0)
    scene.clock.moment = datetime.now(UTC) + timedelta(hours=2)  # a job accepted in between: housekeeping
    await Housekeeping(scene.database, scene.objects, scene.clock).tidy()
    assert await scene.keys() == []


async def test_housekeeping_keeps_the_files_of_repositories_and_jobs_and_no_others(scene: Scene) -> None:
    made = await scene.repository(FILES)
    job = await scene.job(made, {"b.csv": "1"})
    kept = {key for key in (made.archive_key, job.overlay_key) if key is not None}
    for part in ("output_key", "logs_key"):
        key = job_key(job.project_id, job.id, "output" if part == "output_key" else "logs")
        await scene.change(job, **{part: key})
        await scene.put(key)
        kept.add(key)
    await scene.put(repository_key(made.project_id, "gone"))
    await scene.put(job_key(made.project_id, "gone", "output"))
    housekeeping = Housekeeping(scene.database, scene.objects, scene.clock)
    scene.clock.moment = datetime.now(UTC)
    await housekeeping.tidy()
    assert len(await scene.keys()) == 6
    scene.clock.move(hours=2)
    await housekeeping.tidy()
    assert set(await scene.keys()) == kept
    async with scene.database.begin() as work:
        await work.of(Project, EVERYTHING).remove(id=scene.project_id)
    await housekeeping.tidy()
    assert await scene.keys() == []
