"""Finding and killing the processes of instances from outside, as an operator or the kernel would."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.engine.supervisor.harness import descendants


def instances(of: int | None = None) -> list[int]:
    """The processes that run user code below a process, by default this one."""
    return [process_id for process_id in sorted(descendants(of)) if _is_worker(process_id)]


def kill_instances(of: int | None = None) -> int:
    """Kills them as ``kill -9`` does; returns how many there were."""
    found = instances(of)
    for process_id in found:
        os.kill(process_id, signal.SIGKILL)
    return len(found)


def _is_worker(process_id: int) -> bool:
    try:
        arguments = Path(f"/proc/{process_id}/cmdline").read_bytes().split(b"\0")
    except OSError:  # ended meanwhile
        return False
    return arguments[0].endswith(b"python") and b"-I" in arguments
