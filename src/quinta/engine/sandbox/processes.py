"""Looks at processes through /proc and kills whole trees of them, by id and never by name."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Without bubblewrap this variable, in the environment of all that an instance starts, tells whose process it is.
MARKER: Final = "QUINTA_INSTANCE"

_PROC: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process: its parent, its session, when it started (clock ticks since boot), its resident memory, and the
    processor seconds of it and of those children that it has waited for."""

    id: int
    parent: int
    session: int
    start_time: int
    resident_bytes: int
    processor_seconds: float
    zombie: bool


def look(process_id: int) -> Process | None:
    """The process, or None when there is none (any more)."""
    try:
        text = (_PROC / str(process_id) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in brackets may hold anything, brackets too, so fields are counted from the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return Process(
        id=process_id,
        parent=int(fields[1]),
        session=int(fields[3]),
        start_time=int(fields[19]),
        resident_bytes=int(fields[21]) * _PAGE_BYTES,
        processor_seconds=sum(map(int, fields[11:15])) / _TICKS,
        zombie=fields[0] in "ZX",
    )


def scan() -> dict[int, Process]:
    """All processes of the machine; about 15 microseconds for each."""
    found = (look(int(name)) for name in os.listdir(_PROC) if name.isdigit())
    return {process.id: process for process in found if process is not None}


def trees(table: dict[int, Process], roots: set[int]) -> dict[int, list[Process]]:
    """For each root the processes that descend from it or are in the session that it leads, itself included."""
    owner: dict[int, int] = {}

    def owner_of(process_id: int) -> int:
        path = []
        while process_id not in owner:
            process = table.get(process_id)
            if process_id in roots:
                owner[process_id] = process_id
            elif process is None or process.parent == 0:
                owner[process_id] = 0
            elif process.session in roots:
                owner[process_id] = process.session
            else:
                path.append(process_id)
                process_id = process.parent
        for passed in path:
            owner[passed] = owner[process_id]
        return owner[process_id]

    found: dict[int, list[Process]] = {root: [] for root in roots}
    for process in table.values():
        root = owner_of(process.id)
        if root in found:
            found[root].append(process)
    return found


def kill_launcher(launcher: int) -> None:
    """Kills what bubblewrap started and lets bubblewrap itself see it and end, so that every process is reaped.

    The child of the launcher is process 1 of the namespace: the kernel kills all others with it. Before there is a
    child, the launcher itself is killed.
    """
    try:
        children = (_PROC / str(launcher) / "task" / str(launcher) / "children").read_text().split()
    except OSError:  # gone, or a kernel without CONFIG_PROC_CHILDREN: --die-with-parent does the rest
        children = []
    for process_id in map(int, children) if children else (launcher,):
        _kill(process_id)


def kill_session(leader: int, marker: str) -> None:
    """Kills a process that runs without bubblewrap, its session, its descendants and all that carry its marker.

    Twice, since one that forks while the first round is going on would be missed.
    """
    for _ in range(2):
        for process in trees(scan(), {leader})[leader]:
            _kill(process.id)
        for process_id in marked(marker):
            _kill(process_id)


def marked(marker: str) -> list[int]:
    """Processes whose first environment has ``marker`` as the value of MARKER, apart from zombies."""
    wanted = f"{MARKER}={marker}".encode()
    found = []
    for name in os.listdir(_PROC):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (_PROC / name / "environ").read_bytes().split(b"\0"):
                    found.append(int(name))
    return found


def _kill(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
