"""The files of a job on their way: from the object store into its folder, and what it left back into the store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from quinta.core.errors import TooLarge
from quinta.core.files.keys import job_key
from quinta.core.files.model import Repository
from quinta.core.jobs.logs import EXECUTION_LOG, execution_log
from quinta.core.jobs.model import Job
from quinta.core.models.model import JobFolders
from quinta.core.observation.model import LogLine
from quinta.core.ports import Archives, Between, ObjectStore, Store
from quinta.core.scope import in_project
from quinta.engine.recorder import Recorder
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.threads import in_thread

_LINES_AT_A_TIME = 2_000


class Output(NamedTuple):
    """The stored zip of a job's output folder, None when it left no file there, and the bytes of its files."""

    key: str | None
    size: int


class JobFiles:
    """Keeps one folder below ``root`` for each job that is under way on this server."""

    def __init__(self, root: Path, store: Store, objects: ObjectStore, archives: Archives, recorder: Recorder) -> None:
        self._root = root
        self._store = store
        self._objects = objects
        self._archives = archives
        self._recorder = recorder

    async def prepare(self, job: Job, repository: Repository) -> JobFolders:
        """New folders, with the repository's inputs and over them the job's own. InvalidInput, TooLarge or NotFound
        when they cannot be had any more."""
        await self.remove(job)
        folders = JobFolders(self._folder(job) / "inputs", self._folder(job) / "results")
        for folder in (folders.inputs, folders.results):
            folder.mkdir(parents=True)
        folders.inputs.chmod(0o755)  # the job runs as a user of its own
        for key in (repository.archive_key, job.overlay_key):
            if key is not None:
                archive = self._folder(job) / "inputs.zip"
                await self._objects.fetch(key, archive)
                await self._archives.put_in(archive, folders.inputs)
                archive.unlink()
        return folders

    async def keep_output(self, job: Job) -> Output:
        """Stores what the job left in its output folder. TooLarge beyond the limits of archives."""
        archive = self._folder(job) / "output.zip"
        files = await self._archives.pack(self._folder(job) / "results" / "output", archive)
        key = job_key(job.project_id, job.id, "output") if files else None
        if key is not None:
            await self._objects.put_file(key, archive)
        return Output(key, sum(file.size for file in files))

    async def keep_logs(self, job: Job) -> str:
        """Stores what the job left in its log folder, and all its log lines so far as a file; the key. Where the folder
        is too large, the lines alone."""
        logs, archive = self._folder(job) / "results" / "logs", self._folder(job) / "logs.zip"
        await in_thread(_make_way, logs)
        await self._recorder.flush()
        lines = logs / EXECUTION_LOG
        with lines.open("x", encoding="utf-8") as file:
            async for piece in self._lines(job):
                await asyncio.to_thread(file.write, piece)
        try:
            await self._archives.pack(logs, archive)
        except TooLarge as error:
            alone = self._folder(job) / "logs"
            alone.mkdir()
            with lines.open("a", encoding="utf-8") as file:
                file.write(f"The files of the log folder are left out. {error.message}\n")
            lines.rename(alone / EXECUTION_LOG)
            await self._archives.pack(alone, archive)
        key = job_key(job.project_id, job.id, "logs")
        await self._objects.put_file(key, archive)
        return key

    async def remove(self, job: Job) -> None:
        """Removes the job's folder, if it has one."""
        await in_thread(remove_tree, self._folder(job))

    def _folder(self, job: Job) -> Path:
        return self._root / job.id

    async def _lines(self, job: Job) -> AsyncIterator[str]:
        """The stored lines of the job as text, in pieces of some 100 KB."""
        after: str | None = None
        while True:
            async with self._store.read() as work:
                lines = await work.of(LogLine, in_project(job.project_id)).find(
                    request_id=job.id, id=Between(after), order=("id",), limit=_LINES_AT_A_TIME
                )
            yield execution_log(lines)
            if len(lines) < _LINES_AT_A_TIME:
                return
            after = lines[-1].id + "0"


def _make_way(logs: Path) -> None:
    """A file of the code's own by the name that ours needs gets another one."""
    logs.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(logs / EXECUTION_LOG):
        names = (logs / f"{number}-{EXECUTION_LOG}" for number in count(1))
        (logs / EXECUTION_LOG).rename(next(name for name in names if not os.path.lexists(name)))
