"""The command as a process, with a home and a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SECONDS = 180
_OURS = ("VERSION2_", "VERSIONTWO_")


@contextmanager
def interruptible() -> Iterator[None]:
    """Processes started in the block hear Ctrl-C, also where this one was started in the background and does not."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@dataclass(frozen=True)
class Command:
    """``home`` holds the global file, ``folder`` is where it runs; ``variables`` are added to the environment."""

    home: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def global_file(self) -> Path:
        return self.home / ".versiontwo" / "config.yaml"

    @property
    def project_file(self) -> Path:
        return self.folder / "versiontwo.yaml"

    @property
    def workspace_file(self) -> Path:
        return self.folder / ".versiontwo" / "workspace.yaml"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        source = str(Path(__file__).resolve().parents[3] / "src")
        return {
            **kept,
            "PYTHONPATH": source,
            "HOME": str(self.home),
            "NO_COLOR": "1",
            "COLUMNS": "120",
        } | self.variables

    @staticmethod
    def words(*words: str) -> list[str]:
        return [sys.executable, "-m", "quinta.cli.version2", *words]

    def having(self, **variables: str) -> Command:
        return Command(self.home, self.folder, {**self.variables, **variables})

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """What it did with ``given`` on standard input, which is no terminal."""
        return subprocess.run(
            self.words(*words),
            input=given,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment,
            timeout=_SECONDS,
            check=False,
        )

    def told(self, *words: str, given: str = "") -> str:
        """Its standard output, when it ends with 0."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def data(self, *words: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self.told(*words, "--output", "json"))

    def refused(self, code: int, *words: str, given: str = "") -> str:
        """The one line that it ends with, and with ``code``."""
        done = self.run(*words, given=given)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        *_, last = done.stderr.splitlines()
        assert last.startswith("version2: ")
        return last

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """The process, killed at the end of the block if it still runs."""
        with interruptible():
            process = subprocess.Popen(
                self.words(*words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env={**self.environment, "PYTHONUNBUFFERED": "1"},
            )
        with process:
            try:
                yield process
            finally:
                process.kill()


def new_command(folder: Path, **variables: str) -> Command:
    """A command with an empty home and an empty folder below ``folder``."""
    home, here = folder / "home", folder / "shop"
    home.mkdir()
    here.mkdir()
    return Command(home, here, dict(variables))
