"""Connectors, credentials and their verification; log lines that name connectors and pipelines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NAMES = ("connector_name", "pipeline_name", "pipeline_object_name", "pipeline_request_id")


def upgrade() -> None:
    for name in NAMES:
        op.add_column("log_lines", sa.Column(name, sa.String(), nullable=True))
    op.create_index("ix_log_lines_pipeline_request_id", "log_lines", ["pipeline_request_id"])
    op.create_table(
        "credentials",
        _id(),
        _parent("project_id", "projects"),
        _text("name"),
        _text("type"),
        _text("configuration"),
        *_state(),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "connectors",
        _id(),
        _parent("project_id", "projects"),
        _text("name"),
        _text("type"),
        sa.Column("credentials_id", sa.String(), sa.ForeignKey("credentials.id"), nullable=False),
        _text("configuration"),
        _text("input_type"),
        _text("input_fields"),
        *_state(),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_index("ix_connectors_credentials_id", "connectors", ["credentials_id"])
    _create_verifications()


def downgrade() -> None:
    for table in ("verifications", "connectors", "credentials"):
        op.drop_table(table)
    op.drop_index("ix_log_lines_pipeline_request_id", "log_lines")
    for name in reversed(NAMES):
        op.drop_column("log_lines", name)


def _create_verifications() -> None:
    op.create_table(
        "verifications",
        _id(),
        _parent("project_id", "projects"),
        _parent("credentials_id", "credentials", nullable=True),
        _parent("connector_id", "connectors", nullable=True),
        _text("status"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_expires_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
    )
    for name in ("project_id", "credentials_id", "connector_id"):
        op.create_index(f"ix_verifications_{name}", "verifications", [name])
    for name, column, status in (("waiting", "id", "pending"), ("leased", "lease_expires_at", "running")):
        condition = sa.text(f"status = '{status}'")
        op.create_index(
            f"ix_verifications_{name}",
            "verifications",
            [column],
            sqlite_where=condition,
            postgresql_where=condition,
        )


def _state() -> list[sa.Column[object]]:
    return [_text("status"), _text("error_message"), _moment("created_at"), _moment("updated_at")]


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, MOMENT, nullable=False)
