"""What happens to the server: killed, stopped, its instances killed, its database cut off."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.chaos.databases import ChaosDatabase
from tests.chaos.record import Record
from tests.scenarios.test_kill import is_alive, processes_below
from tests.serving import start_server

_FAULTS = ("kill server",) * 2 + ("stop server",) + ("kill instances",) * 3 + ("database",) * 4
_ANSWERS = 20
_ANSWERS_SECONDS = 10
"""A server ends after so many good answers, or after so long: else a busy machine would do nothing but start."""
_UNEXPECTED = (
    "Task exception was never retrieved",
    "leases.turn_failed",
    "schedules.turn_failed",
    "schedules.start_failed",
)
"""In the server's log: nothing is lost by these, but nobody has thought of what led to them."""


class Faults:
    """The server and what is done to it; ``server`` is the one that runs now."""

    def __init__(self, data: Path, database: ChaosDatabase, record: Record, choice: random.Random) -> None:
        self._settings: Mapping[str, str] = {} if database.url is None else {"QUINTA_DATABASE_URL": database.url}
        self._database = database
        self._record = record
        self._choice = choice
        self._answered = 0
        self.server = start_server(data, self._settings)

    def go_on(self, seconds: float, longest_gap: float) -> None:
        """Faults at random moments for so long, and until there was one of each of the three kinds that must be."""
        end = time.monotonic() + seconds
        wanted = ["kill instances", "kill server", "database"]
        while wanted or time.monotonic() < end:
            time.sleep(self._choice.uniform(0.1, longest_gap))  # the point of it: any moment will do
            self._one(wanted.pop() if wanted else self._choice.choice(_FAULTS))

    def close(self) -> int:
        code = self.server.stop()
        self._read_log()
        return code

    def _one(self, fault: str) -> None:
        if fault == "database":
            fault = self._database.disturb(self._choice)
        elif fault == "kill instances":
            self._kill_instances()
        else:
            self._end_server(gently=fault == "stop server")
        self._record.count(self._record.faults, fault)

    def _kill_instances(self) -> None:
        """One to three of all processes below the server: instances, what they started, builds, the reading process."""
        below = sorted(processes_below(self.server.process.pid))
        for pid in self._choice.sample(below, min(len(below), self._choice.randint(1, 3))):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _end_server(self, *, gently: bool) -> None:
        server = self.server
        deadline = time.monotonic() + _ANSWERS_SECONDS
        wanted = self._answered + _ANSWERS
        while self._record.answers["200"] < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
        below = processes_below(server.process.pid)
        if gently:
            code = server.stop()
            if code != 0:
                self._record.complain(f"the server that was told to stop ended with {code}")
        else:
            server.kill()
        self._read_log()
        _wait_until_gone(below, self._record)
        port = int(server.url.rpartition(":")[2])
        self.server = start_server(server.data, self._settings, port=port, token=server.token)
        self._answered = self._record.answers["200"]

    def _read_log(self) -> None:
        for line in self.server.output:
            for text in _UNEXPECTED:
                if text in line:
                    self._record.complain(f"the server's log: {line.strip()[:9000]}")


def _wait_until_gone(below: Mapping[int, str], record: Record) -> None:
    deadline = time.monotonic() + 10
    while left := [pid for pid, started in below.items() if is_alive(pid, started)]:
        if time.monotonic() > deadline:
            record.complain(f"processes {left} outlived the server")
            return
        time.sleep(0.02)
