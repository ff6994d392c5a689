"""Processes and what they have started, by /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """What /proc says: the parent, processor ticks used so far, and when it started (ticks since boot)."""

    parent: int
    ticks: int
    started: int


def processes() -> dict[int, Process]:
    found: dict[int, Process] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        found[int(folder.name)] = Process(int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[19]))
    return found


def family_of(pid: int) -> dict[int, Process]:
    """A process and its descendants, those that are alive."""
    alive = processes()
    family = {pid}
    while more := {child for child, process in alive.items() if process.parent in family} - family:
        family |= more
    return {member: alive[member] for member in family if member in alive}


def processor_seconds(pid: int) -> float:
    """What a process and its descendants that are alive have used of the processor so far."""
    return sum(process.ticks for process in family_of(pid).values()) / os.sysconf("SC_CLK_TCK")
