"""What must hold while the server is still being loaded.

A SIGTERM in the first seconds, when nothing is open yet, is an orderly end (exit code 0) like a later one: to the tools
of operators anything else is a crash. Their own commands keep the signal's usual end: 0 would say that they were done.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType


def leave(_number: int, _frame: FrameType | None) -> None:
    """Ends the process with 0."""
    raise SystemExit(0)


if "serve" in sys.argv[1:2]:
    signal.signal(signal.SIGTERM, leave)
