"""A real server as a process of its own, for tests that knock at its door."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests import forked

ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "correct horse battery"
_START_SECONDS = 180

running: set[int] = set()
"""Process ids of the servers that this test process has started and not seen the end of, and of what forks them."""


@dataclass
class RunningServer:
    """A server process: ``url`` like ``http://127.0.0.1:4711``, ``token`` the administrator's key."""

    process: subprocess.Popen[str] | forked.ForkedServer
    url: str
    token: str
    data: Path
    output: list[str] = field(default_factory=list)
    settings: Mapping[str, str] = field(default_factory=dict)

    def client(self, token: str | None = None) -> httpx2.Client:
        """A plain HTTP client that signs in with ``token`` (the administrator's by default)."""
        return httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Token {token or self.token}"}, timeout=60, trust_env=False
        )

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)
        running.discard(self.process.pid)

    def start_again(self) -> None:
        """After ``kill``: starts it as it was, at the same address."""
        port = int(self.url.rpartition(":")[2])
        again = start_server(self.data, self.settings, port=port, token=self.token)
        self.process, self.output = again.process, again.output

    def stop(self) -> int:
        """Ends it as an operator would; returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=60)
        running.discard(self.process.pid)
        return code


def start_server(
    data: Path,
    settings: Mapping[str, str] | None = None,
    *,
    port: int = 0,
    token: str | None = None,
    module: str = "quinta",
    fresh: bool = False,
) -> RunningServer:
    """Starts ``quinta serve``, or another module that takes the same words, on a free port and waits until it says that
    it is ready. It is forked from a process that has loaded it, which saves 2 s of a core; ``fresh`` is for tests whose
    subject is the start or the memory of the whole process: the real command."""
    token = token or uuid.uuid4().hex
    environment = {
        **os.environ,
        "QUINTA_ADMIN_EMAIL": ADMIN_EMAIL,
        "QUINTA_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "QUINTA_ADMIN_TOKEN": token,
        **(settings or {}),
    }
    process = _start(module, ["serve", "--port", str(port), "--data", str(data)], environment, fresh)
    running.update({process.pid}, forked.zygotes)
    server = RunningServer(process, "", token, data, settings=settings or {})
    ready = threading.Event()

    def follow() -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                server.output.append(line)
                if line.startswith("Quinta is ready at "):
                    server.url = line.split()[-1]
                    ready.set()
        ready.set()

    threading.Thread(target=follow, daemon=True).start()
    if not ready.wait(_START_SECONDS) or not server.url:
        server.kill()
        raise AssertionError("the server did not start:\n" + "".join(server.output))
    return server


def _start(
    module: str, words: list[str], environment: dict[str, str], fresh: bool
) -> subprocess.Popen[str] | forked.ForkedServer:
    if module == "quinta" and not fresh and forked.can_fork(environment):
        return forked.ForkedServer(words, environment)
    command = [sys.executable, "-m", module, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True)


@contextmanager
def serving(data: Path, settings: Mapping[str, str] | None = None, *, fresh: bool = False) -> Iterator[RunningServer]:
    """A server for the length of a block."""
    server = start_server(data, settings, fresh=fresh)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a worker process; each test makes its own organization and project in it."""
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        yield running
