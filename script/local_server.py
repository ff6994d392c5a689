"""Starts ``quinta serve`` for a while on this machine, and speaks its UbiOps API: standard library only.

Used by the demo and the benchmarks, which must run with nothing but the packages of requirements.lock.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"
START_SECONDS = 60.0
# A server ends its instances and flushes its buffers first; one that takes longer than this hangs.
STOP_SECONDS = 30.0
API_PREFIX = "/v2.1"


class ServerFailed(Exception):
    """The server did not start, or ended by itself."""


class ApiError(Exception):
    """The server refused a call; ``status`` is HTTP's, the text says which call and why."""

    def __init__(self, call: str, status: int, reason: str) -> None:
        super().__init__(f"{call} answered {status}: {reason}")
        self.status = status


class LocalServer:
    """One ``quinta serve`` with its data in ``folder``, on a free port of the loopback address.

    The environment's own ``QUINTA_`` settings are left out, so that it runs on the defaults; ``settings`` are added.
    """

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data_folder = folder / "data"
        self.log_file = folder / "server.log"
        self.token = secrets.token_hex(20)
        self.port = free_port()
        self.address = f"http://{HOST}:{self.port}"
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> float:
        """Starts the server and waits until ``GET /health`` answers 200; returns the seconds that took.

        Raises ServerFailed when it ends first or takes longer than START_SECONDS.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QUINTA_")}
        environment |= {
            "QUINTA_ADMIN_EMAIL": "demo@example.org",
            "QUINTA_ADMIN_PASSWORD": secrets.token_urlsafe(16) + "aA1!",
            "QUINTA_ADMIN_TOKEN": self.token,
            **self._settings,
        }
        program = Path(sys.executable).with_name("quinta")
        command = [str(program), "serve", "--host", HOST, "--port", str(self.port), "--data", str(self.data_folder)]
        begun = time.perf_counter()
        with self.log_file.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal must reach the caller, who then ends the server in order.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        while not self._is_healthy():
            if self._process.poll() is not None:
                raise ServerFailed(f"the server ended with exit code {self._process.returncode} before it was ready")
            if time.perf_counter() - begun > START_SECONDS:
                raise ServerFailed(f"the server was not ready after {START_SECONDS:.0f} s")
            time.sleep(0.05)
        return time.perf_counter() - begun

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Ends the server, by force if it does not end by itself in STOP_SECONDS."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_tail(self, lines: int = 20) -> str:
        """The last ``lines`` of what the server wrote."""
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Api:
    """Calls to the UbiOps API on one connection that is kept open."""

    def __init__(self, server: LocalServer) -> None:
        self._authorization = {"Authorization": f"Token {server.token}"}
        self._connection = http.client.HTTPConnection(HOST, server.port, timeout=600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._connection.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Sends ``body`` as JSON to ``path`` below /v2.1 and returns the decoded answer, None when it is empty.

        Raises ApiError for any answer that is not 2xx.
        """
        content = None if body is None else json.dumps(body).encode()
        return self._send(method, path, content, "application/json")

    def upload(self, method: str, path: str, file_name: str, content: bytes) -> Any:
        """Sends one file as the multipart field ``file``."""
        boundary = secrets.token_hex(16)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        head += "Content-Type: application/octet-stream\r\n\r\n"
        multipart = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self._send(method, path, multipart, f"multipart/form-data; boundary={boundary}")

    def _send(self, method: str, path: str, content: bytes | None, content_type: str) -> Any:
        headers = self._authorization | {"Content-Type": content_type}
        self._connection.request(method, API_PREFIX + path, content, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if not 200 <= response.status < 300:
            raise ApiError(f"{method} {path}", response.status, _reason(answer))
        return json.loads(answer) if answer else None


def _reason(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return answer[:200].decode(errors="replace")


def free_port() -> int:
    """A port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def zip_package(folder: Path) -> bytes:
    """``folder`` as a zip whose members begin with the folder's own name (contract ubiops 4.1)."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
    return zip_files({str(file.relative_to(folder.parent)): file.read_bytes() for file in files})


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A zip of these contents, by their names in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def remove_tree(folder: Path) -> None:
    """Removes ``folder``, read-only folders in it too: the environments that the server builds are read-only."""
    for path, _, _ in os.walk(folder):
        os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder)
