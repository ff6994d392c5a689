"""Pipelines, and batch requests to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
STEP = ("pipeline_request_id", "plan_id", "object_name")
TABLES = (
    "pipelines",
    "pipeline_objects",
    "attachments",
    "plans",
    "pipeline_requests",
    "object_results",
    "deliveries",
)
INDEXES = (
    ("pipeline_objects", "project_id"),
    ("pipeline_objects", "version_id"),
    ("pipeline_objects", "connector_id"),
    ("attachments", "project_id"),
    ("attachments", "source_id"),
    ("attachments", "destination_id"),
    ("plans", "project_id"),
    ("plans", "pipeline_id"),
    ("pipeline_requests", "pipeline_id", "id"),
    ("pipeline_requests", "project_id", "status"),
    ("pipeline_requests", "plan_id"),
    ("object_results", "project_id"),
    ("object_results", "pipeline_request_id"),
    ("deliveries", "project_id"),
    ("deliveries", "pipeline_request_id"),
)


def upgrade() -> None:
    _create_pipelines()
    _create_requests()
    for table, *names in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, names)
    for name, columns, status in (
        ("waiting", ["connector_id", "id"], "pending"),
        ("leased", ["lease_expires_at"], "processing"),
    ):
        condition = sa.text(f"status = '{status}'")
        op.create_index(
            f"ix_deliveries_{name}", "deliveries", columns, sqlite_where=condition, postgresql_where=condition
        )
    with op.batch_alter_table("requests") as requests:
        for name in STEP:
            requests.add_column(_text(name, nullable=True))
        requests.create_foreign_key(
            "fk_requests_pipeline_request_id", "pipeline_requests", ["pipeline_request_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index("ix_requests_pipeline_request_id", "requests", ["pipeline_request_id"])


def downgrade() -> None:
    op.execute("DELETE FROM requests WHERE pipeline_request_id IS NOT NULL")
    op.drop_index("ix_requests_pipeline_request_id", "requests")
    with op.batch_alter_table("requests") as requests:
        requests.drop_constraint("fk_requests_pipeline_request_id", type_="foreignkey")
        for name in STEP:
            requests.drop_column(name)
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_pipelines() -> None:
    op.create_table(
        "pipelines",
        _id(),
        _parent("project_id", "projects"),
        _text("name"),
        _text("description"),
        _text("input_type"),
        _text("input_fields"),
        *_times(),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "pipeline_objects",
        _id(),
        _parent("project_id", "projects"),
        _parent("pipeline_id", "pipelines"),
        _text("name"),
        sa.Column("version_id", sa.String(), sa.ForeignKey("model_versions.id"), nullable=True),
        sa.Column("connector_id", sa.String(), sa.ForeignKey("connectors.id"), nullable=True),
        sa.UniqueConstraint("pipeline_id", "name"),
    )
    op.create_table(
        "attachments",
        _id(),
        _parent("project_id", "projects"),
        _parent("pipeline_id", "pipelines"),
        _parent("source_id", "pipeline_objects", nullable=True),
        _parent("destination_id", "pipeline_objects"),
        _text("mapping"),
        sa.UniqueConstraint("pipeline_id", "source_id", "destination_id"),
    )


def _create_requests() -> None:
    op.create_table(
        "plans",
        _id(),
        _parent("project_id", "projects"),
        _parent("pipeline_id", "pipelines"),
        *map(_text, ("pipeline_name", "objects", "links", "fields")),
    )
    op.create_table(
        "pipeline_requests",
        _id(),
        _parent("project_id", "projects"),
        _parent("pipeline_id", "pipelines"),
        _parent("plan_id", "plans"),
        _text("status"),
        _text("data"),
        _text("error_message", nullable=True),
        *_times(),
    )
    op.create_table(
        "object_results",
        _id(),
        _parent("project_id", "projects"),
        _parent("pipeline_request_id", "pipeline_requests"),
        _text("object_name"),
        _text("data"),
        _text("result", nullable=True),
        _text("error_message", nullable=True),
        *_times(),
    )
    op.create_table(
        "deliveries",
        _id(),
        _parent("project_id", "projects"),
        _parent("pipeline_request_id", "pipeline_requests"),
        *map(_text, ("plan_id", "object_name", "connector_id")),
        _text("source_request_id", nullable=True),
        _text("data"),
        _text("status"),
        *_times(),
        _text("lease_token", nullable=True),
        sa.Column("lease_expires_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
    )


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _times() -> list[sa.Column[object]]:
    return [sa.Column(name, MOMENT, nullable=False) for name in ("created_at", "updated_at")]
