"""The data folder: its layout, and that one server at a time holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from quinta.core.models.model import RunnableVersion
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.supervisor.settings import EngineFolders


class StartRefused(RuntimeError):
    """The server cannot start as it was told to; the message says what to do."""


class DataFolder:
    """What is where below ``data``."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.uploads = data / "uploads"
        self.jobs = data / "jobs"
        self.data_jobs = data / "data-jobs"
        self.queries = data / "queries"
        self.keyring = data / "secrets.key"
        self.engine = EngineFolders(
            packages=data / "packages",
            environments=data / "environments",
            instances=data / "instances",
            staging=data / "staging",
        )

    @contextmanager
    def needed(self) -> Iterator[None]:
        """Around what uses the folder at the start: StartRefused when it cannot be used."""
        try:
            yield
        except OSError as error:  # a full disk names no file
            raise StartRefused(f"{error.filename or self._data} cannot be used: {error.strerror}") from None

    def create(self) -> None:
        """Makes the folder itself, for the server's user only, if it is not there."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def lock(self) -> IO[str]:
        """Holds the folder until the file is closed or the process ends, however it ends; StartRefused while another
        server holds it."""
        file = (self._data / "lock").open("a")  # not "w": that would empty the file of the server that holds it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StartRefused(
                f"another server uses the data folder {self._data}: stop it, or give this one its own"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def make(self) -> None:
        """Makes what is missing and empties what belonged to a killed predecessor."""
        engine = self.engine
        kept = engine.packages, engine.environments, engine.instances, engine.staging, self.queries
        emptied = self.uploads, self.jobs, self.data_jobs
        for folder in (*emptied, *kept):
            folder.mkdir(exist_ok=True)
        for left in (path for folder in emptied for path in folder.iterdir()):
            remove_tree(left)

    def have(self, version: RunnableVersion) -> bool:
        """Whether package and environment of the version are here (decision 0008)."""
        package = self.engine.packages / version.package_digest
        environment = self.engine.environments / version.environment_digest
        return package.is_dir() and environment.is_dir()
