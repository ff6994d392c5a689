"""How often what has failed, by code: sums since this server started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from quinta.core.reasons import Reason


class Subject(StrEnum):
    """What can fail."""

    REQUEST = "request"
    BUILD = "build"
    VERIFICATION = "verification"
    DELIVERY = "delivery"
    JOB = "job"
    DEPLOYMENT = "deployment"


class FailureCounts:
    """Counts failures of this server."""

    def __init__(self) -> None:
        self._totals: Counter[tuple[Subject, Reason]] = Counter()

    def add(self, subject: Subject, reason: Reason) -> None:
        self._totals[subject, reason] += 1

    @property
    def totals(self) -> Mapping[tuple[Subject, Reason], int]:
        """How many, by what failed and why."""
        return self._totals
