"""Dates and times in the era's formats, both ways (contract ubiops 1.7)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
"""A moment outside cannot be meant, and adding a range to one near the calendar's ends overflows."""


def microseconds(moment: datetime) -> str:
    """``2020-05-12T16:23:15.456812Z``: most objects."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def milliseconds(moment: datetime, separator: str = "T") -> str:
    """``2020-05-18T11:26:57.904+00:00``: blobs, batch requests and, with a space between, a user's registration."""
    return moment.astimezone(UTC).isoformat(separator, "milliseconds")


def read_moment(text: str) -> datetime:
    """An ISO 8601 moment, UTC where no zone is given (contract ubiops 8.5); ValueError says what is wrong."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time in ISO 8601, like 2020-01-31T23:59:59Z or 2020-01-31 23:59:59") from None
    _check_year(moment.year)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def seconds(moment: datetime) -> str:
    """``2020-07-28T00:00:00Z``: usage."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_month(text: str) -> date:
    """The first day of a month ``YYYY-MM``; ValueError says what is wrong."""
    try:
        if not _MONTH.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError("must be a month like 2020-01") from None
    _check_year(day.year)
    return day


def read_date(value: object) -> date:
    """A date ``YYYY-MM-DD``; ValueError says what is wrong."""
    try:
        if not isinstance(value, str):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date like 2020-01-31") from None
    _check_year(day.year)
    return day


def _check_year(year: int) -> None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(f"must lie in a year from {_FIRST_YEAR} to {_LAST_YEAR}")
