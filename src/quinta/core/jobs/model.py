"""Jobs: frozen types and their states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobStatus(StrEnum):
    """Life of a job, only forward (contract vbrain 5.3)."""

    QUEUED = "queued"
    STARTED = "started"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (JobStatus.FINISHED, JobStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Job:
    """One run of an application on the inputs of a repository (contract vbrain 5).

    ``number`` is a random UUID, the id that callers know. ``params`` (the repository's overlaid by its own) and
    ``metadata`` are texts of JSON objects. ``overlay_key`` names a zip in the object store whose files are put over the
    repository's for this run. When it has ended, ``output_key`` and ``logs_key`` name zips of what it left, None where
    it left nothing; ``result`` is JSON text of a job that finished; ``reason`` (core.reasons) and ``error_message`` say
    why one failed.
    """

    id: str
    project_id: str
    repository_id: str
    application_id: str
    number: str
    params: str
    metadata: str
    overlay_key: str | None
    status: JobStatus
    created_by: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: str | None = None
    output_key: str | None = None
    logs_key: str | None = None
    error_message: str | None = None
    reason: str | None = None
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class JobRun:
    """What the engine needs to run a job once. ``params`` is JSON text, ``time_limit`` is in seconds."""

    job_id: str
    params: bytes
    time_limit: float
