"""The environments root: one read-only virtual environment for each interpreter and content of requirements.

    <root>/<digest>/              complete, with its ``.complete`` inside; what instances run on
    <root>/.work/cache/           uv's cache, shared by all builds that run no code of strangers
    <root>/.work/<digest>/        being made, locked by its maker (folders.py)

The cache lies below the same folder as the work, since uv links files from it and a link cannot cross the mounts of a
sandbox: one mount has to hold both.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.builds.command import StepRunner
from quinta.engine.builds.errors import BuildFailed
from quinta.engine.builds.folders import WorkFolder, publish, remove_leftovers
from quinta.engine.builds.index import IndexSettings
from quinta.engine.builds.installer import Installer, Workshop
from quinta.engine.builds.interpreters import Interpreter
from quinta.engine.builds.requirements import Requirements
from quinta.engine.sandbox.trees import remove_tree
from quinta.engine.threads import in_thread

_FORM: Final = 1
"""Part of every digest; raised when environments are made in another way, so that old ones are not used for new
builds."""
_MARKER: Final = ".complete"
_WAIT_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment in the store; ``is_new`` is whether this call has made it."""

    digest: str
    path: Path
    is_new: bool


def environment_digest(interpreter: Interpreter, requirements: Requirements, package_digest: str) -> str:
    """SHA-256, in hexadecimal, of all that decides what an environment holds.

    The package is only part of it when the requirements name files of the package, or could; all packages without
    requirements share one environment of an interpreter.
    """
    content = {
        "form": _FORM,
        "interpreter": [interpreter.version_text, str(interpreter.path)],
        "requirements": requirements.lines,
        "package": "" if requirements.only_names else package_digest,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class EnvironmentStore:
    """Makes environments in ``<root>/<digest>/``, each once. Safe for several servers on one folder, at any crash."""

    def __init__(self, root: Path, runner: StepRunner, index: IndexSettings, *, time_limit_seconds: float) -> None:
        self._root = root
        self._work = root / ".work"
        self._runner = runner
        self._index = index
        self._time_limit_seconds = time_limit_seconds

    async def ensure(
        self,
        interpreter: Interpreter,
        requirements: Requirements,
        package: Path,
        package_digest: str,
        log: Callable[[str], None],
    ) -> Environment:
        """The environment for these requirements, made when it is not there yet.

        When another build is making the same one, waits for it. Raises BuildFailed when it cannot be made or is not
        ready after the time limit; nothing of it stays then.
        """
        digest = environment_digest(interpreter, requirements, package_digest)
        path = self._root / digest
        folder = await self._claim(digest, log)
        if folder is None:
            return Environment(digest, path, is_new=False)
        try:
            async with asyncio.timeout(self._time_limit_seconds):
                await in_thread(folder.empty)
                await in_thread(remove_tree, path)  # not complete, or there would have been no claim
                installer = Installer(self._runner, self._index, interpreter, Workshop(self._work, folder.path), log)
                await installer.install(requirements, package)
                _mark(installer.shop.environment, interpreter, requirements)
                await in_thread(publish, installer.shop.environment, path)
        except TimeoutError as error:
            limit = f"{self._time_limit_seconds:g} seconds"
            raise BuildFailed(
                Reason.INSTALL_TIMEOUT, f"The environment was not ready after {limit}, the limit for a build."
            ) from error
        finally:
            await in_thread(folder.release)
        return Environment(digest, path, is_new=True)

    def remove_leftovers(self) -> list[str]:
        """Removes what a server that died was making; returns the digests. Blocks."""
        return remove_leftovers(self._work, keep=("cache",))

    async def _claim(self, digest: str, log: Callable[[str], None]) -> WorkFolder | None:
        """The folder to make the environment in, or None when it is there already."""
        waiting = False
        while not (self._root / digest / _MARKER).is_file():
            folder = WorkFolder.claim(self._work / digest)
            if folder is None:
                if not waiting:
                    log("another build is making the same environment: waiting for it")
                waiting = True
                await asyncio.sleep(_WAIT_SECONDS)
            elif (self._root / digest / _MARKER).is_file():
                await in_thread(folder.release)
            else:
                return folder
        return None


def _mark(environment: Path, interpreter: Interpreter, requirements: Requirements) -> None:
    """Says that the environment is complete, and for the operator's eyes what it is."""
    note = {
        "interpreter": f"CPython {interpreter.version_text} at {interpreter.path}",
        "requirements": requirements.lines,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    try:
        # A requirement may have put a link there, to have the server write to its target.
        descriptor = os.open(environment / _MARKER, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError as error:
        raise BuildFailed(
            Reason.REQUIREMENT_REFUSED, f"One of the requirements installs a file named {_MARKER}; it cannot be used."
        ) from error
    with open(descriptor, "w") as marker:
        json.dump(note, marker, indent=1)
