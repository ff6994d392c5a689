"""What the server's own process uses, as Linux says."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any, Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def own_use() -> dict[str, Any]:
    """Resident memory in bytes, processor seconds, open files and how many there may be."""
    resident_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "memory_bytes": resident_pages * _PAGE_BYTES,
        "processor_seconds": time.process_time(),
        "open_files": len(os.listdir("/proc/self/fd")),
        "most_open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }
