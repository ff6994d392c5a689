"""The log of a job as a text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from quinta.core.observation.model import LogLine

EXECUTION_LOG = "execution.log"
"""The file in the logs of a job that has its lines (contract vbrain 5.4)."""

_LEVEL = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)[ :]+")
_PRINTED = re.compile(r"^\S+Z OUTPUT +(\S.*)$", re.MULTILINE)
_MOST_WORDS = 500


def execution_log(lines: Iterable[LogLine]) -> str:
    """A line each: its moment in UTC, its level, and what it says.

    The level is the one that a logger has put in front; OUTPUT for what was printed without one, and SYSTEM for what
    the platform says.
    """
    return "".join(map(_text, lines))


def last_words(log: str) -> str:
    """The last line of an ``execution_log`` that the code printed, which a traceback ends with; up to 500 characters,
    "" where it printed nothing."""
    printed = _PRINTED.findall(log)
    return str(printed[-1][:_MOST_WORDS]) if printed else ""


def _text(line: LogLine) -> str:
    found = None if line.system else _LEVEL.match(line.text)
    level = "SYSTEM" if line.system else found[1] if found else "OUTPUT"
    text = line.text[found.end() :] if found else line.text
    return f"{line.time:%Y-%m-%dT%H:%M:%S.%f}Z {level:<8} {text}\n"
