"""What the processes call that answer private queries: the only functions that ever see rows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from quinta.core.queries.model import QueryAnswer, Question
from quinta.privacy.queries import answering
from quinta.privacy.queries.sources import Sources


@cache
def _sources(folder: Path, memory_megabytes: int, threads: int) -> Sources:
    """One for the life of the process: what it has opened stays open."""
    return Sources(folder, memory_megabytes, threads)


def answer(folder: Path, memory_megabytes: int, threads: int, question: Question) -> QueryAnswer:
    """The answer to a question; imported files are kept in ``folder``. Raises as ``core.ports.QueryEngine.answer``."""
    return answering.answer(question, _sources(folder, memory_megabytes, threads))


def load() -> None:
    """Importing this module has loaded the libraries, which takes a second: costs need no more."""


def warm(folder: Path, memory_megabytes: int, threads: int) -> None:
    """``load``, and what answers need."""
    _sources(folder, memory_megabytes, threads)
