"""Servers forked from a process that has loaded all they need (``tests.zygote``), with the face of ``Popen``."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import TextIO

from tests.zygote import Start

_STARTED_WITH = dict(os.environ)
_PER_SERVER = ("QUINTA_", "PYTEST_")
"""The server's settings, which it reads when it starts, and the name of the test that runs. Any other variable may have
been read while modules were loaded."""

_LOAD_SECONDS = 120

_starting = threading.Lock()
_controls: list[socket.socket] = []
zygotes: set[int] = set()
"""Process ids of what forks here: one at most."""


def can_fork(environment: Mapping[str, str]) -> bool:
    """Whether a forked server would be as one that was started with this environment."""
    return _loaded_with(environment) == _loaded_with(_STARTED_WITH)


def _loaded_with(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_PER_SERVER)}


class ForkedServer:
    """``quinta`` with ``words`` as a process; ``stdout`` is what it says, standard error too. As with ``Popen``, the
    process id is safe to signal until its end was seen here."""

    def __init__(self, words: list[str], environment: Mapping[str, str]) -> None:
        start = Start.here(words, dict(environment))
        read_end, write_end = os.pipe()
        self._reply, reply = socket.socketpair()
        try:
            with reply:
                socket.send_fds(_zygote(), [start.message()], [write_end, reply.fileno()])
        finally:
            os.close(write_end)
        self.stdout: TextIO = os.fdopen(read_end)
        self.returncode: int | None = None
        self.pid = self._number(_LOAD_SECONDS)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; ``subprocess.TimeoutExpired`` after ``timeout`` seconds."""
        if self.returncode is None:
            try:
                self.returncode = self._number(timeout)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(f"quinta, process {self.pid}", timeout or 0) from None
            self._reply.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _number(self, timeout: float | None) -> int:
        """The next line of the zygote: it writes each at once."""
        self._reply.settimeout(timeout)
        line = bytearray()
        while not line.endswith(b"\n"):
            byte = self._reply.recv(1)
            assert byte, "the process that forks servers has ended: its reason is on standard error"
            line += byte
        return int(line)


def _zygote() -> socket.socket:
    """The way to the zygote of this process, started when it is first needed."""
    with _starting:
        if not _controls:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.zygote", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_STARTED_WITH,
                )
            zygotes.add(process.pid)
            _controls.append(ours)
            atexit.register(_end, ours, process)
        return _controls[0]


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.wait()
