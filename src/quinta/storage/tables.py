"""The one schema, for SQLite and PostgreSQL alike.

A column has the name of the field of the frozen core type that the table holds (``TABLES`` says which); the mapper
needs nothing else. Enums and JSON are text, moments are UTC with microseconds on both databases. What hangs on a
row goes with it: foreign keys cascade downward. A migration follows every change here (``storage/migrations``);
a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    text,
)

from quinta.core.access.device_keys import DeviceKey, SealedCall, ServerKey
from quinta.core.access.devices import DeviceGrant
from quinta.core.access.platform_roles import PlatformRole, RoleGrant, RoleHolder
from quinta.core.access.roles import Role, RoleAssignment
from quinta.core.commits.model import Commit, DataJob
from quinta.core.connectors.model import Connector, Credentials, Verification
from quinta.core.datasets.model import BudgetCharge, Dataset, DatasetAttachment, Mask, PrivacyBudget, Threshold
from quinta.core.deployments.model import Deployment
from quinta.core.files.model import Blob, DataRecord, RecordGroup, RecordTarget, Repository
from quinta.core.jobs.model import Job
from quinta.core.models.model import Application, Build, EnvironmentVariable, Model, ModelVersion
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.pipelines.model import (
    Attachment,
    Delivery,
    ObjectResult,
    Pipeline,
    PipelineObject,
    PipelineRequest,
)
from quinta.core.pipelines.plan import Plan
from quinta.core.requests.model import Request
from quinta.core.schedules.model import Schedule
from quinta.core.tenancy.model import (
    ApiKey,
    Client,
    ClientMember,
    ComputeNotice,
    Group,
    GroupMember,
    Invitation,
    Membership,
    Organization,
    OrganizationGroup,
    PendingMember,
    Project,
    Subscription,
    SubscriptionPeriod,
    User,
    UserProfile,
    Workspace,
)
from quinta.core.webhooks.model import Webhook, WebhookDelivery
from quinta.storage.columns import flag as _flag
from quinta.storage.columns import identity as _id
from quinta.storage.columns import lease as _lease
from quinta.storage.columns import metadata
from quinta.storage.columns import moment as _moment
from quinta.storage.columns import number as _number
from quinta.storage.columns import parent as _parent
from quinta.storage.columns import text as _text
from quinta.storage.connector_tables import connectors, credentials, verifications
from quinta.storage.dataset_tables import (
    budget_charges,
    dataset_attachments,
    datasets,
    device_keys,
    masks,
    platform_roles,
    privacy_budgets,
    role_grants,
    role_holders,
    sealed_calls,
    server_keys,
    thresholds,
    user_profiles,
)
from quinta.storage.deployment_tables import deployments, webhook_deliveries, webhooks, workspaces
from quinta.storage.job_tables import applications, blobs, client_members, clients, jobs, repositories
from quinta.storage.observation_tables import audit_entries, compute_notices, log_lines, metric_points
from quinta.storage.pipeline_tables import (
    attachments,
    deliveries,
    object_results,
    pipeline_objects,
    pipeline_requests,
    pipelines,
    plans,
)
from quinta.storage.record_tables import (
    data_records,
    device_grants,
    group_members,
    groups,
    pending_members,
    record_groups,
    record_targets,
)
from quinta.storage.tracking_tables import TRACKING_TABLES, commits, data_jobs

__all__ = ["TABLES", "metadata"]

users = Table(
    "users",
    metadata,
    _id(),
    _text("email"),
    _text("name", nullable=True),
    _text("surname", nullable=True),
    _text("password_hash", nullable=True),
    _flag("is_staff"),
    _flag("is_active"),
    _moment("created_at"),
    Column("project_id", String, ForeignKey("projects.id", ondelete="CASCADE"), nullable=True),  # a service user's
    _number("number", nullable=True),
    _moment("disabled_at", nullable=True),
    UniqueConstraint("number"),
    UniqueConstraint("email"),  # the core lower-cases addresses first
    Index(None, "project_id"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _id(),
    _text("name"),
    _number("max_projects", nullable=True),
    _number("max_users", nullable=True),
    _number("logs_retention_days"),
    _number("gb_seconds", nullable=True),
    _number("resources", nullable=True),
    _text("agreement"),
    _text("terms_conditions"),
    _flag("hidden"),
    UniqueConstraint("name"),
)

organizations = Table(
    "organizations",
    metadata,
    _id(),
    _text("name"),
    _text("status"),
    Column("subscription_id", String, ForeignKey("subscriptions.id"), nullable=False),  # in use: stays
    Column("subscription_end_date", Date, nullable=True),
    _moment("created_at"),
    UniqueConstraint("name"),
)

memberships = Table(
    "memberships",
    metadata,
    _id(),
    _parent("organization_id", "organizations"),
    _parent("user_id", "users"),
    _flag("is_admin"),
    Column("rank", String, nullable=False, server_default=OrganizationGroup.DEVELOPER.value),
    UniqueConstraint("organization_id", "user_id"),
    Index(None, "user_id"),
)

invitations = Table(
    "invitations",
    metadata,
    _id(),
    _parent("organization_id", "organizations"),
    _text("email"),
    _flag("is_admin"),
    UniqueConstraint("organization_id", "email"),
    Index(None, "email"),
)

subscription_periods = Table(
    "subscription_periods",
    metadata,
    _id(),
    _parent("organization_id", "organizations"),
    _text("subscription"),
    Column("started_on", Date, nullable=False),
    _text("agreed_by"),
    _text("updated_by"),
    Index(None, "organization_id"),
)

projects = Table(
    "projects",
    metadata,
    _id(),
    _parent("organization_id", "organizations"),
    _text("name"),
    _moment("created_at"),
    _moment("variables_changed_at", nullable=True),
    _text("title", nullable=True),
    Column("config", String, nullable=False, server_default="{}"),
    _moment("updated_at", nullable=True),
    Column("workspace_id", String, ForeignKey("workspaces.id", ondelete="SET NULL"), nullable=True),
    _text("experiment_id", nullable=True),
    UniqueConstraint("name"),
    Index(None, "organization_id"),
    Index(None, "workspace_id"),
)

roles = Table(
    "roles",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _text("name"),
    _text("permissions"),
    UniqueConstraint("project_id", "name"),
)

role_assignments = Table(
    "role_assignments",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _parent("user_id", "users"),
    _text("role_id"),  # no foreign key: default roles are code, not rows
    _text("object_type"),
    _text("object_id"),
    UniqueConstraint("project_id", "user_id", "role_id", "object_id"),
    Index(None, "user_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _parent("user_id", "users"),
    _text("name"),
    _text("kind"),
    _text("digest"),
    _moment("created_at"),
    _moment("expires_at", nullable=True),
    _text("sealed", nullable=True),
    Column("permissions", String, nullable=False, server_default='["*"]'),
    _text("prefix", nullable=True),
    _moment("last_used_at", nullable=True),
    UniqueConstraint("digest"),
    Index(None, "user_id"),
)

models = Table(
    "models",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _text("name"),
    _text("description"),
    _text("input_type"),
    _text("output_type"),
    _text("input_fields"),
    _text("output_fields"),
    _moment("created_at"),
    _moment("updated_at"),
    # Versions point at their model; a foreign key back would make a circle that no insert could start.
    _text("live_version_id", nullable=True),
    UniqueConstraint("project_id", "name"),
)

model_versions = Table(
    "model_versions",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _parent("model_id", "models"),
    _text("name"),
    _text("description"),
    _text("language"),
    _text("status"),
    _text("error_message"),
    _number("memory_megabytes"),
    _number("minimum_instances"),
    _number("maximum_instances"),
    _number("maximum_idle_seconds"),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("file_updated_at"),
    # Builds point at their version; a foreign key back would make a circle that no insert could start.
    _text("live_build_id", nullable=True),
    _text("latest_build_id", nullable=True),
    _text("reason", nullable=True),
    UniqueConstraint("model_id", "name"),
    Index(None, "project_id"),
)

builds = Table(
    "builds",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _parent("version_id", "model_versions"),
    _text("archive_key"),
    _text("archive_name"),
    _number("archive_size"),
    _text("language"),
    _text("status"),
    _moment("created_at"),
    _moment("updated_at"),
    _text("package_digest", nullable=True),
    _text("environment_digest", nullable=True),
    _text("model_file", nullable=True),
    _text("reason", nullable=True),
    *_lease(),
    Index(None, "version_id", "id"),
    Index(None, "project_id"),
)

environment_variables = Table(
    "environment_variables",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _parent("model_id", "models", nullable=True),
    _parent("version_id", "model_versions", nullable=True),
    _text("owner_id"),  # the version, model or project: NULLs would be no obstacle to a second row of the same name
    _text("name"),
    _text("value"),
    _flag("secret"),
    _moment("created_at"),
    _moment("updated_at"),
    UniqueConstraint("owner_id", "name"),
    Index(None, "project_id"),
    Index(None, "model_id"),
    Index(None, "version_id"),
)

requests = Table(
    "requests",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _parent("version_id", "model_versions"),
    _text("status"),
    _text("data"),
    _text("result", nullable=True),
    _text("error_message", nullable=True),
    _text("reason", nullable=True),
    _moment("created_at"),
    _moment("updated_at"),
    *_lease(),
    _parent("pipeline_request_id", "pipeline_requests", nullable=True),
    _text("plan_id", nullable=True),
    _text("object_name", nullable=True),
    Index(None, "version_id", "created_at", "id"),
    Index(None, "version_id", "status", "created_at", "id"),
    Index(None, "project_id"),
    Index(None, "pipeline_request_id"),
)

# Claims read these, one statement each: a single "waiting or run out" condition would use no index. Builds are claimed
# oldest first over all versions, requests version by version, deliveries connector by connector.
for _columns, _status in (
    ((builds.c.id,), "pending"),
    ((builds.c.lease_expires_at,), "running"),
    ((verifications.c.id,), "pending"),
    ((verifications.c.lease_expires_at,), "running"),
    ((requests.c.version_id, requests.c.id), "pending"),
    ((requests.c.lease_expires_at,), "processing"),
    ((deliveries.c.connector_id, deliveries.c.id), "pending"),
    ((deliveries.c.lease_expires_at,), "processing"),
    ((jobs.c.application_id, jobs.c.id), "queued"),
    ((jobs.c.lease_expires_at,), "started"),
    ((data_jobs.c.id,), "queued"),
    ((data_jobs.c.lease_expires_at,), "started"),
    ((deployments.c.id,), "pending"),
    ((deployments.c.lease_expires_at,), "in_progress"),
    ((webhook_deliveries.c.id,), "pending"),
    ((webhook_deliveries.c.lease_expires_at,), "sending"),
):
    _condition = text(f"status = '{_status}'")
    _name = f"ix_{_columns[0].table.name}_{'leased' if _columns[0].name == 'lease_expires_at' else 'waiting'}"
    Index(_name, *_columns, sqlite_where=_condition, postgresql_where=_condition)

schedules = Table(
    "schedules",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _text("name"),
    _text("object_type"),
    _text("object_id"),  # no foreign key: it is a model or a pipeline
    Column("version_id", String, ForeignKey("model_versions.id", ondelete="CASCADE"), nullable=True),
    _text("crontab"),
    _text("data"),
    _flag("batch"),
    _number("timeout_seconds"),
    _flag("enabled"),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("next_run_at", nullable=True),
    UniqueConstraint("project_id", "name"),
    Index(None, "next_run_at"),
    Index(None, "version_id"),
)

TABLES: dict[type, Table] = {
    **TRACKING_TABLES,
    ApiKey: api_keys,
    Application: applications,
    Attachment: attachments,
    AuditEntry: audit_entries,
    Blob: blobs,
    BudgetCharge: budget_charges,
    Build: builds,
    Client: clients,
    ClientMember: client_members,
    Commit: commits,
    ComputeNotice: compute_notices,
    Connector: connectors,
    Credentials: credentials,
    DataJob: data_jobs,
    DataRecord: data_records,
    Dataset: datasets,
    DatasetAttachment: dataset_attachments,
    Delivery: deliveries,
    Deployment: deployments,
    DeviceGrant: device_grants,
    DeviceKey: device_keys,
    EnvironmentVariable: environment_variables,
    Group: groups,
    GroupMember: group_members,
    Invitation: invitations,
    Job: jobs,
    LogLine: log_lines,
    Mask: masks,
    Membership: memberships,
    MetricPoint: metric_points,
    Model: models,
    ModelVersion: model_versions,
    ObjectResult: object_results,
    Organization: organizations,
    PendingMember: pending_members,
    Pipeline: pipelines,
    PipelineObject: pipeline_objects,
    PipelineRequest: pipeline_requests,
    Plan: plans,
    PlatformRole: platform_roles,
    PrivacyBudget: privacy_budgets,
    Project: projects,
    RecordGroup: record_groups,
    RecordTarget: record_targets,
    Repository: repositories,
    Request: requests,
    Role: roles,
    RoleAssignment: role_assignments,
    RoleGrant: role_grants,
    RoleHolder: role_holders,
    Schedule: schedules,
    SealedCall: sealed_calls,
    ServerKey: server_keys,
    Subscription: subscriptions,
    SubscriptionPeriod: subscription_periods,
    Threshold: thresholds,
    User: users,
    UserProfile: user_profiles,
    Verification: verifications,
    Webhook: webhooks,
    WebhookDelivery: webhook_deliveries,
    Workspace: workspaces,
}
