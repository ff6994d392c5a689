"""The one schema, for SQLite and PostgreSQL alike.

A column has the name of the field of the frozen core type that the table holds (``TABLES`` says which); the mapper
needs nothing else. Enums and JSON are text, moments are UTC with microseconds on both databases. What hangs on a
row goes with it: foreign keys cascade downward. A migration follows every change here (``storage/migrations``);
a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from quinta.core.access.roles import Role, RoleAssignment
from quinta.core.files.model import Blob
from quinta.core.models.model import Build, Model, ModelVersion
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.requests.model import Request
from quinta.core.schedules.model import Schedule
from quinta.core.tenancy.model import (
    ApiKey,
    Invitation,
    Membership,
    Organization,
    Project,
    Subscription,
    SubscriptionPeriod,
    User,
)


class Moment(TypeDecorator[datetime]):
    """A timezone-aware moment. SQLite has no such type: there it is ISO 8601 text of fixed width, in UTC, whose
    alphabetical order is the order in time. The mapper refuses a datetime without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return String(27) if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if _is_sqlite(dialect) else moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return datetime.fromisoformat(value) if _is_sqlite(dialect) else value.astimezone(UTC)


def _is_sqlite(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


ESTIMATE = "estimate"
"""In ``info`` of an index, or of a table for its primary key: how many rows it has, then how many have the same first
column, the same first two, and so on. SQLite chooses between indexes by such numbers and assumes ten rows for a
project where it has none; for the log it then walked through a day to find one request (storage.migrate,
benchmarks/logs.py). PostgreSQL counts by itself."""


def _id() -> Column[str]:
    return Column("id", String, primary_key=True)


def _parent(name: str, target: str) -> Column[str]:
    return Column(name, String, ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=False)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


def _lease() -> list[Column[Any]]:
    return [_text("lease_token", nullable=True), _moment("lease_expires_at", nullable=True), _number("attempts")]


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
    UniqueConstraint("name"),
    Index(None, "organization_id"),
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
    *_lease(),
    Index(None, "version_id", "id"),
    Index(None, "project_id"),
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
    Index(None, "version_id", "created_at", "id"),
    Index(None, "version_id", "status", "created_at", "id"),
    Index(None, "project_id"),
)

# Claims read these, one statement each: a single "waiting or run out" condition would use no index. Builds are claimed
# oldest first over all versions, requests version by version.
for _columns, _status in (
    ((builds.c.id,), "pending"),
    ((builds.c.lease_expires_at,), "running"),
    ((requests.c.version_id, requests.c.id), "pending"),
    ((requests.c.lease_expires_at,), "processing"),
):
    _condition = text(f"status = '{_status}'")
    _name = f"ix_{_columns[0].table.name}_{'waiting' if _status == 'pending' else 'leased'}"
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

blobs = Table(
    "blobs",
    metadata,
    _id(),
    _parent("project_id", "projects"),
    _text("file_name"),
    _text("content_type"),
    _number("size"),
    _text("object_key"),
    _number("ttl_seconds"),
    _moment("created_at"),
    _moment("expires_at"),
    Index(None, "project_id", "created_at"),
    Index(None, "expires_at"),
)

# Ids sort by time and are the last part of each index: a query walks along one of them, in the order of the answer, and
# stops at its limit. On SQLite the rows themselves are kept in the order of the primary key (benchmarks/logs.py).
log_lines = Table(
    "log_lines",
    metadata,
    Column("project_id", String, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    _moment("time"),
    _text("text"),
    _flag("system"),
    _text("model_name", nullable=True),
    _text("version_name", nullable=True),
    _text("request_id", nullable=True),
    _id(),
    Index(None, "project_id", "request_id", "id", info={ESTIMATE: "10000000 1000000 10 1"}),
    Index(None, "project_id", "model_name", "id", info={ESTIMATE: "10000000 1000000 100000 1"}),
    sqlite_with_rowid=False,
    info={ESTIMATE: "10000000 1000000 1"},
)
Index(  # few lines are the platform's own
    "ix_log_lines_system",
    log_lines.c.project_id,
    log_lines.c.id,
    sqlite_where=log_lines.c.system == true(),
    postgresql_where=log_lines.c.system == true(),
    info={ESTIMATE: "10000 1000 1"},
)

metric_points = Table(
    "metric_points",
    metadata,
    Column("project_id", String, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("object_type", String, primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("metric", String, primary_key=True),
    Column("time", Moment, primary_key=True),
    Column("value", Double, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    # AUTOINCREMENT on SQLite: a number must not be used again after old events were purged.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("name"),
    _text("subject_id"),
    _text("tags"),
    _text("actor_id", nullable=True),
    _text("project_id", nullable=True),
    _moment("time"),
    _text("origin"),
    Index(None, "time"),
    sqlite_autoincrement=True,
)

TABLES: dict[type, Table] = {
    ApiKey: api_keys,
    Blob: blobs,
    Build: builds,
    Invitation: invitations,
    LogLine: log_lines,
    Membership: memberships,
    MetricPoint: metric_points,
    Model: models,
    ModelVersion: model_versions,
    Organization: organizations,
    Project: projects,
    Request: requests,
    Role: roles,
    RoleAssignment: role_assignments,
    Schedule: schedules,
    Subscription: subscriptions,
    SubscriptionPeriod: subscription_periods,
    User: users,
}
