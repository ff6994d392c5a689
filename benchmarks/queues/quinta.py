"""Quinta beside its peers: the same function as a model with one instance, through the API of batch requests."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.models import deploy, kept_running, new_project
from benchmarks.processes import family_of, processor_seconds
from benchmarks.queues.contenders import KILL_JOBS, KILL_SECONDS, KILLED_AT, WAIT_SECONDS, Speed, Survival
from benchmarks.queues.services import HERE, Service
from script.local_server import Api, LocalServer, remove_tree, zip_package

BULK = 250
ONE_BY_ONE = 200
_GATE_SECONDS = 3.0
_VERSION = "/projects/benchmark/models/square/versions/v1"
_ENDED = ("completed", "failed")


class Quinta:
    """A server with the model deployed, on SQLite or on a database of ``service``."""

    def __init__(self, name: str, url: str | None, service: Service | None) -> None:
        self.name = name
        self._service = service
        self._kills = 0
        settings = {} if url is None else {"QUINTA_DATABASE_URL": url}
        self._server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-queues-")), settings)
        self._server.start()
        self._api = Api(self._server)
        self._deploy()

    def close(self) -> None:
        self._server.stop()
        remove_tree(self._server.folder)

    def speed(self, jobs: int) -> Speed:
        """A first request that sleeps holds the instance until the others are accepted, as a worker that is started
        later does for the peers."""
        self._api = Api(self._server)  # the server has closed a connection that was idle for long
        gate = max(_GATE_SECONDS, jobs / 500)
        self._create([{"number": 1, "seconds": 0.0}])  # an instance is there, and what it costs is known
        time.sleep(1.0)
        begun = time.perf_counter()
        for _ in range(ONE_BY_ONE):
            self._create([{"number": 1, "seconds": 0.0}])
        accepted = ONE_BY_ONE / (time.perf_counter() - begun)
        self._create([{"number": 0, "seconds": gate}])
        ids: list[str] = []
        calls: list[float] = []
        for start in range(0, jobs, BULK):
            begun = time.perf_counter()
            ids += self._create([{"number": n, "seconds": 0.0} for n in range(start, min(start + BULK, jobs))])
            calls.append((time.perf_counter() - begun) * 1000)
        before = self._processor()
        self._wait_for(ids[-1:], WAIT_SECONDS)
        used = self._processor() - before
        ends = sorted(datetime.fromisoformat(item["time_last_updated"]) for item in self._collect(ids))
        finished = (jobs - 1) / (ends[-1] - ends[0]).total_seconds()
        return Speed(accepted, finished, used / jobs * 1e6, sorted(calls)[len(calls) // 2])

    def survival(self, wait: float) -> list[tuple[str, Survival]]:
        return [("worker", self._killed(wait, self._kill_instance)), ("server", self._killed(wait, self._kill_server))]

    def _killed(self, wait: float, kill: Any) -> Survival:
        self._api = Api(self._server)
        self._kills += 1
        marker = self._kills * 1000
        ids = self._create([{"number": marker + number, "seconds": KILL_SECONDS} for number in range(KILL_JOBS)])
        self._wait_for(ids[:KILLED_AT], WAIT_SECONDS)
        killed = time.time()
        kill()
        self._wait_for(ids, wait)
        answers = self._collect(ids)
        ended = [answer for answer in answers if answer["status"] == "completed"]
        last = max(datetime.fromisoformat(answer["time_last_updated"]).timestamp() for answer in answers)
        said = Counter(line["log"] for line in self._logs() if line["log"].startswith("ended "))
        twice = sum(said[f"ended {marker + number}"] > 1 for number in range(KILL_JOBS))
        return Survival(len(ended), twice, last - killed)

    def _kill_instance(self) -> None:
        assert self._server.pid is not None
        for pid in family_of(self._server.pid).keys() - {self._server.pid}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _kill_server(self) -> None:
        assert self._server.pid is not None
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.stop()
        self._server.start()
        self._api = Api(self._server)

    def _deploy(self) -> None:
        new_project(self._api)
        deploy(
            self._api,
            "square",
            zip_package(HERE / "model_package"),
            kept_running(1),
            inputs={"number": "int", "seconds": "double"},
            outputs={"square": "int"},
        )

    def _create(self, inputs: list[dict[str, Any]]) -> list[str]:
        return [item["id"] for item in self._api.call("POST", f"{_VERSION}/request-batch", inputs)]

    def _collect(self, ids: list[str]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        for start in range(0, len(ids), BULK):
            answers += self._api.call("POST", f"{_VERSION}/request-batch-collect", ids[start : start + BULK])
        return answers

    def _wait_for(self, ids: list[str], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(answer["status"] not in _ENDED for answer in self._collect(ids)):
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)

    def _logs(self) -> list[dict[str, Any]]:
        time.sleep(1.0)  # lines are stored four times a second
        body = {"filters": {"model_name": "square"}, "limit": 500}
        lines: list[dict[str, Any]] = self._api.call("POST", "/projects/benchmark/logs", body)
        return lines

    def _processor(self) -> float:
        assert self._server.pid is not None
        used = processor_seconds(self._server.pid)
        return used if self._service is None else used + processor_seconds(self._service.pid)
