"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # the server works; something is weaker, slower or smaller than it could be
    FAILURE = "failure"  # the server would not start, or could not do its work


@dataclass(frozen=True, slots=True)
class Finding:
    """``said`` is one sentence, ``advice`` what to do about it: empty where there is nothing to do."""

    check: str
    level: Level
    said: str
    advice: str = ""


def ok(check: str, said: str) -> Finding:
    return Finding(check, Level.OK, said)


def warning(check: str, said: str, advice: str) -> Finding:
    return Finding(check, Level.WARNING, said, advice)


def failure(check: str, said: str, advice: str) -> Finding:
    return Finding(check, Level.FAILURE, said, advice)
