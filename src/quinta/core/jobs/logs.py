"""The log of a job as a text."""

from __future__ import annotations

from collections.abc import Iterable

from quinta.core.observation.model import LogLine

EXECUTION_LOG = "execution.log"
"""The file in the logs of a job that has its lines (contract vbrain 5.4)."""


def execution_log(lines: Iterable[LogLine]) -> str:
    """A line each with its moment in UTC. What the application's logger writes begins with its level; lines of the
    platform have ``SYSTEM`` there."""
    return "".join(
        f"{line.time:%Y-%m-%dT%H:%M:%S.%f}Z {'SYSTEM ' if line.system else ''}{line.text}\n" for line in lines
    )
