"""What is measured of a queue, and how: of a peer through its record file, of Quinta through its API."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.processes import family_of, processor_seconds
from benchmarks.queues.services import HERE, Service

WAIT_SECONDS = 600.0
KILL_JOBS = 20
KILL_SECONDS = 0.2
KILLED_AT = 3


@dataclass(frozen=True)
class Speed:
    """``accepted`` and ``finished``: jobs a second. ``processor``: microseconds of all processes for a job, from its
    acceptance to its end. ``bulk``: milliseconds for a call that creates 250, where there is one."""

    accepted: float
    finished: float
    processor: float
    bulk: float | None = None


@dataclass(frozen=True)
class Survival:
    """Of ``KILL_JOBS``: how many ended, how many of them more than once, seconds from the kill to the last end."""

    ended: int
    twice: int
    seconds: float


class Contender(Protocol):
    name: str

    def speed(self, jobs: int) -> Speed: ...

    def survival(self, wait: float) -> list[tuple[str, Survival]]: ...


class Peer:
    """A queue in its own environment: ``jobs.py`` accepts jobs or works, and the jobs write a line each."""

    def __init__(self, name: str, python: Path, url: str, service: Service) -> None:
        self.name = name
        self._python = python
        self._service = service
        self._record = Path(tempfile.mkdtemp(prefix="quinta-queues-record-")) / "record"
        self._environment = {**os.environ, "QUEUE_URL": url, "RECORD": str(self._record)}
        self._accept(0, 0.0)  # makes tables, where there are any

    def close(self) -> None:
        shutil.rmtree(self._record.parent)

    def speed(self, jobs: int) -> Speed:
        self._record.unlink(missing_ok=True)
        accepting = self._accept(jobs, 0.0)
        worker = self._start_worker()
        try:
            self._wait(1, WAIT_SECONDS)
            first, before = len(self._lines()), self._processor(worker)
            self._wait(jobs, WAIT_SECONDS)
            used = self._processor(worker) - before
        finally:
            end_family(worker)
        moments = sorted(float(line.split()[1]) for line in self._lines())
        finished = (jobs - 1) / (moments[-1] - moments[0])
        return Speed(jobs / accepting, finished, used / max(jobs - first, 1) * 1e6)

    def survival(self, wait: float) -> list[tuple[str, Survival]]:
        self._record.unlink(missing_ok=True)
        self._environment["KILLED"] = "1"
        self._accept(KILL_JOBS, KILL_SECONDS)
        worker = self._start_worker()
        self._wait(KILLED_AT, WAIT_SECONDS)
        killed = time.time()
        end_family(worker)
        worker = self._start_worker()
        try:
            self._wait(KILL_JOBS, wait, different=True)
        finally:
            end_family(worker)
            del self._environment["KILLED"]
        times = Counter(line.split()[0] for line in self._lines())
        last = max(float(line.split()[1]) for line in self._lines())
        return [("worker", Survival(len(times), sum(count > 1 for count in times.values()), last - killed))]

    def _accept(self, jobs: int, seconds: float) -> float:
        command = [str(self._python), "jobs.py", "accept", str(jobs), str(seconds)]
        run = subprocess.run(
            command, cwd=HERE / self.name, env=self._environment, capture_output=True, text=True, timeout=WAIT_SECONDS
        )
        if run.returncode != 0:
            raise SystemExit(f"{self.name}: {run.stderr.strip()[-2000:]}")
        return float(run.stdout.split()[-1])

    def _start_worker(self) -> subprocess.Popen[bytes]:
        command = [str(self._python), "jobs.py", "work"]
        output = subprocess.DEVNULL
        return subprocess.Popen(
            command, cwd=HERE / self.name, env=self._environment, stdout=output, stderr=output, start_new_session=True
        )

    def _processor(self, worker: subprocess.Popen[bytes]) -> float:
        return processor_seconds(worker.pid) + processor_seconds(self._service.pid)

    def _lines(self) -> list[str]:
        return self._record.read_text().splitlines() if self._record.exists() else []

    def _wait(self, jobs: int, seconds: float, *, different: bool = False) -> None:
        """Until that many lines, or lines of ``different`` jobs, are written, or the time is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self._lines()
            if len({line.split()[0] for line in lines} if different else lines) >= jobs:
                return
            time.sleep(0.02)
        if not different:
            raise SystemExit(f"{self.name}: only {len(self._lines())} of {jobs} jobs ended")


def end_family(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, as a machine out of memory does it: to all processes at once."""
    for pid in family_of(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
