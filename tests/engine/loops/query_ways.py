"""Ways in which the process that answers a query may end, slow down or need too much; named by ``OwnFunction``."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from quinta.core.queries.model import QueryAnswer, Question
from quinta.privacy.queries import process

Place = tuple[Path, int, int]


def dies(times: int, marks: Path, place: Place, question: Question) -> QueryAnswer:
    """Reads the data, and is killed ``times`` times before it can say so; each leaves a mark."""
    answered = process.answer(*place, question)
    marks.mkdir(exist_ok=True)
    number = len(list(marks.iterdir()))
    (marks / str(number)).touch()
    if number < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return answered


def waits(mark: Path, place: Place, question: Question) -> QueryAnswer:
    """Says its process id, and then nothing for ever. The first time: later it answers."""
    answered = process.answer(*place, question)
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        signal.pause()
    return answered


def takes_all_memory(place: Place, question: Question) -> QueryAnswer:
    answered = process.answer(*place, question)
    bytearray(1 << 45)
    return answered
