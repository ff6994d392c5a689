"""What a deployment is (contract versiontwo 5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeploymentStatus(StrEnum):
    """Pending, in progress, then completed or failed; a completed one that a rollback replaced is rolled back."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"

    @property
    def in_flight(self) -> bool:
        return self in (DeploymentStatus.PENDING, DeploymentStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Deployment:
    """The rollout of a release: every model of the project that has a version named ``version`` gets it as live one.

    ``environment`` is the long name of the one it is for; at most one is in flight in each. ``config`` is the JSON text
    of the project's configuration then, with what was given for this deployment merged over it. ``rollback_of`` is the
    deployment whose version it restores, ``replaces`` the one that becomes rolled back when this has completed.
    ``created_by`` is a user's id. ``reason`` is a code of core.reasons.Reason where the rollout failed for one.
    """

    id: str
    project_id: str
    version: str
    environment: str
    status: DeploymentStatus
    config: str
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error_message: str | None = None
    reason: str | None = None
    rollback_of: str | None = None
    replaces: str | None = None
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0
