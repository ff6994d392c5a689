"""Crontab lines and the moments they give, in UTC (contract ubiops 3.4, decision 0015)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from quinta.core.errors import InvalidInput

LONGEST_CRONTAB = 256

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_VALUE = r"(?:\d+|[A-Z]{3})"
_TERM = rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/\d+)?"
_FIELD = re.compile(rf"{_TERM}(?:,{_TERM})*", re.IGNORECASE | re.ASCII)


def check_crontab(text: str) -> str:
    """``text`` if it is a crontab line that gives a time at all; InvalidInput says what is wrong.

    Five fields (minute, hour, day of the month, month, day of the week) of ``*``, numbers, names of months and days,
    ranges, lists and steps, as crontab(5) describes them; or ``@hourly``, ``@daily``, ``@midnight``, ``@weekly``,
    ``@monthly``, ``@yearly``, ``@annually``. What single programs add to that (seconds, ``L``, ``#``) is refused.
    """
    if len(text) > LONGEST_CRONTAB:
        raise _refused(f"it has {len(text)} characters, and {LONGEST_CRONTAB} are taken")
    line = _line(text)
    fields = line.split()
    if len(fields) != 5:
        raise _refused(f"it has {len(fields)} fields instead of five")
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise _refused(f"'{field}' cannot be read")
    try:
        next(CronSim(line, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise _refused(str(error)[:1].lower() + str(error)[1:]) from None
    except StopIteration:
        raise _refused("no day ever meets it") from None
    return text


def next_time(crontab: str, after: datetime) -> datetime | None:
    """The first moment later than ``after`` that a checked line gives; None where the next 50 years have none."""
    return next(CronSim(_line(crontab), after.astimezone(UTC)), None)


def _line(text: str) -> str:
    word = text.strip()
    return _ALIASES.get(word.lower(), word)


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(
        f"schedule must be a crontab line of minute, hour, day of the month, month and day of the week, like "
        f"'0 8 * * 1-5', in UTC: {reason}",
        field="schedule",
    )
