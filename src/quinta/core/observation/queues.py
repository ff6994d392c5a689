"""The queues of work that is kept in the database, as an operator sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class QueueName(StrEnum):
    BATCH_REQUESTS = "batch_requests"  # pipelines' parts too
    PIPELINE_REQUESTS = "pipeline_requests"
    DELIVERIES = "deliveries"
    BUILDS = "builds"
    JOBS = "jobs"
    VERIFICATIONS = "verifications"


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue at one moment.

    ``oldest`` is when the item that has waited longest was accepted, ``held_since`` when the item that is worked on for
    the longest time was taken: each None when there is no such item. ``lapsed`` counts items whose lease ran out and
    that nobody has taken over yet. ``waiting_by_version`` is there for batch requests only.
    """

    name: QueueName
    waiting: int
    working: int
    oldest: datetime | None = None
    held_since: datetime | None = None
    lapsed: int = 0
    waiting_by_version: Mapping[str, int] = field(default_factory=dict)
