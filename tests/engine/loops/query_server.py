"""A server's loop of queries that stops at a mark, to be killed there: ``URL FOLDER MARK``.

It says ``at MARK`` on its output when a query has come there, and goes no further. The marks: ``started``, before
anything is claimed; ``claimed``, before data are read; ``answered``, the answer is in memory alone; ``stored``, its
files are in the store; ``settling``, in the transaction that ends the query, before it commits; ``settled``, behind it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from quinta.core.commits.model import DataJob
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.jobs.model import JobStatus
from quinta.core.queries.model import QueryAnswer, Question
from quinta.core.scope import EVERYTHING
from quinta.engine.query_processes import QueryProcesses
from quinta.engine.reading_process import ReadingProcess
from quinta.kit.clock import SystemClock
from quinta.privacy.metadata.reader import YamlMetadataReader
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from tests.core.account_scene import KEYRING, keyring
from tests.engine.loops.query_scene import READING, engine_on, loop_on


async def stop_at(mark: str) -> None:
    if sys.argv[3] == mark:
        sys.stdout.write(f"at {mark}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


class MarkedEngine:
    """The processes, with marks before and behind an answer."""

    def __init__(self, engine: QueryProcesses) -> None:
        self._engine = engine

    async def answer(self, question: Question) -> QueryAnswer:
        await stop_at("claimed")
        answered = await self._engine.answer(question)
        await stop_at("answered")
        return answered

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


class MarkedStore:
    """The database, with marks around the commit that ends a query."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        ends = 0
        async with self._database.begin() as work:
            yield work
            ends = await work.of(DataJob, EVERYTHING).count(status=JobStatus.FINISHED)
            if ends:
                await stop_at("settling")
        if ends:
            await stop_at("settled")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class MarkedObjects:
    """The store of files, with a mark behind the second one."""

    def __init__(self, objects: Any) -> None:
        self._objects = objects
        self._stored = 0

    async def put_file(self, key: str, path: Path) -> None:
        await self._objects.put_file(key, path)
        self._stored += 1
        if self._stored == 2:
            await stop_at("stored")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)


async def main(url: str, folder: Path) -> None:
    database = Database(url, SystemClock())
    await database.start()
    reading = READING.of[folder] = ReadingProcess()
    keeper = MetadataKeeper(YamlMetadataReader(), reading, keyring(KEYRING))
    store: Any = MarkedStore(database)
    engine: Any = MarkedEngine(engine_on(folder))
    objects: Any = MarkedObjects(open_objects(f"file://{folder}/objects"))
    queries = loop_on(store, objects, folder, keeper, engine)
    await stop_at("started")
    await queries.loop.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
