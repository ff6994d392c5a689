"""What a job prints, and how far it says it is. Kept for the job alone: it may say what nobody may see."""

from __future__ import annotations

import re
from typing import Final

from quinta.core.jobs.logs import execution_log
from quinta.core.observation.model import LogLevel, LogLine
from quinta.kit.clock import Clock

_PROGRESS: Final = re.compile(r"\[__KEYWORD_PROGRESS_(\d{1,3})__\]")
"""Percent, in a line that the code prints (contract dq0 7.1)."""
_MOST_BEFORE_END: Final = 99
_LONGEST_BYTES: Final = 4 << 20
"""The supervisor keeps 1 MiB of the start, of the run and of the time after it; a job has few runs."""


class Journal:
    """The log sink of one job. ``progress`` never falls, and is 100 only once the job has finished."""

    def __init__(self, project_id: str, job_id: str, clock: Clock) -> None:
        self._project_id = project_id
        self._job_id = job_id
        self._clock = clock
        self._lines: list[LogLine] = []
        self._size = 0
        self.progress = 0

    def __len__(self) -> int:
        return len(self._lines)

    def write(self, line: LogLine) -> None:
        """Takes a line of the code's or of the platform's."""
        self._size += len(line.text)
        if self._size > _LONGEST_BYTES:
            return
        self._lines.append(line)
        if not line.system:
            for percent in _PROGRESS.findall(line.text):
                self.progress = max(self.progress, min(int(percent), _MOST_BEFORE_END))

    def say(self, text: str, level: LogLevel | None = None) -> None:
        """Writes a line of the platform."""
        if text.strip():
            now = self._clock.now()
            self.write(LogLine(self._project_id, now, text, system=True, request_id=self._job_id, level=level))

    def text(self) -> str:
        return execution_log(self._lines)
