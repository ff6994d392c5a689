"""``quinta doctor`` as a process: on a host that is fit, on one that is not, and without a trace of either."""

from __future__ import annotations

import http.server
import io
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import RunningServer

Findings = dict[str, tuple[str, str, str]]
CHECKS = {
    "sandbox",
    "bubblewrap",
    "namespaces",
    "cgroups",
    "landlock",
    "seccomp",
    "user",
    "open files",
    "clock",
    "time zones",
    "data folder",
    "locks",
    "links",
    "sockets",
    "disk space",
    "file systems",
    "keyring",
    "database",
    "interpreters",
    "uv",
    "drivers",
    "port",
}


def doctor(data: Path, *words: str, open_files: int | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quinta", "doctor", "--data", str(data), *words]
    if open_files is not None:
        command = ["/bin/sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh", *command]
    environment = {**os.environ, **settings}
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)


def findings(said: subprocess.CompletedProcess[str]) -> Findings:
    """By check: level, sentence and advice; of several the worst."""
    assert said.stderr == ""
    found: Findings = {}
    order = ("ok", "warning", "failure")
    for row in json.loads(said.stdout):
        known = found.get(row["check"])
        if known is None or order.index(row["level"]) > order.index(known[0]):
            found[row["check"]] = (row["level"], row["said"], row["advice"])
    assert said.returncode == int(any(level == "failure" for level, _, _ in found.values()))
    return found


def everything(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What could have been changed in a folder: names, modes, sizes, times of files."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file): (file.stat().st_mode, file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_every_check_is_made_and_leaves_nothing(tmp_path: Path) -> None:
    said = doctor(tmp_path / "data", "--port", str(free_port()), "--output", "json")
    found = findings(said)
    assert set(found) - {"inodes"} == CHECKS
    assert [row for row in found.values() if row[0] != "ok" and not row[2]] == []  # each trouble has its advice
    failed = {check: row for check, row in found.items() if row[0] == "failure"}
    assert failed == {}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_and_settings_that_cannot_work_fail_with_advice(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "secrets.key").write_text("0" * 64)
    (data / "secrets.key").chmod(0o644)
    (data / "quinta.db").write_bytes(b"no database at all" * 100)
    before = everything(data)
    limited = 1_024 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 1_024 else None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("--port", port, "--output", "json")
        found = findings(doctor(data, *words, open_files=limited, QUINTA_STORAGE_URL="s3://bucket"))
    assert {
        check: found[check][0] for check in ("data folder", "keyring", "database", "port", "storage", "open files")
    } == {
        "data folder": "warning",
        "keyring": "failure",
        "database": "failure",
        "port": "failure",
        "storage": "failure",
        "open files": "warning",
    }
    assert found["data folder"][2] == f"chmod 700 {data}"
    assert "chmod 600" in found["keyring"][1]
    assert everything(data) == before


def test_a_running_server_is_no_trouble(server: RunningServer) -> None:
    port = server.url.rpartition(":")[2]
    shown = doctor(server.data, "--port", port)
    assert shown.returncode == 0, shown.stdout
    assert f"127.0.0.1:{port} is taken by the server on this data folder" in shown.stdout
    assert "answers and has the newest schema" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("0 failure")


def test_a_file_in_the_place_of_the_folder_and_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = findings(doctor(tmp_path / "file" / "data", "--port", str(free_port()), "--output", "json"))
    assert found["data folder"] == (
        "failure",
        f"{tmp_path / 'file'} is not a folder",
        "choose another folder with --data",
    )
    found = findings(doctor(tmp_path, "--output", "json", QUINTA_REQUIRE_SANDBOX="perhaps"))
    assert list(found) == ["settings"]
    assert "must be true or false" in found["settings"][1]


@pytest.fixture
def index() -> Iterator[str]:
    """A package index on loopback with one empty distribution."""
    answers = {
        "/simple/pip/": b'<a href="/files/pip-1.0-py3-none-any.whl">pip-1.0-py3-none-any.whl</a>',
        "/files/pip-1.0-py3-none-any.whl": _wheel(),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/simple"
        listening.shutdown()
        thread.join()


def _wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pip-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pip\nVersion: 1.0\n")
        archive.writestr("pip-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("pip-1.0.dist-info/RECORD", "")
    return buffer.getvalue()


def test_the_index_is_asked_only_when_told_to(tmp_path: Path, index: str) -> None:
    words = ("--port", str(free_port()), "--output", "json")
    settings = {"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": "", "UV_INDEX": "", "NO_PROXY": "127.0.0.1"}
    found = findings(doctor(tmp_path, "--index", *words, **settings))
    assert found["package index"] == ("ok", "the package index answers", "")
    gone = f"http://127.0.0.1:{free_port()}/simple"
    found = findings(
        doctor(tmp_path, "--index", *words, **{**settings, "UV_DEFAULT_INDEX": gone, "UV_HTTP_RETRIES": "0"})
    )
    assert found["package index"][0] == "failure"
    assert "package index" not in findings(doctor(tmp_path, *words, **settings))
