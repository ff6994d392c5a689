"""Environment variables of projects, models and versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
PARENTS = {"project_id": "projects", "model_id": "models", "version_id": "model_versions"}


def upgrade() -> None:
    op.add_column("projects", sa.Column("variables_changed_at", MOMENT, nullable=True))
    op.create_table(
        "environment_variables",
        sa.Column("id", sa.String(), primary_key=True),
        *[_parent(name, table) for name, table in PARENTS.items()],
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("secret", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.UniqueConstraint("owner_id", "name"),
    )
    for name in PARENTS:
        op.create_index(f"ix_environment_variables_{name}", "environment_variables", [name])


def downgrade() -> None:
    op.drop_table("environment_variables")
    op.drop_column("projects", "variables_changed_at")


def _parent(name: str, table: str) -> sa.Column[str]:
    parent = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.String(), parent, nullable=name != "project_id")
