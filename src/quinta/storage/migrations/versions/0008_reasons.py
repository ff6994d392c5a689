"""The code of what went wrong, wherever an error message is kept (decision 0019)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("builds", "connectors", "credentials", "model_versions", "object_results", "pipeline_requests")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("reason", sa.String(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "reason")
