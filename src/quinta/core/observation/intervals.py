"""Minutes, every fifth of them, hours, days and months of the calendar in UTC, and where each begins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Interval(StrEnum):
    """Contract ubiops 5.5, and versiontwo 5.4 for five minutes."""

    MINUTE = "minute"
    FIVE_MINUTES = "five minutes"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


_LENGTHS = {
    Interval.MINUTE: timedelta(minutes=1),
    Interval.FIVE_MINUTES: timedelta(minutes=5),
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
}


def start_of(moment: datetime, interval: Interval) -> datetime:
    """The start of the interval that ``moment`` lies in."""
    start = moment.astimezone(UTC).replace(second=0, microsecond=0)
    if interval is Interval.MINUTE:
        return start
    if interval is Interval.FIVE_MINUTES:
        return start.replace(minute=start.minute // 5 * 5)
    start = start.replace(minute=0)
    if interval is Interval.HOUR:
        return start
    start = start.replace(hour=0)
    return start if interval is Interval.DAY else start.replace(day=1)


def next_start(start: datetime, interval: Interval) -> datetime:
    """The start of the interval after the one that begins at ``start``."""
    if interval is Interval.MONTH:
        return start_of(start + timedelta(days=31), Interval.MONTH)
    return start + _LENGTHS[interval]


def starts(start: datetime, end: datetime, interval: Interval) -> Iterator[datetime]:
    """The starts of the intervals from the one that ``start`` lies in to the last that begins before ``end``."""
    moment = start_of(start, interval)
    while moment < end:
        yield moment
        moment = next_start(moment, interval)
