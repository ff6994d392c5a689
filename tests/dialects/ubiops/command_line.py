"""The official command-line client 1.1.0, unmodified, run as the program that a user types."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_ENVIRONMENT = Path(sys.prefix) / "ubiops-cli"
_SECONDS = 120


class CommandLine:
    """One user's client, not signed in yet.

    It keeps its configuration inside its own package, so each user has a copy of that package, found first; all else
    comes from the environment that script/setup made. Without ``--api`` at the sign-in it would call a public host:
    the copy's configuration names ``api`` from the start.
    """

    def __init__(self, folder: Path, api: str) -> None:
        program = _ENVIRONMENT / "bin" / "ubiops"
        assert program.exists(), f"{program} is missing: run script/setup dev"
        self.api = api
        self.folder = folder
        self._program = program
        packages = next(_ENVIRONMENT.glob("lib/python*/site-packages"))
        shutil.copytree(packages / "pkg", folder / "program" / "pkg", ignore=shutil.ignore_patterns(".config"))
        # Times without a zone are UTC to the server, and the client sends the machine's own (contract ubiops 8.5).
        self._variables = {
            "PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(folder / "program"),
            "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC",
        }  # fmt: skip
        self.run("config", "set", "auth.api", api)

    def try_to(self, *words: str) -> str:
        """What the program prints; it ends with 0 whether the server refused the call or not."""
        run = subprocess.run(
            [self._program, *words],
            cwd=self.folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    def run(self, *words: str) -> str:
        """What the program prints when nothing was refused."""
        text = self.try_to(*words)
        assert not text.startswith("Error"), (words, text)
        return text

    def refused(self, *words: str) -> str:
        """What the program says of a call that was refused."""
        text = self.try_to(*words)
        assert "Error" in text, (words, text)
        return text

    def json(self, *words: str) -> Any:
        """The answer to a command that knows ``--format json``."""
        return json.loads(self.run(*words, "-fmt", "json"))

    def sign_in(self, token: str) -> None:
        """As a program does, with an API token."""
        self.run("signin", "--token", "--api", self.api, "-p", f"Token {token}")

    def write(self, name: str, text: str) -> str:
        """The path of a new file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return str(file)
