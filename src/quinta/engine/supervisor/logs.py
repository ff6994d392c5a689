"""What an instance writes, cut into lines and attributed to the request that was running.

No markers are needed: an instance runs one request at a time and flushes before it reports the end, so all that is in
the pipe when the report arrives belongs to that request.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from quinta.core.models.model import RunnableVersion
from quinta.core.observation.levels import Levels
from quinta.core.observation.model import LogLevel, LogLine, Trace
from quinta.core.ports import LogSink
from quinta.kit.clock import Clock

READ_BYTES: Final = 64 << 10  # one read, and as much as a pipe holds: no instance keeps the loop longer
DRAIN_BYTES: Final = 1 << 20  # at the end of a request: more than a pipe holds, unless something goes on writing
LINE_BYTES: Final = 8 << 10
MAX_LINES: Final = 10_000
MAX_BYTES: Final = 1 << 20


class LogCapture:
    """Reads the log pipe of one instance. Owns the descriptor, which does not block.

    Of each request, of the start and of the time between requests, at most MAX_LINES lines and MAX_BYTES bytes are
    kept; one line of the platform says what was dropped. Dropped output is counted and never becomes lines.
    ``owner`` is the request that lines of no request belong to: the job that the instance is there for.
    """

    def __init__(
        self, descriptor: int, version: RunnableVersion, sink: LogSink, clock: Clock, owner: str | None = None
    ) -> None:
        self._descriptor = descriptor
        self._version = version
        self._sink = sink
        self._clock = clock
        self._owner = self._request_id = owner
        self._trace: Trace | None = None
        self._levels = Levels()
        self._partial = b""
        self._skipping = False  # the rest of a line that was cut
        self._lines = self._bytes = 0
        self._dropped_lines = self._dropped_bytes = 0

    @property
    def flooded(self) -> bool:
        """Whether what comes now is dropped, since there was too much of it."""
        return self._lines >= MAX_LINES or self._bytes >= MAX_BYTES

    def begin(self, request_id: str | None, trace: Trace | None = None) -> None:
        """What comes from now on belongs to ``request_id``; None is the time without a request."""
        self._close_section()
        self._request_id = request_id or self._owner
        self._trace = trace

    def say(self, text: str, level: LogLevel | None = None) -> None:
        """Writes a line of the platform beside those of the code; without ``level`` the text says which it has."""
        self._write(text, level, system=True)

    def read(self) -> bool:
        """Reads what is there, at most READ_BYTES. False at the end of the pipe."""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._descriptor, READ_BYTES)
            if not data:
                return False
            self._take(data)
        return True

    def drain(self) -> None:
        """Reads all that is there, up to DRAIN_BYTES, and says what was dropped until now: the next request of the
        instance may be long in coming."""
        for _ in range(DRAIN_BYTES // READ_BYTES):
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            self._take(data)
        self._say_dropped()

    def close(self) -> None:
        """Keeps what is left in the pipe and closes it."""
        self.drain()
        self._close_section()
        os.close(self._descriptor)

    def _take(self, data: bytes) -> None:
        if self.flooded:
            self._dropped_lines += data.count(b"\n")
            self._dropped_bytes += len(self._partial) + len(data)
            self._partial = b""
            self._skipping = not data.endswith(b"\n")
            return
        if self._skipping:
            _, newline, data = data.partition(b"\n")
            self._skipping = not newline
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._keep(line)
        if len(self._partial) > LINE_BYTES:
            self._keep(self._partial)
            self._partial, self._skipping = b"", True

    def _keep(self, line: bytes) -> None:
        if self.flooded:
            self._dropped_lines += 1
            self._dropped_bytes += len(line) + 1
            return
        self._lines += 1
        self._bytes += len(line) + 1
        if len(line) > LINE_BYTES:
            line = line[:LINE_BYTES] + f" ... (cut after {LINE_BYTES} bytes)".encode()
        # PostgreSQL stores no NUL in text. Empty lines are left out: the UbiOps client fails on them (contract 4.5).
        text = line.decode("utf-8", "replace").replace("\0", "\ufffd").rstrip()
        if text:
            self._write(text, self._levels.of(text), system=False)

    def _close_section(self) -> None:
        if self._partial:
            self._keep(self._partial)
            self._partial = b""
        self._say_dropped()
        self._skipping = False
        self._lines = self._bytes = 0
        self._levels.begin()

    def _say_dropped(self) -> None:
        if self._dropped_bytes:
            self.say(
                f"{self._dropped_lines} more lines ({self._dropped_bytes} bytes) of output were dropped: "
                f"{MAX_LINES} lines or {MAX_BYTES >> 20} MiB are kept",
                LogLevel.WARN,
            )
            self._dropped_lines = self._dropped_bytes = 0

    def _write(self, text: str, level: LogLevel | None, *, system: bool) -> None:
        version = self._version
        line = LogLine(
            project_id=version.project_id,
            time=self._clock.now(),
            text=text,
            system=system,
            model_name=version.model_name,
            version_name=version.version_name,
            request_id=self._request_id,
            level=level,
        )
        self._sink.write(line if self._trace is None else self._trace.on(line))
