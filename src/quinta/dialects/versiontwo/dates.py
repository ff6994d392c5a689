"""Times on the wire: RFC 3339 in UTC with whole seconds; what comes in may say more (contract versiontwo 2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from quinta.dialects.versiontwo.errors import invalid
from quinta.dialects.versiontwo.messages import Problem

_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
"""An offset whose ``+`` was sent as it is, which a query string takes for a space."""


def seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def optional_seconds(moment: datetime | None) -> str | None:
    return None if moment is None else seconds(moment)


def moment_of(text: str, field: str) -> datetime:
    """The moment that an ISO 8601 text names, in UTC where it says no zone; a refusal about ``field`` if it is none."""
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub("+", text.strip().upper()))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid(field, Problem.INVALID_VALUE) from None
