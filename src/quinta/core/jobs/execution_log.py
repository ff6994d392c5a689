"""The log of a job as the file that callers download (contract vbrain 5.4)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from quinta.core.jobs.model import Job
from quinta.core.observation.model import LogLine
from quinta.core.ports import Between, Store
from quinta.core.scope import in_project

EXECUTION_LOG = "execution.log"
LINES_AT_A_TIME = 2_000

_LEVEL = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)[ :]+")
_OUTPUT, _SYSTEM = "OUTPUT", "SYSTEM"


async def execution_log(store: Store, job: Job) -> AsyncIterator[str]:
    """The lines of the job that are stored at this moment, oldest first, in pieces of some 100 KB."""
    after: str | None = None
    while True:
        async with store.read() as work:
            lines = await work.of(LogLine, in_project(job.project_id)).find(
                request_id=job.id, id=Between(after), order=("id",), limit=LINES_AT_A_TIME
            )
        if lines:
            yield "".join(map(log_text, lines))
        if len(lines) < LINES_AT_A_TIME:
            return
        after = lines[-1].id + "0"


def log_text(line: LogLine) -> str:
    """A line as text: its time in UTC, its level, what it says, and an end of line.

    The level is the one that a logger has put in front; OUTPUT for what was printed without one, and SYSTEM for what
    the platform says.
    """
    found = None if line.system else _LEVEL.match(line.text)
    level = found[1] if found else _SYSTEM if line.system else _OUTPUT
    text = line.text[found.end() :] if found else line.text
    return f"{line.time:%Y-%m-%dT%H:%M:%S}.{line.time.microsecond // 1000:03}Z {level:<8} {text}\n"
