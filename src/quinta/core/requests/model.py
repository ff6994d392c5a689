"""What a batch request is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RequestStatus(StrEnum):
    """Life of a request (contract ubiops 7.2)."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


OPEN = (RequestStatus.PENDING, RequestStatus.PROCESSING)
ENDED = (RequestStatus.COMPLETED, RequestStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Request:
    """One batch request to a model version. ``data`` and ``result`` are JSON text.

    One that belongs to a pipeline request names it, its plan and the object of the plan that it is a run of; its row
    goes when it has ended (core/pipelines/runs.py).

    ``reason`` is the code of core.requests.outcome.Reason once the request has ended. The lease fields say which
    server works on it, and until when (engine/leases.py).
    """

    id: str
    project_id: str
    version_id: str
    status: RequestStatus
    data: str
    result: str | None
    error_message: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0
    pipeline_request_id: str | None = None
    plan_id: str | None = None
    object_name: str | None = None
