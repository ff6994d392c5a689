"""Each server with the work of ``programs/work.py``, for as long as a ``with`` block lasts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.models import deploy, kept_running, new_project
from benchmarks.peers.environments import PROGRAMS, python_of
from benchmarks.processes import family_of, processes
from benchmarks.serve import Target
from script.local_server import HOST, Api, LocalServer, free_port, remove_tree, zip_files

START_SECONDS = 120.0


class NotStarted(Exception):
    """A peer did not come up here; the text is the end of what it wrote."""


FIELDS = {"input": "double", "text": "string", "seconds": "double"}


@dataclass(frozen=True)
class Running:
    """A server that answers: process ``pid`` with its children; ``request`` makes the whole HTTP text for an input."""

    name: str
    pid: int
    port: int
    request: Callable[[Mapping[str, Any]], str]

    def target(self, data: Mapping[str, Any]) -> Target:
        return Target(self.name, self.pid, self.port, self.request(data), '"output')

    def megabytes(self) -> float:
        """Proportional set size of all its processes."""
        total = 0
        for member in family_of(self.pid):
            try:
                lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            except OSError:  # ended meanwhile
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024


def http_text(path: str, body: str, authorization: str = "") -> str:
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json"]
    lines += [f"Authorization: {authorization}"] if authorization else []
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


@contextmanager
def quinta(workers: int) -> Iterator[Running]:
    """Everything on: token, access, validation, isolated process, logs, metrics, usage."""
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-peers-")))
    try:
        server.start()
        with Api(server) as api:
            new_project(api)
            for field in FIELDS:
                deploy_work(api, field, workers if field == "seconds" else 1)
        assert server.pid is not None

        def request(data: Mapping[str, Any]) -> str:
            (field,) = data
            path = f"/v2.1/projects/benchmark/models/{field}/versions/v1/request"
            return http_text(path, json.dumps(data), f"Token {server.token}")

        yield Running("Quinta", server.pid, server.port, request)
    finally:
        server.stop()
        remove_tree(server.folder)


def deploy_work(api: Api, field: str, instances: int) -> None:
    """A model with the one input ``field``, kept running with ``instances``."""
    package = {"package/model.py": PROGRAMS / "quinta_model.py", "package/work.py": PROGRAMS / "work.py"}
    deploy(
        api,
        field,
        zip_files({name: path.read_bytes() for name, path in package.items()}),
        kept_running(instances),
        inputs={field: FIELDS[field]},
    )


def litserve(workers: int) -> AbstractContextManager[Running]:
    return _peer("LitServe", "litserve", ["litserve_server.py", "PORT", str(workers)], "/predict", json.dumps)


def bentoml(workers: int) -> AbstractContextManager[Running]:
    command = ["-m", "bentoml", "serve", "bentoml_server:Work", "--host", HOST, "--port", "PORT", "-q"]
    settings = {"WORKERS": str(workers), "BENTOML_DO_NOT_TRACK": "true"}
    return _peer(
        "BentoML", "bentoml", command, "/predict", lambda data: json.dumps({"data": dict(data)}), settings=settings
    )


def mlserver(workers: int) -> AbstractContextManager[Running]:
    """In-process for one worker, which isolates nothing and is its fastest; else a pool of processes."""
    settings = {
        "MLSERVER_HOST": HOST,
        "MLSERVER_PARALLEL_WORKERS": str(0 if workers == 1 else workers),
        "MLSERVER_DEBUG": "false",
    }
    settings |= {f"MLSERVER_{door}_PORT": str(free_port()) for door in ("GRPC", "METRICS")}
    model = {"name": "work", "implementation": "mlserver_model.Work"}
    files = {"model-settings.json": json.dumps(model)}
    command = ["-c", "from mlserver.cli import main; main()", "start", "."]
    return _peer(
        "MLServer",
        "mlserver",
        command,
        "/v2/models/work/infer",
        _tensor,
        settings=settings,
        port_setting="MLSERVER_HTTP_PORT",
        files=files,
    )


def ray(workers: int) -> AbstractContextManager[Running]:
    settings = {"RAY_USAGE_STATS_ENABLED": "0"}
    return _peer("Ray Serve", "ray", ["ray_server.py", "PORT", str(workers)], "/", json.dumps, settings=settings)


SERVERS: dict[str, Callable[[int], AbstractContextManager[Running]]] = {
    "quinta": quinta,
    "litserve": litserve,
    "mlserver": mlserver,
    "bentoml": bentoml,
    "ray": ray,
}


def _tensor(data: Mapping[str, Any]) -> str:
    ((name, value),) = data.items()
    kind = "BYTES" if isinstance(value, str) else "FP64"
    return json.dumps({"inputs": [{"name": name, "shape": [1], "datatype": kind, "data": [value]}]})


@contextmanager
def _peer(
    name: str,
    environment: str,
    command: list[str],
    path: str,
    body: Callable[[Mapping[str, Any]], str],
    *,
    settings: Mapping[str, str] | None = None,
    port_setting: str = "",
    files: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Starts ``python command`` (PORT stands for the port) in a folder with the programs, until it answers."""
    python, port = python_of(environment), free_port()
    with tempfile.TemporaryDirectory(prefix="quinta-peers-") as folder:
        for file in PROGRAMS.glob("*.py"):
            Path(folder, file.name).write_bytes(file.read_bytes())
        for file_name, text in (files or {}).items():
            Path(folder, file_name).write_text(text)
        variables = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": folder, **(settings or {})}
        if port_setting:
            variables[port_setting] = str(port)
        log = Path(folder, "server.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(python), *(str(port) if part == "PORT" else part for part in command)],
                cwd=folder,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        running = Running(name, process.pid, port, lambda data: http_text(path, body(data)))
        try:
            _wait(running, process, log)
            yield running
        finally:
            _end(process)


def _wait(running: Running, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.perf_counter() + START_SECONDS
    while not _answers(running):
        if process.poll() is not None or time.perf_counter() > deadline:
            raise NotStarted(f"{running.name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _answers(running: Running) -> bool:
    head, _, body = running.request({"input": 1.5}).partition("\r\n\r\n")
    connection = http.client.HTTPConnection(HOST, running.port, timeout=5)
    try:
        connection.request("POST", head.split(" ")[1], body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status == 200 and b'"output' in answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and all it has started: by signal, then by force."""
    family = family_of(process.pid)
    assert process.stdin is not None
    process.stdin.close()
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        print(f"{process.args!r} did not end by itself", file=sys.stderr)
        process.kill()
        process.wait()
    alive = processes()
    for member, was in family.items():
        if member in alive and alive[member].started == was.started:
            os.kill(member, signal.SIGKILL)
