"""Applications, clients with their groups, repositories and jobs."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
INDEXES = (
    ("applications", "project_id"),
    ("applications", "model_id"),
    ("applications", "version_id"),
    ("clients", "organization_id"),
    ("client_members", "user_id"),
    ("repositories", "project_id", "number"),
    ("jobs", "project_id"),
    ("jobs", "repository_id", "id"),
    ("jobs", "application_id"),
)


def upgrade() -> None:
    _create_clients()
    _create_jobs()
    for table, *names in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, names)
    for name, columns, status in (
        ("waiting", ["application_id", "id"], "queued"),
        ("leased", ["lease_expires_at"], "started"),
    ):
        condition = sa.text(f"status = '{status}'")
        op.create_index(f"ix_jobs_{name}", "jobs", columns, sqlite_where=condition, postgresql_where=condition)
    op.add_column("memberships", sa.Column("rank", sa.String(), nullable=False, server_default="desenvolvedor"))


def _create_clients() -> None:
    op.create_table(
        "applications",
        _id(),
        _parent("organization_id", "organizations"),
        _parent("project_id", "projects"),
        _parent("model_id", "models"),
        sa.Column("version_id", sa.String(), sa.ForeignKey("model_versions.id", ondelete="SET NULL"), nullable=True),
        _text("name"),
        sa.Column("time_limit_seconds", sa.BigInteger(), nullable=False),
        _moment("created_at"),
        sa.UniqueConstraint("organization_id", "name"),
    )
    op.create_table(
        "clients",
        _id(),
        _parent("organization_id", "organizations"),
        _parent("application_id", "applications"),
        _parent("project_id", "projects"),
        _text("name"),
        _moment("created_at"),
        sa.UniqueConstraint("application_id", "name"),
        sa.UniqueConstraint("project_id"),
    )
    op.create_table(
        "client_members",
        _id(),
        _parent("client_id", "clients"),
        _parent("user_id", "users"),
        _text("group"),
        sa.UniqueConstraint("client_id", "user_id"),
    )


def _create_jobs() -> None:
    op.create_table(
        "repositories",
        _id(),
        _parent("project_id", "projects"),
        _text("number"),
        _text("params", nullable=True),
        _text("metadata"),
        _text("files"),
        _text("archive_key", nullable=True),
        _text("created_by"),
        _moment("created_at"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "jobs",
        _id(),
        _parent("project_id", "projects"),
        _parent("repository_id", "repositories"),
        _parent("application_id", "applications"),
        _text("number"),
        _text("params"),
        _text("metadata"),
        _text("overlay_key", nullable=True),
        _text("status"),
        _text("created_by"),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("started_at", nullable=True),
        _moment("finished_at", nullable=True),
        _text("result", nullable=True),
        _text("output_key", nullable=True),
        _text("logs_key", nullable=True),
        _text("error_message", nullable=True),
        _text("reason", nullable=True),
        _text("lease_token", nullable=True),
        _moment("lease_expires_at", nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("number"),
    )


def downgrade() -> None:
    op.drop_column("memberships", "rank")
    for table in ("jobs", "repositories", "client_members", "clients", "applications"):
        op.drop_table(table)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, MOMENT, nullable=nullable)
