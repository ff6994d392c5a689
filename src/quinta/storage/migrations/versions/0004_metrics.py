"""Metric points belong to an organization and outlive their project; what was said about its compute limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
POINT = "project_id, object_type, object_id, metric, time, value"


def upgrade() -> None:
    op.execute(
        f"CREATE TABLE kept_points AS SELECT {POINT}, organization_id FROM metric_points "
        "JOIN (SELECT id, organization_id FROM projects) AS owners ON owners.id = project_id"
    )
    op.drop_table("metric_points")
    organization = sa.ForeignKey("organizations.id", ondelete="CASCADE")
    op.create_table(
        "metric_points",
        *_point(),
        sa.Column("organization_id", sa.String(), organization, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "object_type", "metric", "time", "object_id"),
    )
    op.execute(f"INSERT INTO metric_points ({POINT}, organization_id) SELECT {POINT}, organization_id FROM kept_points")
    op.drop_table("kept_points")
    columns = ["organization_id", "object_type", "metric", "time"]
    op.create_index("ix_metric_points_organization_id_object_type_metric_time", "metric_points", columns)
    op.create_index("ix_metric_points_time", "metric_points", ["time"])
    op.create_table(
        "compute_notices",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "organization_id", sa.String(), sa.ForeignKey("organizations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("gb_seconds", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.UniqueConstraint("organization_id", "month", "gb_seconds", "kind"),
    )


def downgrade() -> None:
    op.drop_table("compute_notices")
    op.execute(
        f"CREATE TABLE kept_points AS SELECT {POINT} FROM metric_points WHERE project_id IN (SELECT id FROM projects)"
    )
    op.drop_table("metric_points")
    project = sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE")
    key = sa.PrimaryKeyConstraint("project_id", "object_type", "object_id", "metric", "time")
    op.create_table("metric_points", *_point(), project, key)
    op.execute(f"INSERT INTO metric_points ({POINT}) SELECT {POINT} FROM kept_points")
    op.drop_table("kept_points")


def _point() -> list[sa.Column[object]]:
    return [
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("time", MOMENT, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
    ]
