"""Watches what instances write to the server's disk, which no kernel limits for a folder."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from quinta.core.reasons import Reason
from quinta.engine.sandbox.disk import Usage, deleted, measure
from quinta.engine.sandbox.processes import scan, trees
from quinta.engine.sandbox.sandbox import Limits
from quinta.engine.supervisor.process import InstanceProcess

_log: Final = logging.getLogger(__name__)

_SHORTEST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0
# A measurement is due once the disk has lost this part of what one instance may take.
_PART: Final = 16
# What is left of an instance's allowance while the disk is nearly full.
_WHEN_SHORT: Final = 4


class ScratchWatch:
    """Kills instances that take more of the disk than they may.

    The folders are not walked at each look but when the disk as a whole has lost enough, or is nearly full; and each
    minute, since what one instance takes another may have freed. The walk is another process's work.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._measured = time.monotonic()
        self._bytes = self._files = 0  # free at the last measurement, or since, whichever is more
        self._task: asyncio.Task[None] | None = None

    def look(self, processes: Iterable[InstanceProcess]) -> None:
        """One look at the disk, some microseconds; a measurement, when one is due, goes on in the background."""
        watched = {process.prepared.box: process for process in processes if not process.ended.done()}
        if not watched or (self._task is not None and not self._task.done()):
            return
        disk = os.statvfs(next(iter(watched)).parents[1])
        free, files = disk.f_bavail * disk.f_frsize, disk.f_favail
        self._bytes, self._files = max(self._bytes, free), max(self._files, files)
        seconds = time.monotonic() - self._measured
        short = free < self._limits.disk_reserve_bytes
        lost = self._bytes - free > self._limits.scratch_bytes // _PART
        lost = lost or self._files - files > self._limits.scratch_files // _PART
        if seconds > _LONGEST_SECONDS or (seconds > _SHORTEST_SECONDS and (short or lost)):
            self._measured, self._bytes, self._files = time.monotonic(), free, files
            self._task = asyncio.create_task(self._measure(watched, short))

    async def _measure(self, watched: dict[Path, InstanceProcess], short: bool) -> None:
        try:
            found = await asyncio.to_thread(_usage, {box: process.id for box, process in watched.items()})
        except Exception:  # noqa: BLE001 - the edge of a task: the next look tries again
            _log.exception("what instances take of the disk could not be measured")
            return
        self._measured = time.monotonic()
        for box, usage in found.items():
            if text := self._excess(usage, short):
                watched[box].kill(Reason.DISK, text)

    def _excess(self, usage: Usage | None, short: bool) -> str:
        limits, part = self._limits, _WHEN_SHORT if short else 1
        why = " while the server's disk is nearly full" if short else ""
        if usage is None or usage.files > limits.scratch_files // part:
            return f"had more than {limits.scratch_files // part:,} files{why} and was killed"
        if usage.bytes > limits.scratch_bytes // part:
            return f"had written more than {limits.scratch_bytes // part >> 20} MB{why} and was killed"
        return ""


def _usage(boxes: dict[Path, int]) -> dict[Path, Usage | None]:
    """What is in each box, and what its processes hold without a name."""
    found = measure(list(boxes))
    members = trees(scan(), set(boxes.values()))
    for box, usage in found.items():
        if usage is not None:
            held = deleted((process.id for process in members[boxes[box]]), box.stat().st_dev)
            found[box] = usage._replace(bytes=usage.bytes + held)
    return found
