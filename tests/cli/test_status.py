"""``quinta status`` as a process beside a real server, and without one."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from quinta.engine.observation.status_socket import FILE_NAME, NotListening, ask
from tests.cli.version2.command import interruptible
from tests.models import new_model
from tests.serving import RunningServer, serving, start_server

ECHO = {"model.py": "class Model:\n    def request(self, data):\n        return data\n"}
HANGS = {
    "model.py": "import time\n\nclass Model:\n    def request(self, data):\n        while data == 'hang':\n"
    "            time.sleep(1)\n        return data\n"
}


def status(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quinta", "status", "--data", str(data), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def document(data: Path, code: int = 0) -> dict[str, Any]:
    said = status(data, "--output", "json")
    assert said.returncode == code, said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def queue(found: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = (row for row in found["queues"] if row["queue"] == name)
    return dict(row)


def test_a_running_server_is_shown_whole(server: RunningServer) -> None:
    with server.client() as client:
        door = new_model(client, ECHO)
        for _ in range(3):
            assert door.request("x")["success"]
        (version,) = (row for row in ask(server.data, 60)["versions"] if row["project"] == door.project)
    assert version["recent_requests"] == 3
    assert 0 < version["p50_seconds"] <= version["p95_seconds"]
    found = document(server.data)
    about = found["server"]
    assert (about["address"], about["process"], about["ready"]) == (server.url, server.process.pid, True)
    assert about["uptime_seconds"] > 0
    assert 0 < about["open_files"] < about["most_open_files"]
    (version,) = (row for row in found["versions"] if row["project"] == door.project)
    assert (version["model"], version["version"]) == (door.model, door.version)
    assert (version["ready"], version["requests"], version["starts"], version["deaths"]) == (1, 3, 1, 0)
    shown = status(server.data)
    assert shown.returncode == 0
    assert re.search(rf"^{door.project}/model/v1 +0 +1 ", shown.stdout, re.MULTILINE)
    assert server.url in shown.stdout
    assert "batch requests" in shown.stdout


def test_work_that_waits_is_shown_with_and_without_the_server(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data")
    try:
        with server.client() as client:
            door = new_model(client, HANGS, maximum_instances=1)
            assert client.post(f"{door.path}/request-batch", json=["hang"] * 3).status_code == 200
            deadline = time.monotonic() + 60
            while True:
                found = ask(server.data, 60)
                if queue(found, "batch_requests")["processing"] == 1 and found["versions"][0]["busy"] == 1:
                    break
                assert time.monotonic() < deadline, found
                time.sleep(0.1)
        held = queue(found, "batch_requests")
        assert held["pending"] == 2
        assert held["oldest_lease_seconds"] >= 0
        assert held["oldest_seconds"] >= held["oldest_lease_seconds"]
    finally:
        server.kill()
    assert (server.data / FILE_NAME).exists()  # a killed server leaves its socket
    found = document(server.data, code=3)
    assert (found["server"], found["starting_or_stopping"], found["schema"]) == (None, None, "current")
    left = queue(found, "batch_requests")
    assert left["pending"] + left["processing"] == 3
    shown = status(server.data)
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (3, "No server runs on this data folder.")
    with serving(server.data) as again:
        assert ask(again.data, 60)["server"]["process"] == again.process.pid


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    shown = status(tmp_path / "data")
    assert shown.returncode == 3
    assert "There is no database yet" in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "quinta.db").write_bytes(b"no database at all" * 100)
    wrong = status(tmp_path)
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (1, "", 1)
    assert "cannot be used" in wrong.stderr


def test_only_the_servers_user_can_ask(server: RunningServer) -> None:
    assert stat.S_IMODE((server.data / FILE_NAME).stat().st_mode) == 0o600


def test_watch_shows_it_again_until_interrupted(server: RunningServer) -> None:
    command = [sys.executable, "-m", "quinta", "status", "--data", str(server.data), "--watch", "--interval", "0.2"]
    with interruptible():
        watching = subprocess.Popen([*command, "--output", "json"], stdout=subprocess.PIPE, text=True)
    with watching:
        assert watching.stdout is not None
        first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(timeout=60) == 0
    assert second["server"]["uptime_seconds"] > first["server"]["uptime_seconds"]


def test_a_server_that_does_not_answer_is_told_from_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 120)  # deeper than the 107 bytes of a socket's path
    deep.mkdir()
    with pytest.raises(NotListening):
        ask(deep, 1)
    with socket.socket(socket.AF_UNIX) as silent:
        monkeypatch.chdir(deep)
        silent.bind(FILE_NAME)
        silent.listen()
        with pytest.raises(TimeoutError):
            ask(deep, 0.2)
    with pytest.raises(NotListening):
        ask(deep, 1)
