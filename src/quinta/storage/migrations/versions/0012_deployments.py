"""Workspaces, deployments, webhooks, live versions, permissions of keys, levels of log lines."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
INDEXES = (
    ("projects", "workspace_id"),
    ("deployments", "project_id", "id"),
    ("webhooks", "project_id"),
    ("webhook_deliveries", "webhook_id", "id"),
    ("webhook_deliveries", "project_id"),
    ("rate_windows", "opened_at"),
)
PARTIAL = (
    ("ix_deployments_waiting", "deployments", ["id"], "status = 'pending'"),
    ("ix_deployments_leased", "deployments", ["lease_expires_at"], "status = 'in_progress'"),
    ("ix_webhook_deliveries_waiting", "webhook_deliveries", ["id"], "status = 'pending'"),
    ("ix_log_lines_warn", "log_lines", ["project_id", "id"], "level = 'warn'"),
    ("ix_log_lines_error", "log_lines", ["project_id", "id"], "level = 'error'"),
    ("ix_webhook_deliveries_leased", "webhook_deliveries", ["lease_expires_at"], "status = 'sending'"),
)


def upgrade() -> None:
    _create_deployments()
    _create_webhooks()
    op.create_table(
        "rate_windows", sa.Column("subject", sa.String(), primary_key=True), _moment("opened_at"), _number("used")
    )
    op.add_column("api_keys", sa.Column("permissions", sa.String(), nullable=False, server_default='["*"]'))
    op.add_column("api_keys", _text("prefix", nullable=True))
    op.add_column("api_keys", _moment("last_used_at", nullable=True))
    op.add_column("models", _text("live_version_id", nullable=True))
    op.add_column("log_lines", _text("level", nullable=True))
    op.add_column("projects", _text("title", nullable=True))
    op.add_column("projects", sa.Column("config", sa.String(), nullable=False, server_default="{}"))
    op.add_column("projects", _moment("updated_at", nullable=True))
    reference = sa.ForeignKey("workspaces.id", name="fk_projects_workspace_id", ondelete="SET NULL")
    with op.batch_alter_table("projects") as projects:
        projects.add_column(sa.Column("workspace_id", sa.String(), reference, nullable=True))
    for table, *names in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, names)
    for name, table, columns, condition in PARTIAL:
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    in_flight = sa.text("status IN ('pending', 'in_progress')")
    op.create_index(
        "ix_deployments_in_flight",
        "deployments",
        ["project_id", "environment"],
        unique=True,
        sqlite_where=in_flight,
        postgresql_where=in_flight,
    )


def _create_deployments() -> None:
    op.create_table(
        "workspaces",
        _id(),
        _parent("organization_id", "organizations"),
        _text("name"),
        _text("config"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("organization_id", "name"),
    )
    op.create_table(
        "deployments",
        _id(),
        _parent("project_id", "projects"),
        *map(_text, ("version", "environment", "status", "config")),
        _text("created_by", nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("started_at", nullable=True),
        _moment("finished_at", nullable=True),
        *(_text(name, nullable=True) for name in ("error_message", "reason", "rollback_of", "replaces")),
        *_lease(),
    )


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        _id(),
        _parent("project_id", "projects"),
        *map(_text, ("url", "events", "secret")),
        _moment("created_at"),
    )
    op.create_table(
        "webhook_deliveries",
        _id(),
        _parent("webhook_id", "webhooks"),
        _parent("project_id", "projects"),
        *map(_text, ("event_id", "event", "body", "status")),
        _moment("created_at"),
        _moment("updated_at"),
        _number("tries"),
        sa.Column("response_status", sa.BigInteger(), nullable=True),
        _text("error_message", nullable=True),
        _text("reason", nullable=True),
        _moment("delivered_at", nullable=True),
        *_lease(),
        sa.UniqueConstraint("webhook_id", "event_id"),
    )


def downgrade() -> None:
    for name, table in (
        ("ix_projects_workspace_id", "projects"),
        ("ix_log_lines_warn", "log_lines"),
        ("ix_log_lines_error", "log_lines"),
    ):
        op.drop_index(name, table)
    with op.batch_alter_table("projects") as projects:
        projects.drop_column("workspace_id")
    for table, names in (
        ("projects", ("title", "config", "updated_at")),
        ("log_lines", ("level",)),
        ("models", ("live_version_id",)),
        ("api_keys", ("permissions", "prefix", "last_used_at")),
    ):
        for name in names:
            op.drop_column(table, name)
    for table in ("rate_windows", "webhook_deliveries", "webhooks", "deployments", "workspaces"):
        op.drop_table(table)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, MOMENT, nullable=nullable)


def _lease() -> list[sa.Column[object]]:
    return [_text("lease_token", nullable=True), _moment("lease_expires_at", nullable=True), _number("attempts")]  # type: ignore[list-item]
