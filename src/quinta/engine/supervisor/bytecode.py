"""The worker's byte code, for each interpreter that instances run on.

An instance sees the worker's sources read-only, so that it would compile them anew at each start: eight files, 30 ms of
processor time on an idle machine, a tenth of a cold start.
"""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path
from typing import Final

_log: Final = logging.getLogger(__name__)
_ROOMS: Final = ("__init__.py", "wire", "worker")
_SECONDS: Final = 60.0


class WorkerBytecode:
    """Compiles the rooms of ``package`` that the worker needs into ``__pycache__`` beside them, as Python does."""

    def __init__(self, package: Path) -> None:
        self._package = package
        self._done: set[Path] = set()

    def prepare(self, environment: Path) -> None:
        """Once for each interpreter. Blocking. Where the sources may not be written beside, each start compiles."""
        python = (environment / "bin" / "python").resolve(strict=True)
        if python in self._done:
            return
        self._done.add(python)
        rooms = [str(self._package / room) for room in _ROOMS]
        # The interpreter itself, isolated and without a site: nothing of a user's environment runs here.
        command = [str(python), "-I", "-S", "-m", "compileall", "-q", *rooms]
        nothing = subprocess.DEVNULL
        try:
            subprocess.run(command, env={}, stdin=nothing, stdout=nothing, stderr=nothing, timeout=_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            _log.warning("the worker's byte code for %s could not be kept, so each start compiles: %s", python, error)
