"""Time that tests move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quinta.kit.clock import SystemClock

NOON = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


class SteppedClock(SystemClock):
    """Stands still until it is moved."""

    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)
