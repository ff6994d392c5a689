"""Queries on real storage, files and processes: an owner's data, a user's project, and loops that answer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from quinta.core.commits.jobs import DataJobs
from quinta.core.commits.model import DataJob
from quinta.core.datasets.attachments import attach_dataset
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.epsilon import epsilon_of
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import BudgetCharge, ChargeState, Dataset, PrivacyBudget
from quinta.core.observation.failures import FailureCounts
from quinta.core.ports import ObjectStore, QueryEngine, Store
from quinta.core.queries.asked import QueryRequest
from quinta.core.queries.queries import Queries
from quinta.core.queries.questions import Questions
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import Artifact, Run
from quinta.engine.leases import LeasePolicy
from quinta.engine.loops.queries import QueryLoop
from quinta.engine.own_process import OwnFunction
from quinta.engine.query_processes import QueryProcesses
from quinta.kit.clock import Clock, SystemClock
from quinta.server_quarantine import query_functions
from quinta.storage.objects import Objects, open_objects
from tests.core.dataset_scene import DataHouse
from tests.metadata import UNIT, metadata_text

CLOCK = SystemClock()
DEADLINE = 60.0
POLICY = LeasePolicy(lease_seconds=1.0, first_pause_seconds=0.0, poll_seconds=0.05, maximum_attempts=5)
COUNT = "SELECT COUNT(*) AS n FROM LR.people"
BUDGET = 10.0


def engine_on(folder: Path, answer: str = "", *arguments: object, limit_seconds: float = 60.0) -> QueryProcesses:
    """As a server makes it; ``answer`` names one of the ways in ``query_ways`` instead."""
    place = (folder / "queries", 256, 2)
    functions = query_functions(*place)
    if answer:
        way = OwnFunction("tests.engine.loops.query_ways", answer, *arguments, place, missing="?")
        functions = replace(functions, answer=way)
    return QueryProcesses(functions, READING.get(folder), 1, 256, limit_seconds)


class _Readings:
    """The process that reads texts, of each scene."""

    def __init__(self) -> None:
        self.of: dict[Path, Any] = {}

    def get(self, folder: Path) -> Any:
        return self.of[folder]


READING = _Readings()


def loop_on(store: Store, objects: ObjectStore, folder: Path, keeper: MetadataKeeper, engine: QueryEngine) -> QueryLoop:
    questions = Questions(keeper, FileRules(private=(folder / "own",)))
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    budgets = Budgets(store, CLOCK)
    return QueryLoop(store, objects, questions, engine, budgets, FailureCounts(), CLOCK, staging, 1, POLICY)


@dataclass
class Scene:
    """``uma`` asks about 400 people of ``olga``'s, of whose budget of 10 nothing is used."""

    house: DataHouse
    project_id: str = ""
    data: Dataset | None = None
    engine: QueryProcesses = field(init=False)
    objects: Objects = field(init=False)

    def __post_init__(self) -> None:
        READING.of[self.folder] = self.house.reading
        self.engine = engine_on(self.folder)
        self.objects = open_objects(f"file://{self.folder}/objects")
        self.budgets = Budgets(self.house.database, CLOCK)
        self.queries = self.queries_at(CLOCK)
        self.jobs = DataJobs(self.house.database, self.objects, self.budgets, CLOCK)

    @property
    def folder(self) -> Path:
        return self.house.folder

    @property
    def dataset(self) -> Dataset:
        assert self.data is not None
        return self.data

    @property
    def file(self) -> Path:
        return self.folder / "people.csv"

    def meta(self, job: str = "private_sql: {allowed_values: [clerk, nurse]}", delta: str = "0.000001") -> str:
        table = "data: {name: people, rows: 400}, differential_privacy: "
        table += f"{{privacy_column: id, budget_delta: {delta}}}"
        column = f"data: {{name: job, data_type_name: string}}, {job}"
        return metadata_text(self.file, UNIT, column, table=table, budget=BUDGET)

    def write(self, people: int) -> None:
        rows = "".join(f"{number},{('clerk', 'nurse')[number % 2]}\n" for number in range(people))
        self.file.write_text(f"id,job\n{rows}")

    async def settle(self) -> None:
        self.write(400)
        self.data = (await self.house.datasets.create(self.house.people["olga"], self.meta())).dataset
        project = await self.house.project("uma")
        self.project_id = project.id
        async with self.house.database.begin() as work:
            await attach_dataset(work, project.id, self.data, CLOCK.now())

    def queries_at(self, clock: Clock) -> Queries:
        questions, budgets = Questions(self.house.keeper, self.house.files), Budgets(self.house.database, clock)
        return Queries(self.house.database, questions, self.engine, budgets, clock)

    async def ask(self, statement: str = COUNT, epsilon: float = 4.0, queries: Queries | None = None) -> DataJob:
        request = QueryRequest(statement, ("people",), epsilon)
        return await (queries or self.queries).ask(self.house.people["uma"], self.project_id, request)

    @asynccontextmanager
    async def server(
        self, engine: QueryProcesses | None = None, keeper: MetadataKeeper | None = None
    ) -> AsyncIterator[QueryLoop]:
        """A loop that works, closed at the end as a server that stops closes it."""
        queries = loop_on(
            self.house.database, self.objects, self.folder, keeper or self.house.keeper, engine or self.engine
        )
        running = asyncio.create_task(queries.loop.run())
        try:
            yield queries
        finally:
            await queries.loop.close(grace=0.0)
            await running
            if engine is not None:
                engine.close()

    async def get(self, job: DataJob) -> DataJob | None:
        async with self.house.database.read() as work:
            return await work.of(DataJob, EVERYTHING).get(id=job.id)

    async def ended(self, job: DataJob) -> DataJob:
        def over(now: DataJob | None) -> bool:
            assert now is not None
            return now.status.ended

        found = await self.when(job, over)
        assert found is not None
        return found

    async def when(self, job: DataJob, holds: Callable[[DataJob | None], bool]) -> DataJob | None:
        end = time.monotonic() + DEADLINE
        while not holds(now := await self.get(job)):
            assert time.monotonic() < end, now
            await asyncio.sleep(0.02)
        return now

    async def artifacts(self, job: DataJob) -> dict[str, str]:
        async with self.house.database.read() as work:
            found = await work.of(Artifact, EVERYTHING).find(run_id=job.number)
        texts = {}
        for item in found:
            assert item.path not in texts, "told twice"
            texts[item.path] = b"".join([piece async for piece in self.objects.stream(item.key)]).decode()
        return texts

    async def run(self, job: DataJob) -> Run:
        async with self.house.database.read() as work:
            found = await work.of(Run, EVERYTHING).get(id=job.number)
        assert found is not None
        return found

    async def charged(self, job: DataJob) -> list[tuple[float, ChargeState]]:
        async with self.house.database.read() as work:
            found = await work.of(BudgetCharge, EVERYTHING).find(job_id=job.id)
        return [(epsilon_of(item.amount), item.state) for item in found]

    async def left(self) -> float:
        async with self.house.database.read() as work:
            found = await work.of(PrivacyBudget, EVERYTHING).get(dataset_id=self.dataset.id)
        assert found is not None
        return epsilon_of(found.current)


async def there(path: Path) -> str:
    """What a file says once it is there and says something."""
    end = time.monotonic() + DEADLINE
    while not path.exists() or not path.read_text():
        assert time.monotonic() < end, path
        await asyncio.sleep(0.02)
    return path.read_text()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
