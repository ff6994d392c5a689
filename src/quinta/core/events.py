"""What happened, as records: written to the outbox in the transaction that made the change (decision 0003)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventName(StrEnum):
    """``noun.verb``, alphabetical. Loops wake up by these, caches forget by an event's tags."""

    APPLICATION_CHANGED = "application.changed"
    APPLICATION_CREATED = "application.created"
    APPLICATION_DELETED = "application.deleted"
    BLOB_CREATED = "blob.created"
    BLOB_DELETED = "blob.deleted"
    BUILD_ENDED = "build.ended"
    BUILD_REQUESTED = "build.requested"
    CLIENT_CHANGED = "client.changed"
    CLIENT_CREATED = "client.created"
    CLIENT_DELETED = "client.deleted"
    CONNECTOR_CHANGED = "connector.changed"
    CONNECTOR_CREATED = "connector.created"
    CONNECTOR_DELETED = "connector.deleted"
    CONNECTOR_VERIFIED = "connector.verified"
    CREDENTIALS_CHANGED = "credentials.changed"
    CREDENTIALS_CREATED = "credentials.created"
    CREDENTIALS_DELETED = "credentials.deleted"
    CREDENTIALS_VERIFIED = "credentials.verified"
    DEPLOYMENT_COMPLETED = "deployment.completed"
    DEPLOYMENT_CREATED = "deployment.created"
    DEPLOYMENT_FAILED = "deployment.failed"
    DEPLOYMENT_ROLLED_BACK = "deployment.rolled_back"
    DEPLOYMENT_STARTED = "deployment.started"
    GROUP_CHANGED = "group.changed"
    GROUP_CREATED = "group.created"
    GROUP_DELETED = "group.deleted"
    INVITATION_CHANGED = "invitation.changed"
    JOB_CREATED = "job.created"
    JOB_DELETED = "job.deleted"
    KEY_CREATED = "key.created"
    KEY_DELETED = "key.deleted"
    KEY_REVOKED = "key.revoked"
    MEMBERSHIP_CHANGED = "membership.changed"
    MODEL_CHANGED = "model.changed"
    MODEL_CREATED = "model.created"
    MODEL_DELETED = "model.deleted"
    ORGANIZATION_CHANGED = "organization.changed"
    ORGANIZATION_CREATED = "organization.created"
    PIPELINE_CHANGED = "pipeline.changed"
    PIPELINE_CREATED = "pipeline.created"
    PIPELINE_DELETED = "pipeline.deleted"
    PROJECT_CHANGED = "project.changed"
    PROJECT_CREATED = "project.created"
    PROJECT_DELETED = "project.deleted"
    RECORD_CHANGED = "record.changed"
    RECORD_CREATED = "record.created"
    RECORD_DELETED = "record.deleted"
    REPOSITORY_CREATED = "repository.created"
    REPOSITORY_DELETED = "repository.deleted"
    REQUESTS_CREATED = "requests.created"
    REQUESTS_DELETED = "requests.deleted"
    ROLE_ASSIGNED = "role.assigned"
    ROLE_CHANGED = "role.changed"
    ROLE_CREATED = "role.created"
    ROLE_DELETED = "role.deleted"
    ROLE_WITHDRAWN = "role.withdrawn"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_CREATED = "schedule.created"
    SCHEDULE_DELETED = "schedule.deleted"
    SERVICE_USER_CHANGED = "service_user.changed"
    SERVICE_USER_CREATED = "service_user.created"
    SERVICE_USER_DELETED = "service_user.deleted"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_CREATED = "subscription.created"
    SUBSCRIPTION_DELETED = "subscription.deleted"
    USER_CHANGED = "user.changed"
    USER_CREATED = "user.created"
    USER_DELETED = "user.deleted"
    VARIABLE_CHANGED = "variable.changed"
    VARIABLE_CREATED = "variable.created"
    VARIABLE_DELETED = "variable.deleted"
    VERIFICATION_REQUESTED = "verification.requested"
    VERSION_CHANGED = "version.changed"
    VERSION_CREATED = "version.created"
    VERSION_DELETED = "version.deleted"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_DELIVERY_REQUESTED = "webhook_delivery.requested"
    WORKSPACE_CHANGED = "workspace.changed"
    WORKSPACE_CREATED = "workspace.created"
    WORKSPACE_DELETED = "workspace.deleted"


@dataclass(frozen=True, slots=True)
class Event:
    """One change. ``subject_id`` is the row it is about, ``actor_id`` the user who made it (None: the server itself).

    ``tags`` name everything whose cached view the change touches: ``user:ID``, ``organization:ID``, ``project:ID``,
    ``model:ID``, ``version:ID``, ``pipeline:ID``, ``connector:ID``, ``credentials:ID``, ``group:ID``, ``key:ID``,
    ``webhook:ID``; for deleted batch requests ``request:ID``, for deleted jobs ``job:ID``.
    """

    name: EventName
    subject_id: str
    tags: tuple[str, ...] = ()
    actor_id: str | None = None
    project_id: str | None = None
