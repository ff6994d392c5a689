"""Points in time as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from quinta.cli.version2.failures import ExitCode, Failure

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")


def moment(text: str, option: str) -> str:
    """``text`` as the interface takes it: a timestamp (without an offset, UTC), or how long ago such as ``10m``.

    Raises Failure (USAGE), which names ``option``.
    """
    if found := _DURATION.fullmatch(text.strip()):
        ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
        try:
            return written(datetime.now(UTC) - ago)
        except OverflowError:
            pass
    else:
        try:
            when = datetime.fromisoformat(text.strip())
            return written(when if when.tzinfo is not None else when.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            pass
    raise Failure(
        ExitCode.USAGE, f"{option} {text!r} is no time: write 2026-02-26T12:00:00Z, or 10m for ten minutes ago"
    )


def read(text: str) -> datetime:
    """A time that the server wrote."""
    return datetime.fromisoformat(text)


def written(when: datetime) -> str:
    """RFC 3339 in UTC; parts of a second only where there are some."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
