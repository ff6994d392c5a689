"""Servers that the tests of connectors share: each is started once for a whole test session, by the first that asks."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_START_SECONDS = 120
_KEEPER = Path(__file__).with_name("keeper.py")


@dataclass
class Launch:
    """What to start: command lines, whose servers must listen on ``ports`` before anybody is told of them.

    ``facts`` is what tests need to know; it goes through a JSON file.
    """

    commands: Sequence[Sequence[str]]
    ports: Sequence[int]
    facts: dict[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


def shared_server(
    factory: pytest.TempPathFactory, name: str, prepare: Callable[[Path], Launch], finish: Callable[[Any], None]
) -> dict[str, Any]:
    """The facts of the server called ``name``. ``prepare`` fills a folder and says what to start; ``finish`` is called
    with the facts when it listens. Both run once for the session."""
    root = factory.getbasetemp()
    in_worker = "PYTEST_XDIST_WORKER" in os.environ
    if in_worker:
        root = root.parent  # the workers' own folders are below the session's
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = root / f"{name}.json"
        if not known.exists():
            facts = _start(name, prepare, os.getppid() if in_worker else os.getpid())
            finish(facts)
            known.write_text(json.dumps(facts), encoding="utf-8")
        return dict(json.loads(known.read_text(encoding="utf-8")))


def _start(name: str, prepare: Callable[[Path], Launch], session: int) -> dict[str, Any]:
    # Not below TMPDIR: a socket's path may have 107 bytes at most, and servers with users of their own must enter.
    folder = Path(tempfile.mkdtemp(prefix=f"quinta-{name}-", dir="/tmp"))
    try:
        return _launch(name, folder, prepare(folder), session)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _launch(name: str, folder: Path, launch: Launch, session: int) -> dict[str, Any]:
    """Hands the servers to a keeper and waits until they listen."""
    specification = folder / "keeper.json"
    wanted = {
        "session": session,
        "folder": str(folder),
        "commands": [list(command) for command in launch.commands],
        "environment": dict(launch.environment),
    }
    specification.write_text(json.dumps(wanted), encoding="utf-8")
    keeper = subprocess.Popen([sys.executable, str(_KEEPER), str(specification)], start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    for port in launch.ports:
        while not _listens(port):
            log = (folder / "log").read_text(errors="replace") if (folder / "log").exists() else ""
            assert keeper.poll() is None, f"{name} did not start:\n{log[-4000:]}"
            assert time.monotonic() < deadline, f"{name} does not listen on {port}:\n{log[-4000:]}"
            time.sleep(0.05)
    keeper.returncode = 0  # it outlives this process on purpose: no warning that it still runs
    return launch.facts


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *folders: str) -> str:
    """The path of a program that script/setup installs; the test fails when it is not there."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/bin", *folders]))
    if found is None:
        pytest.fail(f"{name} is not installed: run ./script/setup dev")
    return found


def as_user(user: str, *folders: Path) -> list[str]:
    """In front of the command line of a server that refuses to run as root: its user gets the folders then."""
    if os.geteuid() != 0:
        return []
    for folder in folders:
        shutil.chown(folder, user)
    return ["runuser", "-u", user, "--"]


def run(*command: str, folder: Path, text: str | None = None) -> None:
    """A step of a preparation; ``text`` is its standard input."""
    done = subprocess.run(
        command, cwd=folder, input=text, capture_output=True, text=True, timeout=_START_SECONDS, check=False
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
