"""The command at a terminal: a pseudo-terminal that a test reads and types on."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.version2.command import Command, interruptible

_SECONDS = 120
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """What the program wrote so far is ``text``, without colours and with ``\\n`` at the ends of lines."""

    def __init__(self, process: subprocess.Popen[bytes], own_end: int) -> None:
        self.process = process
        self._end = own_end
        self._bytes = b""

    @property
    def text(self) -> str:
        return _STYLE.sub("", self._bytes.decode(errors="replace")).replace("\r\n", "\n")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._read(), f"it ended before it said {text!r}: {self.text}"

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def ends(self, *, interrupted: bool = False) -> int:
        """Its exit code, once all that it wrote is read. ``interrupted``: by Ctrl-C, again while nothing happens, as a
        signal just before a program waits for input is seen only after it."""
        deadline = time.monotonic() + _SECONDS
        if interrupted:
            self.interrupt()
        said = len(self._bytes)
        while self._read():
            if interrupted and said == len(self._bytes):
                self.interrupt()
            said = len(self._bytes)
            assert time.monotonic() < deadline, self.text
        return self.process.wait(timeout=_SECONDS)

    def _read(self) -> bool:
        """False when nobody writes any more."""
        if not select.select([self._end], [], [], 1.0)[0]:
            return True
        try:
            data = os.read(self._end, 65_536)
        except OSError:  # how Linux tells that the other end is closed
            return False
        self._bytes += data
        return bool(data)


@contextmanager
def terminal(command: Command, *words: str) -> Iterator[Terminal]:
    """The command with all three streams on a terminal of its own."""
    own, other = pty.openpty()
    environment = {**command.environment, "TERM": "xterm-256color"}
    try:
        with interruptible():
            process = subprocess.Popen(
                command.words(*words),
                stdin=other,
                stdout=other,
                stderr=other,
                cwd=command.folder,
                env=environment,
                start_new_session=True,
            )
        with process:
            os.close(other)
            try:
                yield Terminal(process, own)
            finally:
                process.kill()
    finally:
        os.close(own)
