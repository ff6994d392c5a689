"""First schema: identities, models and their builds, batch requests, files, observation, outbox."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

TABLES = (
    "users",
    "subscriptions",
    "organizations",
    "memberships",
    "projects",
    "api_keys",
    "models",
    "model_versions",
    "builds",
    "requests",
    "blobs",
    "log_lines",
    "metric_points",
    "outbox",
)


def upgrade() -> None:
    _create_identities()
    _create_models()
    _create_builds()
    _create_work()
    _create_observation()
    _index_claims("builds", "waiting", "pending", ["id"])
    _index_claims("builds", "leased", "running", ["lease_expires_at"])
    _index_claims("requests", "waiting", "pending", ["version_id", "id"])
    _index_claims("requests", "leased", "processing", ["lease_expires_at"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_identities() -> None:
    op.create_table(
        "users",
        _id(),
        _text("email"),
        _text("name", nullable=True),
        _text("surname", nullable=True),
        _text("password_hash", nullable=True),
        _flag("is_staff"),
        _flag("is_active"),
        _moment("created_at"),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "subscriptions",
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
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "organizations",
        _id(),
        _text("name"),
        _text("status"),
        sa.Column("subscription_id", sa.String(), sa.ForeignKey("subscriptions.id"), nullable=False),
        sa.Column("subscription_end_date", sa.Date(), nullable=True),
        _moment("created_at"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "memberships",
        _id(),
        _parent("organization_id", "organizations"),
        _parent("user_id", "users"),
        _flag("is_admin"),
        sa.UniqueConstraint("organization_id", "user_id"),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"])
    op.create_table(
        "api_keys",
        _id(),
        _parent("user_id", "users"),
        _text("name"),
        _text("kind"),
        _text("digest"),
        _moment("created_at"),
        _moment("expires_at", nullable=True),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])


def _create_models() -> None:
    op.create_table(
        "projects",
        _id(),
        _parent("organization_id", "organizations"),
        _text("name"),
        _moment("created_at"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_projects_organization_id", "projects", ["organization_id"])
    op.create_table(
        "models",
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
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "model_versions",
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
        _text("live_build_id", nullable=True),
        _text("latest_build_id", nullable=True),
        sa.UniqueConstraint("model_id", "name"),
    )
    op.create_index("ix_model_versions_project_id", "model_versions", ["project_id"])


def _create_builds() -> None:
    op.create_table(
        "builds",
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
    )
    op.create_index("ix_builds_version_id_id", "builds", ["version_id", "id"])
    op.create_index("ix_builds_project_id", "builds", ["project_id"])


def _create_work() -> None:
    op.create_table(
        "requests",
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
    )
    op.create_index("ix_requests_version_id_created_at_id", "requests", ["version_id", "created_at", "id"])
    op.create_index(
        "ix_requests_version_id_status_created_at_id", "requests", ["version_id", "status", "created_at", "id"]
    )
    op.create_index("ix_requests_project_id", "requests", ["project_id"])
    op.create_table(
        "blobs",
        _id(),
        _parent("project_id", "projects"),
        _text("file_name"),
        _text("content_type"),
        _number("size"),
        _text("object_key"),
        _number("ttl_seconds"),
        _moment("created_at"),
        _moment("expires_at"),
    )
    op.create_index("ix_blobs_project_id_created_at", "blobs", ["project_id", "created_at"])
    op.create_index("ix_blobs_expires_at", "blobs", ["expires_at"])


def _create_observation() -> None:
    op.create_table(
        "log_lines",
        _parent("project_id", "projects"),
        _moment("time"),
        _text("text"),
        _flag("system"),
        _text("model_name", nullable=True),
        _text("version_name", nullable=True),
        _text("request_id", nullable=True),
        _id(),
    )
    op.create_index("ix_log_lines_project_id_time_id", "log_lines", ["project_id", "time", "id"])
    op.create_index("ix_log_lines_project_id_id", "log_lines", ["project_id", "id"])
    op.create_index("ix_log_lines_request_id", "log_lines", ["request_id"])
    op.create_table(
        "metric_points",
        sa.Column("project_id", sa.String(), sa.ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("object_type", sa.String(), primary_key=True),
        sa.Column("object_id", sa.String(), primary_key=True),
        sa.Column("metric", sa.String(), primary_key=True),
        sa.Column("time", MOMENT, primary_key=True),
        sa.Column("value", sa.Double(), nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        _text("name"),
        _text("subject_id"),
        _text("tags"),
        _text("actor_id", nullable=True),
        _text("project_id", nullable=True),
        _moment("time"),
        _text("origin"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_time", "outbox", ["time"])


def _index_claims(table: str, name: str, status: str, columns: list[str]) -> None:
    """A partial index that claims read."""
    condition = sa.text(f"status = '{status}'")
    op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=condition, postgresql_where=condition)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, MOMENT, nullable=nullable)


def _lease() -> list[sa.Column[Any]]:
    return [_text("lease_token", nullable=True), _moment("lease_expires_at", nullable=True), _number("attempts")]
