"""Who is calling, and what there is to permit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class KeyPermission(StrEnum):
    """What a key may be used for, whatever its user may do (contract versiontwo 5.7). Write and deploy imply read."""

    READ = "read"
    WRITE = "write"
    DEPLOY = "deploy"
    ALL = "*"


@dataclass(frozen=True, slots=True)
class Actor:
    """The user a call is made for, and the key that proved it. ``project_id`` is set for a service user: its own;
    ``permissions`` are the key's."""

    user_id: str
    email: str
    is_staff: bool
    key_id: str
    expires_at: datetime | None
    project_id: str | None = None
    permissions: frozenset[KeyPermission] = frozenset({KeyPermission.ALL})

    @property
    def is_service_user(self) -> bool:
        return self.project_id is not None


class Permission(StrEnum):
    """What may be done within a project: object path, then verb (contract ubiops 6.2, all 86). Alphabetical."""

    BLOBS_CREATE = "blobs.create"
    BLOBS_DELETE = "blobs.delete"
    BLOBS_GET = "blobs.get"
    BLOBS_LIST = "blobs.list"
    CONNECTORS_CREATE = "connectors.create"
    CONNECTORS_DELETE = "connectors.delete"
    CONNECTORS_GET = "connectors.get"
    CONNECTORS_LIST = "connectors.list"
    CONNECTORS_METRICS_GET = "connectors.metrics.get"
    CONNECTORS_UPDATE = "connectors.update"
    CREDENTIALS_CREATE = "credentials.create"
    CREDENTIALS_DELETE = "credentials.delete"
    CREDENTIALS_GET = "credentials.get"
    CREDENTIALS_LIST = "credentials.list"
    CREDENTIALS_UPDATE = "credentials.update"
    LOGS_LIST = "logs.list"
    MODELS_CREATE = "models.create"
    MODELS_DELETE = "models.delete"
    MODELS_ENVIRONMENT_VARIABLES_CREATE = "models.environment_variables.create"
    MODELS_ENVIRONMENT_VARIABLES_DELETE = "models.environment_variables.delete"
    MODELS_ENVIRONMENT_VARIABLES_GET = "models.environment_variables.get"
    MODELS_ENVIRONMENT_VARIABLES_LIST = "models.environment_variables.list"
    MODELS_ENVIRONMENT_VARIABLES_UPDATE = "models.environment_variables.update"
    MODELS_GET = "models.get"
    MODELS_LIST = "models.list"
    MODELS_UPDATE = "models.update"
    MODELS_VERSIONS_CREATE = "models.versions.create"
    MODELS_VERSIONS_DELETE = "models.versions.delete"
    MODELS_VERSIONS_ENVIRONMENT_VARIABLES_CREATE = "models.versions.environment_variables.create"
    MODELS_VERSIONS_ENVIRONMENT_VARIABLES_DELETE = "models.versions.environment_variables.delete"
    MODELS_VERSIONS_ENVIRONMENT_VARIABLES_GET = "models.versions.environment_variables.get"
    MODELS_VERSIONS_ENVIRONMENT_VARIABLES_LIST = "models.versions.environment_variables.list"
    MODELS_VERSIONS_ENVIRONMENT_VARIABLES_UPDATE = "models.versions.environment_variables.update"
    MODELS_VERSIONS_FILES_CREATE = "models.versions.files.create"
    MODELS_VERSIONS_FILES_GET = "models.versions.files.get"
    MODELS_VERSIONS_GET = "models.versions.get"
    MODELS_VERSIONS_LIST = "models.versions.list"
    MODELS_VERSIONS_METRICS_GET = "models.versions.metrics.get"
    MODELS_VERSIONS_REQUESTS_CREATE = "models.versions.requests.create"
    MODELS_VERSIONS_REQUESTS_DELETE = "models.versions.requests.delete"
    MODELS_VERSIONS_REQUESTS_GET = "models.versions.requests.get"
    MODELS_VERSIONS_REQUESTS_LIST = "models.versions.requests.list"
    MODELS_VERSIONS_UPDATE = "models.versions.update"
    PIPELINES_ATTACHMENTS_CREATE = "pipelines.attachments.create"
    PIPELINES_ATTACHMENTS_DELETE = "pipelines.attachments.delete"
    PIPELINES_ATTACHMENTS_GET = "pipelines.attachments.get"
    PIPELINES_ATTACHMENTS_LIST = "pipelines.attachments.list"
    PIPELINES_CREATE = "pipelines.create"
    PIPELINES_DELETE = "pipelines.delete"
    PIPELINES_GET = "pipelines.get"
    PIPELINES_LIST = "pipelines.list"
    PIPELINES_METRICS_GET = "pipelines.metrics.get"
    PIPELINES_OBJECTS_CREATE = "pipelines.objects.create"
    PIPELINES_OBJECTS_DELETE = "pipelines.objects.delete"
    PIPELINES_OBJECTS_GET = "pipelines.objects.get"
    PIPELINES_OBJECTS_LIST = "pipelines.objects.list"
    PIPELINES_OBJECTS_UPDATE = "pipelines.objects.update"
    PIPELINES_REQUESTS_CREATE = "pipelines.requests.create"
    PIPELINES_REQUESTS_DELETE = "pipelines.requests.delete"
    PIPELINES_REQUESTS_GET = "pipelines.requests.get"
    PIPELINES_REQUESTS_LIST = "pipelines.requests.list"
    PIPELINES_UPDATE = "pipelines.update"
    PROJECTS_DELETE = "projects.delete"
    PROJECTS_ENVIRONMENT_VARIABLES_CREATE = "projects.environment_variables.create"
    PROJECTS_ENVIRONMENT_VARIABLES_DELETE = "projects.environment_variables.delete"
    PROJECTS_ENVIRONMENT_VARIABLES_GET = "projects.environment_variables.get"
    PROJECTS_ENVIRONMENT_VARIABLES_LIST = "projects.environment_variables.list"
    PROJECTS_ENVIRONMENT_VARIABLES_UPDATE = "projects.environment_variables.update"
    PROJECTS_GET = "projects.get"
    PROJECTS_RESOURCES_GET = "projects.resources.get"
    PROJECTS_UPDATE = "projects.update"
    PROJECTS_USAGE_GET = "projects.usage.get"
    ROLES_ASSIGNMENTS_CREATE = "roles.assignments.create"
    ROLES_ASSIGNMENTS_DELETE = "roles.assignments.delete"
    ROLES_ASSIGNMENTS_GET = "roles.assignments.get"
    ROLES_ASSIGNMENTS_LIST = "roles.assignments.list"
    ROLES_CREATE = "roles.create"
    ROLES_DELETE = "roles.delete"
    ROLES_GET = "roles.get"
    ROLES_LIST = "roles.list"
    ROLES_UPDATE = "roles.update"
    SERVICE_USERS_CREATE = "service_users.create"
    SERVICE_USERS_DELETE = "service_users.delete"
    SERVICE_USERS_GET = "service_users.get"
    SERVICE_USERS_LIST = "service_users.list"
    SERVICE_USERS_UPDATE = "service_users.update"
