"""What a schedule is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quinta.core.access.roles import ObjectType

DEFAULT_TIMEOUT_SECONDS = 300
LEAST_TIMEOUT_SECONDS = 10
MOST_TIMEOUT_SECONDS = 3_600
"""Contract ubiops 5.5."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A request that is made again and again: ``data`` (JSON text) to an object, whenever ``crontab`` says so.

    ``object_type`` is model or pipeline; ``version_id`` is set for a model. ``next_run_at`` is the next moment it is
    due, None while it is not enabled. ``timeout_seconds`` holds for direct requests only.
    """

    id: str
    project_id: str
    name: str
    object_type: ObjectType
    object_id: str
    version_id: str | None
    crontab: str
    data: str
    batch: bool
    timeout_seconds: int
    enabled: bool
    created_at: datetime
    updated_at: datetime
    next_run_at: datetime | None
