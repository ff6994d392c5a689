"""Schedules; the log in the order of its ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Indexes = dict[str, list[str]]
OLD_INDEXES: Indexes = {
    "ix_log_lines_project_id_time_id": ["project_id", "time", "id"],
    "ix_log_lines_project_id_id": ["project_id", "id"],
    "ix_log_lines_request_id": ["request_id"],
    "ix_log_lines_pipeline_request_id": ["pipeline_request_id"],
}
NEW_INDEXES: Indexes = {
    "ix_log_lines_project_id_request_id_id": ["project_id", "request_id", "id"],
    "ix_log_lines_project_id_model_name_id": ["project_id", "model_name", "id"],
}
SELDOM = ("pipeline_request_id", "pipeline_name", "connector_name")
"""What most lines have not."""

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("project_id", sa.String(), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), sa.ForeignKey("model_versions.id", ondelete="CASCADE"), nullable=True),
        sa.Column("crontab", sa.String(), nullable=False),
        sa.Column("data", sa.String(), nullable=False),
        sa.Column("batch", sa.Boolean(), nullable=False),
        sa.Column("timeout_seconds", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("next_run_at", MOMENT, nullable=True),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_index("ix_schedules_next_run_at", "schedules", ["next_run_at"])
    op.create_index("ix_schedules_version_id", "schedules", ["version_id"])
    _remake_log(["project_id", "id"], {"sqlite_with_rowid": False}, OLD_INDEXES, NEW_INDEXES)
    op.create_index(
        "ix_log_lines_system",
        "log_lines",
        ["project_id", "id"],
        sqlite_where=sa.text("system = 1"),
        postgresql_where=sa.text("system = true"),
    )
    for name in SELDOM:
        condition = sa.text(f"{name} IS NOT NULL")
        columns = ["project_id", name, "id"]
        op.create_index(
            f"ix_log_lines_{name}", "log_lines", columns, sqlite_where=condition, postgresql_where=condition
        )


def downgrade() -> None:
    for name in SELDOM:
        op.drop_index(f"ix_log_lines_{name}", "log_lines")
    op.drop_index("ix_log_lines_system", "log_lines")
    _remake_log(["id"], {}, NEW_INDEXES, OLD_INDEXES)
    op.drop_table("schedules")


def _remake_log(key: list[str], options: dict[str, bool], dropped: Indexes, made: Indexes) -> None:
    """Another primary key and other indexes; columns and indexes of other migrations stay as they are.

    In place on PostgreSQL. SQLite keeps rows in the order of the key, so there they are copied into a table made anew.
    """
    for name in dropped:
        op.drop_index(name, "log_lines")
    if op.get_context().dialect.name == "sqlite":
        old = sa.Table("log_lines", sa.MetaData(), autoload_with=op.get_bind())
        for index in old.indexes:
            op.drop_index(str(index.name), "log_lines")
        op.rename_table("log_lines", "old_log_lines")
        columns = [sa.Column(column.name, column.type, nullable=column.nullable) for column in old.columns]
        project = sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE")
        op.create_table("log_lines", *columns, sa.PrimaryKeyConstraint(*key), project, **options)
        names = ", ".join(column.name for column in columns)
        op.execute(f"INSERT INTO log_lines ({names}) SELECT {names} FROM old_log_lines ORDER BY id")
        op.drop_table("old_log_lines")
        for index in old.indexes:
            op.create_index(str(index.name), "log_lines", [column.name for column in index.columns])
    else:
        op.drop_constraint("pk_log_lines", "log_lines", type_="primary")
        op.create_primary_key("pk_log_lines", "log_lines", key)
    for name, columns_of_index in made.items():
        op.create_index(name, "log_lines", columns_of_index)
