"""Standard output and error of the user's code: one pipe to the supervisor, kept working whatever the code does."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from typing import Any, Callable, Optional, TextIO

# Out of the way of code that closes "all" low descriptors it did not open.
_SAVED_DESCRIPTOR = 200


class Streams:
    """Owns descriptors 1 and 2 and ``sys.stdout`` and ``sys.stderr``.

    The supervisor knows which output belongs to which request only since everything is flushed before a request is
    reported as ended (``flush``), and output after that would be lost had the code closed a stream (``restore``).
    """

    def __init__(self) -> None:
        self._saved = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, _SAVED_DESCRIPTOR)
        self._pipe = _identity(self._saved)
        self._flush_c: Optional[Callable[[Any], Any]] = None
        for stream in (sys.stdout, sys.stderr):
            # A pipe would be written in blocks; in lines, output is seen while a long request still runs. (Declared as
            # TextIO, which has no reconfigure; what an interpreter starts with has.)
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
        self._settled = (sys.stdout, sys.stderr)
        logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s: %(message)s")

    def settle(self) -> None:
        """Takes what is installed now, after the model was constructed, as what ``restore`` returns to, and from here
        on flushes C's own buffers too."""
        self._settled = (sys.stdout, sys.stderr)
        self.restore()
        try:
            import ctypes
        except ImportError:  # interpreters built without libffi; only C code's own buffers are then late
            return
        self._flush_c = ctypes.CDLL(None).fflush

    def flush(self) -> None:
        """Writes out what Python's and C's streams still hold."""
        for stream in (sys.stdout, sys.stderr, *self._settled):
            try:
                stream.flush()
            except Exception:  # noqa: BLE001 - the user may have put any object there, or closed it
                continue
        if self._flush_c is not None:
            self._flush_c(None)

    def restore(self) -> None:
        """Opens descriptors and streams again that the code closed or replaced."""
        for descriptor in (1, 2):
            if _identity(descriptor) != self._pipe:
                os.dup2(self._saved, descriptor)
        # First let go of what was put there: a wrapper closes what it wraps when it goes.
        sys.stdout, sys.stderr = self._settled
        if getattr(sys.stdout, "closed", False):
            sys.stdout = _open(1)
        if getattr(sys.stderr, "closed", False):
            sys.stderr = _open(2)
        self._settled = (sys.stdout, sys.stderr)
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and getattr(handler.stream, "closed", False):
                handler.stream = sys.stdout  # setStream would flush the closed one


def _open(descriptor: int) -> TextIO:
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _identity(descriptor: int) -> Optional[tuple[int, int]]:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
