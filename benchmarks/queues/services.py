"""What queues stand on: a Redis and a PostgreSQL of their own, and an environment for each peer."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from script.local_server import HOST, free_port

HERE = Path(__file__).resolve().parent
START_SECONDS = 30.0


@dataclass(frozen=True)
class Service:
    """A running server; ``pid`` and its children are what it costs. PostgreSQL's ``url`` ends before the database."""

    pid: int
    url: str


@contextmanager
def redis() -> Iterator[Service]:
    """Redis with its own defaults, which keep nothing on disk at the moment a job is accepted."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="quinta-queues-redis-"))
    options = ["--port", str(port), "--bind", HOST, "--dir", str(folder), "--daemonize", "no"]
    process = subprocess.Popen([_program("redis-server"), *options], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_until(lambda: _succeeds([_program("redis-cli"), "-p", str(port), "ping"]), "redis-server")
        yield Service(process.pid, f"redis://{HOST}:{port}/0")
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        shutil.rmtree(folder)


@contextmanager
def postgresql() -> Iterator[Service]:
    """A cluster with PostgreSQL's own defaults: what is committed is on the disk."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="quinta-queues-", dir="/tmp"))  # its socket's path must be short
    data = folder / "data"
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    initialise = ["--auth=trust", "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    options = f"-c listen_addresses={HOST} -c port={port} -c unix_socket_directories={folder} -c max_connections=200"
    try:
        _postgres("initdb", "-D", str(data), *initialise)
        _postgres("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        pid = int((data / "postmaster.pid").read_text().split()[0])
        yield Service(pid, f"postgresql://postgres@{HOST}:{port}")
    finally:
        if (data / "postmaster.pid").exists():
            _postgres("pg_ctl", "-D", str(data), "-m", "fast", "-w", "stop")
        shutil.rmtree(folder)


def create_database(service: Service, name: str) -> str:
    """The URL of a new, empty database."""
    port = service.url.rpartition(":")[2]
    _postgres("createdb", "-h", HOST, "-p", port, "-U", "postgres", name)
    return f"{service.url}/{name}"


def environment(name: str, cache: Path) -> Path:
    """The Python of the peer's own environment, made once for each set of pins. What pip is configured to use is where
    the packages come from."""
    pins = HERE / name / "requirements.txt"
    folder = cache / f"{name}-{sha256(pins.read_bytes()).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {name} …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*install, "-r", str(pins)], check=True)
        (folder / "complete").touch()
    return python


def _postgres(program: str, *arguments: str) -> None:
    """Runs one of PostgreSQL's programs, which refuse to run as root, from a folder its user can enter."""
    command = [_program(program), *arguments]
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    # Not captured: the server that pg_ctl starts would keep the pipe open.
    subprocess.run(command, check=True, cwd="/tmp", stdout=subprocess.DEVNULL)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
        if not installed:
            raise SystemExit(f"{name} is needed: install Debian's redis-server and postgresql, or yours of them")
        found = str(installed[-1])
    return found


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not start")
        time.sleep(0.05)
