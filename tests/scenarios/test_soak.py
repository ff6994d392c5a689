"""Memory does not grow with the number of requests. The hour-long one is benchmarks/soak.py."""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import time
from pathlib import Path

from tests.models import ModelDoor, new_model
from tests.serving import RunningServer, serving

ECHO = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}
TEXT = "x" * 8_192
CONNECTIONS = 4
WARM_UP_SECONDS = 6.0
SECONDS = 10.0
MOST_PER_REQUEST = 1_024
"""Bytes. Whatever keeps an input or a result keeps 8 KiB of it or more."""
MOST_ANYWAY = 6 << 20
"""Bytes that the allocator and SQLite's caches may take meanwhile."""


def resident(server: RunningServer) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def ask(server: RunningServer, door: ModelDoor, seconds: float) -> int:
    """Requests on a few connections for so long, each with its answer checked; returns how many."""
    wrong: list[object] = []
    asked: list[int] = []
    deadline = time.monotonic() + seconds
    body = json.dumps(TEXT)
    headers = {"Authorization": f"Token {server.token}", "Content-Type": "application/json"}

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=120)
        times = 0
        while time.monotonic() < deadline:
            connection.request("POST", f"{door.path}/request", body, headers)
            answer = json.loads(connection.getresponse().read())
            if answer.get("result") != TEXT:
                wrong.append(answer)
            times += 1
        connection.close()
        asked.append(times)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    return sum(asked)


def test_memory_and_open_files_stay_flat(tmp_path: Path) -> None:
    with serving(tmp_path / "data", fresh=True) as server, server.client() as client:
        door = new_model(client, ECHO, minimum_instances=1)
        ask(server, door, WARM_UP_SECONDS)
        before, files = resident(server), len(os.listdir(f"/proc/{server.process.pid}/fd"))
        requests = ask(server, door, SECONDS)
        assert requests > 0
        assert resident(server) - before < MOST_ANYWAY + MOST_PER_REQUEST * requests
        assert len(os.listdir(f"/proc/{server.process.pid}/fd")) < files + 20
