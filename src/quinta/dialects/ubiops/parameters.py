"""Parameters of the query string and of headers, as the client writes them (contract ubiops 1.5)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BeforeValidator

from quinta.core.requests.listing import Listing
from quinta.core.requests.model import RequestStatus
from quinta.dialects.ubiops.dates import read_moment, read_month

# 18 digits always fit what a database counts in; no rule allows a number near that.
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def whole_number(value: object) -> object:
    """An integer in decimal digits. Anything but text passes: a default is no text."""
    if not isinstance(value, str):
        return value
    if not _WHOLE_NUMBER.fullmatch(value):
        raise ValueError("must be an integer in decimal digits")
    return int(value)


def _truth(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in _TRUTHS:
        raise ValueError("must be true or false")
    return _TRUTHS[value.lower()]


def _moment(value: object) -> object:
    return read_moment(value) if isinstance(value, str) else value


def _month(value: object) -> object:
    return read_month(value) if isinstance(value, str) else value


WholeNumber = Annotated[int, BeforeValidator(whole_number)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Month = Annotated[date, BeforeValidator(_month)]


def listing(
    status: Literal["pending", "processing", "completed", "failed"] | None = None,
    success: Truth | None = None,
    limit: WholeNumber = 50,
    offset: WholeNumber = 0,
    sort: Annotated[Literal["asc", "desc"], Query(description="By time; newest first is desc.")] = "desc",
) -> Listing:
    """Which batch requests to list, of a version or of a pipeline."""
    return Listing(None if status is None else RequestStatus(status), success, limit, offset, sort == "desc")
