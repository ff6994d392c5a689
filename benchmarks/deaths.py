"""What callers notice of ``kill -9`` of an instance: when each hears of it, through the full path.

One request of 4 s runs, another waits; the instance is killed. Measured from the kill: the answer to the one that ran,
the answer to the one that waited (its own run, of no length, included), the answer to a new one, and when the last of
the 64 KB that the killed one had printed is in the project's log. Run from the repository's root:
``.venv/bin/python -m benchmarks.deaths``.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.models import Deployed, deploy, new_project
from script.local_server import Api, LocalServer, remove_tree, zip_files

LINES = 1024
CODE = f"""
import time


class Model:
    def request(self, data):
        if data["input"]:
            for number in range({LINES}):
                print(("%d " % number).ljust(63, "x"))
            print("printed", data["input"], flush=True)
            time.sleep(data["input"])
        return {{"output": data["input"]}}
"""
PATIENCE_SECONDS = 60.0


def workers(server: int) -> list[int]:
    """Processes below the server's that run a model."""
    parents: dict[int, int] = {}
    commands: dict[int, list[bytes]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(folder.name)] = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile
            continue

    def below(pid: int) -> bool:
        while pid in parents and pid != server:
            pid = parents[pid]
        return pid == server

    return [pid for pid, words in commands.items() if words[0].endswith(b"python") and b"-I" in words and below(pid)]


class Call(threading.Thread):
    """One request on a connection of its own; ``ended`` is the moment of its answer."""

    def __init__(self, server: LocalServer, version: Deployed, value: float) -> None:
        super().__init__()
        self._server, self._version, self._value = server, version, value
        self.answer: Any = None
        self.ended = 0.0

    def run(self) -> None:
        with Api(self._server) as api:
            self.answer = api.call("POST", self._version.request, {"input": self._value})
        self.ended = time.perf_counter()


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not holds():
        if time.perf_counter() > deadline:
            raise SystemExit(f"waited in vain: {what}")
        time.sleep(0.01)


def lines(api: Api, **filters: object) -> list[str]:
    return [line["log"] for line in api.call("POST", "/projects/benchmark/logs", {"filters": filters, "limit": 500})]


def one_death(server: LocalServer, api: Api, version: Deployed, number: int) -> dict[str, float]:
    assert server.pid is not None
    api.call("POST", version.request, {"input": 0.0})
    value = 4.0 + number / 1024
    running = Call(server, version, value)
    running.start()
    until(lambda: f"printed {value}" in lines(api), "it runs")
    waiting = Call(server, version, 0.0)
    waiting.start()
    time.sleep(0.3)  # it is in the queue by then; were it not, it would be answered later
    (worker,) = workers(server.pid)
    os.kill(worker, signal.SIGKILL)
    killed = time.perf_counter()
    running.join()
    fresh = Call(server, version, 0.0)
    fresh.start()
    request = running.answer["request_id"]
    until(lambda: any(line.startswith(f"{LINES - 1} ") for line in lines(api, request_id=request)), "the last line")
    logged = time.perf_counter()
    waiting.join()
    fresh.join()
    if running.answer["success"] or not waiting.answer["success"] or not fresh.answer["success"]:
        raise SystemExit(f"wrong answers: {running.answer}, {waiting.answer}, {fresh.answer}")
    ends = {"running": running.ended, "waiting": waiting.ended, "new": fresh.ended, "last line": logged}
    return {name: moment - killed for name, moment in ends.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    server = LocalServer(Path(tempfile.mkdtemp(prefix="quinta-benchmark-")))
    busy = os.getloadavg()[0]
    try:
        server.start()
        with Api(server) as api:
            new_project(api)
            package = zip_files({"package/model.py": CODE.encode()})
            version = deploy(api, "mortal", package, {"minimum_instances": 0, "maximum_instances": 1})
            deaths = [one_death(server, api, version, number) for number in range(arguments.rounds)]
    finally:
        server.stop()
        remove_tree(server.folder)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, load average before the run {busy:.1f}.")
    print(f"{arguments.rounds} deaths; seconds from the kill.\n")
    print("| what | median | longest |\n| --- | --- | --- |")
    for name in deaths[0]:
        seconds = sorted(death[name] for death in deaths)
        print(f"| {name} | {seconds[len(seconds) // 2]:.3f} | {seconds[-1]:.3f} |")


if __name__ == "__main__":
    main()
