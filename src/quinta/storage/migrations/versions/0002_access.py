"""Roles and their assignments, service users, invitations, the history of subscriptions."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("invitations", "subscription_periods", "roles", "role_assignments")


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("project_id", sa.String(), nullable=True))
        users.create_foreign_key("fk_users_project_id", "projects", ["project_id"], ["id"], ondelete="CASCADE")
    op.create_index("ix_users_project_id", "users", ["project_id"])
    op.create_table(
        "invitations",
        _id(),
        _parent("organization_id", "organizations"),
        _text("email"),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("organization_id", "email"),
    )
    op.create_index("ix_invitations_email", "invitations", ["email"])
    periods = op.create_table(
        "subscription_periods",
        _id(),
        _parent("organization_id", "organizations"),
        _text("subscription"),
        sa.Column("started_on", sa.Date(), nullable=False),
        _text("agreed_by"),
        _text("updated_by"),
    )
    op.create_index("ix_subscription_periods_organization_id", "subscription_periods", ["organization_id"])
    _begin_history(periods)
    op.create_table(
        "roles",
        _id(),
        _parent("project_id", "projects"),
        _text("name"),
        _text("permissions"),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "role_assignments",
        _id(),
        _parent("project_id", "projects"),
        _parent("user_id", "users"),
        _text("role_id"),
        _text("object_type"),
        _text("object_id"),
        sa.UniqueConstraint("project_id", "user_id", "role_id", "object_id"),
    )
    op.create_index("ix_role_assignments_user_id", "role_assignments", ["user_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for table in ("api_keys", "memberships"):  # by hand: on SQLite there are no foreign keys during a migration
        op.execute(f"DELETE FROM {table} WHERE user_id IN (SELECT id FROM users WHERE project_id IS NOT NULL)")
    op.execute("DELETE FROM users WHERE project_id IS NOT NULL")
    op.drop_index("ix_users_project_id", "users")
    with op.batch_alter_table("users") as users:
        users.drop_constraint("fk_users_project_id", type_="foreignkey")
        users.drop_column("project_id")


def _begin_history(periods: sa.Table) -> None:
    """What is known of organizations made before: their present plan, since they were made."""
    known = sa.text(
        "SELECT o.id, o.created_at, s.name FROM organizations o JOIN subscriptions s ON s.id = o.subscription_id"
    )
    rows = [
        {
            "id": row.id,
            "organization_id": row.id,
            "subscription": row.name,
            "started_on": date.fromisoformat(str(row.created_at)[:10]),
            "agreed_by": "",
            "updated_by": "",
        }
        for row in op.get_bind().execute(known)
    ]
    op.bulk_insert(periods, rows)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)
