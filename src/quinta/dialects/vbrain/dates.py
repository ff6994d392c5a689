"""Times on the wire, in the server's zone (contract vbrain 3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from quinta.core.errors import InvalidInput

_MINUTE = re.compile(r"[0-9]{12}")
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Nothing was or will be made outside; nearer to the calendar's ends, a change of zone overflows."""


def seconds(moment: datetime, zone: tzinfo) -> str:
    """``2020-09-23_16:29:39``."""
    return moment.astimezone(zone).strftime("%Y-%m-%d_%H:%M:%S")


def read_minute(text: str, zone: tzinfo, field: str, *, fold: int) -> datetime:
    """The moment at which the minute ``AAAAMMDDHHMM`` begins; InvalidInput about ``field`` when it is none.

    ``fold``: of a minute that a change of clocks brings twice, the first (0) or the second (1).
    """
    if not _MINUTE.fullmatch(text):
        raise InvalidInput(f"'{field}' must be 12 digits, AAAAMMDDHHMM", field=field)
    try:
        local = datetime(
            int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:]), tzinfo=zone, fold=fold
        )
    except ValueError as error:
        raise InvalidInput(f"'{field}' is no minute of the calendar: {error}", field=field) from None
    if local.year < EARLIEST.year:
        return EARLIEST
    if local.year >= LATEST.year:
        return LATEST
    return local.astimezone(UTC)
