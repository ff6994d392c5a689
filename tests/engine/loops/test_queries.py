"""The loop of queries: each ends once, what is told was charged before, and kills change neither (contract dq0 5.4)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from quinta.core.commits.job_views import CANCELLED
from quinta.core.commits.model import DataJob
from quinta.core.datasets.attachments import detach_dataset
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import ChargeState, Dataset
from quinta.core.datasets.sight import DatasetReference
from quinta.core.errors import LimitReached, TooLarge, Unavailable
from quinta.core.jobs.model import JobStatus
from quinta.core.ports import UnitOfWork
from quinta.core.queries.queries import ACCURACY, RESULTS
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, User
from quinta.core.tracking.model import RunStatus
from quinta.engine.own_process import OwnProcess
from quinta.privacy.metadata.reader import YamlMetadataReader
from tests.clocks import SteppedClock
from tests.core.account_scene import keyring
from tests.core.dataset_scene import DataHouse, house
from tests.engine.loops.query_scene import BUDGET, CLOCK, Scene, engine_on, lives, there
from tests.serving import running

__all__ = ["house"]  # a fixture

ROOT = Path(__file__).resolve().parents[3]
SETTLED, RESERVED, RETURNED = ChargeState.SETTLED, ChargeState.RESERVED, ChargeState.RETURNED
ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What has nothing to do with the kind of database is tested on one."""
DIED = "the query was given up after several tries: ask the operator of the server"


@pytest_asyncio.fixture
async def scene(house: DataHouse, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "src")]))
    made = Scene(house)
    await made.settle()
    yield made
    made.engine.close()


async def has_answered(scene: Scene, job: DataJob, people: int = 400) -> None:
    """It has ended once, well, for what it reserved. Epsilon 4 is off by more than 25 once in 10**20 answers."""
    done = await scene.ended(job)
    assert (done.status, done.reason, done.error_message) == (JobStatus.FINISHED, Reason.COMPLETED, None)
    told = await scene.artifacts(job)
    assert told.keys() == {RESULTS, ACCURACY}
    assert abs(int(told[RESULTS].split()[1]) - people) < 25
    assert json.loads(done.result or "")["epsilon"] == 4
    assert (await scene.run(job)).status is RunStatus.FINISHED
    assert await scene.charged(job) == [(4, SETTLED)]


async def has_failed(scene: Scene, job: DataJob, said: str, state: ChargeState) -> DataJob:
    """It has told nothing but a sentence."""
    done = await scene.ended(job)
    assert (done.status, done.result) == (JobStatus.FAILED, None)
    assert said in (done.error_message or "")
    assert not [word for word in ("400", "clerk", ".csv", str(scene.folder)) if word in str(done.error_message)]
    assert await scene.artifacts(job) == {}
    assert (await scene.run(job)).status in (RunStatus.FAILED, RunStatus.KILLED)
    assert [kept for _, kept in await scene.charged(job)] == [state]
    assert await scene.left() == (BUDGET if state is RETURNED else BUDGET - 4)
    return done


async def test_a_query_from_the_row_to_the_row(scene: Scene) -> None:
    job = await scene.ask()
    assert await scene.charged(job) == [(4, RESERVED)]
    assert await scene.left() == BUDGET - 4
    async with scene.server():
        await has_answered(scene, job)
        other = await scene.ask()
        await has_answered(scene, other)
    assert await scene.left() == BUDGET - 8


@pytest.mark.parametrize(
    ("mark", "database_url"),
    [
        ("claimed", "sqlite"),
        ("stored", "sqlite"),
        ("settling", "sqlite"),
        pytest.param("started", "postgres", marks=pytest.mark.postgres),
        pytest.param("answered", "postgres", marks=pytest.mark.postgres),
        pytest.param("settling", "postgres", marks=pytest.mark.postgres),
        pytest.param("settled", "postgres", marks=pytest.mark.postgres),
    ],
    indirect=["database_url"],
)
async def test_a_server_that_is_killed(scene: Scene, database_url: str, mark: str) -> None:
    """Wherever it was: the next one answers for the same charge, or has nothing left to do."""
    job = await scene.ask()
    program = (sys.executable, "-m", "tests.engine.loops.query_server", database_url, str(scene.folder), mark)
    server = await asyncio.create_subprocess_exec(*program, stdout=PIPE, cwd=ROOT)
    running.add(server.pid)
    assert server.stdout is not None
    assert await server.stdout.readline() == f"at {mark}\n".encode()
    server.kill()
    await server.wait()
    running.discard(server.pid)
    if mark == "settled":
        await has_answered(scene, job)
    else:
        assert await scene.artifacts(job) == {}
        assert await scene.charged(job) == [(4, RESERVED)]
    assert await scene.left() == BUDGET - 4
    async with scene.server():
        await has_answered(scene, job)
    assert await scene.left() == BUDGET - 4


@ON_ONE
@pytest.mark.parametrize("times", [2, 5])
async def test_a_process_that_dies(scene: Scene, times: int) -> None:
    """After it has read; the fifth time is the last."""
    job = await scene.ask()
    async with scene.server(engine_on(scene.folder, "dies", times, scene.folder / "marks")):
        if times < 5:
            await has_answered(scene, job)
        else:
            done = await has_failed(scene, job, DIED, SETTLED)
            assert done.reason == Reason.GIVEN_UP
    assert len(list((scene.folder / "marks").iterdir())) == min(times + 1, 5)


@ON_ONE
async def test_what_takes_too_long_is_not_tried_again(scene: Scene) -> None:
    job = await scene.ask()
    async with scene.server(engine_on(scene.folder, "waits", scene.folder / "pid", limit_seconds=4.0)):
        done = await has_failed(scene, job, "the query takes longer than is given to one", SETTLED)
        assert done.attempts == 1


@ON_ONE
async def test_what_needs_too_much_memory(scene: Scene) -> None:
    job = await scene.ask()
    async with scene.server(engine_on(scene.folder, "takes_all_memory")):
        done = await has_failed(scene, job, "the query needs more memory than is given to one", SETTLED)
        assert done.attempts == 1


@ON_ONE
async def test_a_query_that_waits_is_cancelled_for_nothing(scene: Scene) -> None:
    job = await scene.ask()
    assert await scene.jobs.cancel(scene.house.people["uma"], job.number)
    await has_failed(scene, job, CANCELLED, RETURNED)
    async with scene.server():
        other = await scene.ask()
        await has_answered(scene, other)
    await scene.ended(job)
    assert await scene.artifacts(job) == {}


@ON_ONE
async def test_a_query_under_way_is_stopped_and_keeps_its_charge(scene: Scene) -> None:
    job, mark = await scene.ask(), scene.folder / "pid"
    async with scene.server(engine_on(scene.folder, "waits", mark)):
        pid = int(await there(mark))
        assert await scene.jobs.cancel(scene.house.people["uma"], job.number)
        await has_failed(scene, job, CANCELLED, SETTLED)
        other = await scene.ask()
        await has_answered(scene, other)
    assert not lives(pid)
    assert await scene.charged(job) == [(4, SETTLED)]


@ON_ONE
async def test_a_query_that_was_cancelled_before_its_server_ended(scene: Scene) -> None:
    job, mark = await scene.ask(), scene.folder / "pid"
    async with scene.server(engine_on(scene.folder, "waits", mark)):
        await there(mark)
    assert await scene.jobs.cancel(scene.house.people["uma"], job.number)
    async with scene.server():
        await has_failed(scene, job, CANCELLED, SETTLED)


async def _dataset_deleted(scene: Scene, work: UnitOfWork) -> None:
    await work.of(Dataset, EVERYTHING).change(scene.dataset.id, deleted_at=CLOCK.now())


async def _dataset_detached(scene: Scene, work: UnitOfWork) -> None:
    assert await detach_dataset(work, scene.project_id, DatasetReference(id=scene.dataset.id))


async def _reading_forbidden(scene: Scene, work: UnitOfWork) -> None:
    await work.of(Dataset, EVERYTHING).change(scene.dataset.id, permissions=())


async def _account_closed(scene: Scene, work: UnitOfWork) -> None:
    await work.of(User, EVERYTHING).change(scene.house.people["uma"].user_id, is_active=False)


async def _shut_out_of_the_project(scene: Scene, work: UnitOfWork) -> None:
    assert await work.of(Membership, EVERYTHING).remove(user_id=scene.house.people["uma"].user_id)


@ON_ONE
@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (_dataset_deleted, "a dataset of the job is not there any more"),
        (_dataset_detached, "was detached from its project"),
        (_reading_forbidden, "may not read one of its datasets any more"),
        (_account_closed, "no account any more that is active"),
        (_shut_out_of_the_project, "may not start jobs in its project any more"),
    ],
)
async def test_who_could_not_ask_any_more_is_not_answered(
    scene: Scene, meanwhile: Callable[[Scene, UnitOfWork], Awaitable[None]], said: str
) -> None:
    job = await scene.ask()
    async with scene.house.database.begin() as work:
        await meanwhile(scene, work)
    async with scene.server():
        await has_failed(scene, job, said, RETURNED)


@ON_ONE
async def test_who_asks_much_holds_nobody_up(scene: Scene) -> None:
    """Twenty queries of one person wait when another asks one: it is the second to be answered, or the third."""
    many = [await scene.ask("SELECT COUNT(*) FROM LR.people WHERE 1 = 0") for _ in range(20)]
    other = await scene.ask("SELECT COUNT(*) FROM LR.people WHERE 1 = 0")
    async with scene.house.database.begin() as work:
        person = scene.house.people["ugo"].user_id
        await work.of(DataJob, EVERYTHING).change(other.id, created_by=person)
    async with scene.server():
        begun = [(await scene.ended(job)).started_at for job in (*many, other)]
    assert sorted(begun, key=str).index(begun[-1]) < 3


@ON_ONE
@pytest.mark.parametrize("under_way", [True, False])
async def test_a_project_that_is_deleted_meanwhile(scene: Scene, under_way: bool) -> None:
    """With its jobs: nobody is told anything, and what may have been learnt stays charged."""
    job, mark = await scene.ask(), scene.folder / "pid"

    async def delete() -> None:
        await scene.house.projects.delete(scene.house.people["uma"], scene.project_id)
        assert await scene.get(job) is None

    if not under_way:
        await delete()
    async with scene.server(engine_on(scene.folder, "waits", mark)) as server:
        if under_way:
            pid = int(await there(mark))
            await delete()
            await scene.when(job, lambda _: not lives(pid))
        else:
            await scene.when(job, lambda _: server.loop.in_flight == 0)
    assert await scene.artifacts(job) == {}
    assert await scene.left() == BUDGET - 4


@ON_ONE
async def test_a_budget_that_is_given_anew(scene: Scene) -> None:
    """What was taken before and is given back later is not added to the new one."""
    clock = SteppedClock(CLOCK.now())
    queries, olga = scene.queries_at(clock), scene.house.people["olga"]
    await scene.house.datasets.change(olga, scene.dataset.id, scene.meta() + "privacy_budget_interval_days: 7\n")
    first = await scene.ask(epsilon=8.0, queries=queries)
    with pytest.raises(LimitReached):
        await scene.ask(queries=queries)
    clock.move(days=7)
    second = await scene.ask(queries=queries)
    assert await scene.left() == BUDGET - 4
    assert await scene.jobs.cancel(scene.house.people["uma"], first.number)
    assert await scene.left() == BUDGET - 4
    async with scene.server():
        await has_answered(scene, second)
    assert await scene.charged(first) == [(8, RETURNED)]


@ON_ONE
async def test_metadata_whose_key_is_lost(scene: Scene) -> None:
    job = await scene.ask()
    keeper = MetadataKeeper(YamlMetadataReader(), scene.house.reading, keyring("cd" * 32))
    async with scene.server(keeper=keeper):
        await has_failed(scene, job, "key", RETURNED)


@ON_ONE
async def test_a_file_that_is_gone_and_one_that_was_replaced(scene: Scene) -> None:
    gone = await scene.ask()
    scene.file.rename(scene.folder / "elsewhere.csv")
    async with scene.server():
        await has_failed(scene, gone, "", RETURNED)
        scene.write(100)
        await has_answered(scene, await scene.ask(), 100)
        scene.write(300)
        await has_answered(scene, await scene.ask(), 300)


CARDINALITY = "private_sql_and_synthesis: {cardinality: 3}"


@ON_ONE
@pytest.mark.parametrize(
    ("statement", "cost", "change"),
    [
        ("SELECT job FROM LR.people GROUP BY job", 0, {"job": CARDINALITY}),
        ("SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job", 4, {"job": CARDINALITY}),
        ("SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job", 4, {"delta": "0.001", "job": CARDINALITY}),
    ],
)
async def test_a_price_that_changes_before_the_answer(
    scene: Scene, statement: str, cost: int, change: dict[str, str]
) -> None:
    """What is told was charged before: an owner's change between asking and answering makes nothing cheaper."""
    job = await scene.ask(statement)
    assert await scene.charged(job) == ([(cost, RESERVED)] if cost else [])
    await scene.house.datasets.change(scene.house.people["olga"], scene.dataset.id, scene.meta(**change))
    async with scene.server():
        done = await scene.ended(job)
        assert "has changed since the query was asked" in (done.error_message or "")
        assert await scene.artifacts(job) == {}
        assert await scene.left() == BUDGET
        again = await scene.ask(statement)
        assert (await scene.ended(again)).status is JobStatus.FINISHED
        assert await scene.charged(again) == [(4, SETTLED)]


async def test_who_gives_up_waiting_ends_nobody_elses_call() -> None:
    process = OwnProcess("answers", "too large", 1 << 32, 60.0, "too long")
    pid = await process.call(os.getpid)
    under_way = asyncio.create_task(process.call_or_end(sorted, range(100_000)))
    waiting = asyncio.create_task(process.call_or_end(os.getpid))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await under_way
    assert await process.call(os.getpid) == pid
    stopped = asyncio.create_task(process.call_or_end(signal.pause))
    await asyncio.sleep(0)
    stopped.cancel()
    assert await process.call(os.getpid) != pid
    assert not lives(pid)
    with pytest.raises(Unavailable):
        await process.call(os.kill, await process.call(os.getpid), signal.SIGKILL)
    process.limit_seconds = 0.5
    with pytest.raises(TooLarge, match="too long"):
        await process.call(signal.pause)
    process.close()
