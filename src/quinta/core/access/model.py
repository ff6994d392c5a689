"""Who is calling, and what there is to permit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Actor:
    """The user a call is made for, and the key that proved it."""

    user_id: str
    email: str
    is_staff: bool
    key_id: str
    expires_at: datetime | None


class Permission(StrEnum):
    """What may be done within a project: object path, then verb (contract ubiops 6.2). Alphabetical."""

    BLOBS_CREATE = "blobs.create"
    BLOBS_DELETE = "blobs.delete"
    BLOBS_GET = "blobs.get"
    BLOBS_LIST = "blobs.list"
    LOGS_LIST = "logs.list"
    MODELS_CREATE = "models.create"
    MODELS_DELETE = "models.delete"
    MODELS_GET = "models.get"
    MODELS_LIST = "models.list"
    MODELS_UPDATE = "models.update"
    MODELS_VERSIONS_CREATE = "models.versions.create"
    MODELS_VERSIONS_DELETE = "models.versions.delete"
    MODELS_VERSIONS_FILES_CREATE = "models.versions.files.create"
    MODELS_VERSIONS_FILES_GET = "models.versions.files.get"
    MODELS_VERSIONS_GET = "models.versions.get"
    MODELS_VERSIONS_LIST = "models.versions.list"
    MODELS_VERSIONS_REQUESTS_CREATE = "models.versions.requests.create"
    MODELS_VERSIONS_REQUESTS_DELETE = "models.versions.requests.delete"
    MODELS_VERSIONS_REQUESTS_GET = "models.versions.requests.get"
    MODELS_VERSIONS_REQUESTS_LIST = "models.versions.requests.list"
    MODELS_VERSIONS_UPDATE = "models.versions.update"
    PROJECTS_DELETE = "projects.delete"
    PROJECTS_GET = "projects.get"
    PROJECTS_UPDATE = "projects.update"
