"""Datasets, roles with levels, experiments and runs, commits and their jobs."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
INDEXES = (
    ("datasets", "owner_id"),
    ("budget_charges", "dataset_id", "id"),
    ("masks", "dataset_id"),
    ("masks", "user_id"),
    ("thresholds", "dataset_id"),
    ("thresholds", "user_id"),
    ("dataset_attachments", "dataset_id"),
    ("role_holders", "group_id"),
    ("role_holders", "user_id"),
    ("role_grants", "kind", "object_id"),
    ("device_keys", "user_id"),
    ("sealed_calls", "seen_at"),
    ("runs", "experiment_id", "id"),
    ("runs", "project_id", "id"),
    ("run_metrics", "run_id", "key", "id"),
    ("run_metrics", "run_id", "latest"),
    ("registered_models", "project_id", "id"),
    ("registered_models", "run_id"),
    ("named_versions", "model_id"),
    ("data_jobs", "commit_id"),
    ("data_jobs", "model_id"),
    ("data_jobs", "project_id", "id"),
)
PARTIAL = (
    ("ix_datasets_names", "datasets", ["name"], "deleted_at IS NULL", True),
    ("ix_experiments_names", "experiments", ["project_id", "name"], "stage = 'active'", True),
    ("ix_data_jobs_leased", "data_jobs", ["lease_expires_at"], "status = 'started'", False),
    ("ix_data_jobs_waiting", "data_jobs", ["id"], "status = 'queued'", False),
)
TABLES = (
    "data_jobs",
    "commits",
    "named_versions",
    "named_models",
    "registered_models",
    "artifacts",
    "run_tags",
    "run_params",
    "run_metrics",
    "runs",
    "experiments",
    "sealed_calls",
    "server_keys",
    "device_keys",
    "user_profiles",
    "role_grants",
    "role_holders",
    "platform_roles",
    "dataset_attachments",
    "thresholds",
    "masks",
    "budget_charges",
    "privacy_budgets",
    "datasets",
)
"""Of this revision, those that refer to others first."""


def upgrade() -> None:
    _create_datasets()
    _create_dataset_entries()
    _create_roles()
    _create_people()
    _create_tracking()
    _create_run_entries()
    _create_registry()
    _create_commits()
    for table, *names in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, names)
    for name, table, columns, condition, unique in PARTIAL:
        where = sa.text(condition)
        op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
    op.add_column("projects", _text("experiment_id", nullable=True))
    with op.batch_alter_table("users") as users:
        users.add_column(_number("number", nullable=True))
        users.add_column(_moment("disabled_at", nullable=True))
        users.create_unique_constraint("uq_users_number", ["number"])
    _number_users()


def _number_users() -> None:
    """People get numbers in the order of their ids, which is that of their creation."""
    people = sa.table("users", sa.column("id"), sa.column("number"), sa.column("project_id"))
    numbers = sa.table("numbers", sa.column("name"), sa.column("last"))
    connection = op.get_bind()
    rows = connection.execute(sa.select(people.c.id).where(people.c.project_id.is_(None)).order_by(people.c.id))
    ids = list(rows.scalars())
    for number, user_id in enumerate(ids, 1):
        connection.execute(people.update().where(people.c.id == user_id).values(number=number))
    if ids:
        connection.execute(numbers.insert().values(name="users", last=len(ids)))


def _create_datasets() -> None:
    op.create_table(
        "datasets",
        _id(),
        _number("number"),
        _text("name"),
        _parent("owner_id", "users"),
        _text("kind"),
        _text("description"),
        _text("meta"),
        _number("privacy_level"),
        _number("size"),
        _text("permissions"),
        _text("mean"),
        _text("deviation"),
        _text("statistics"),
        _text("sample"),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("deleted_at", nullable=True),
        _text("commit_id", nullable=True),
        _text("project_id", nullable=True),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "privacy_budgets",
        _id(),
        _parent("dataset_id", "datasets"),
        _number("initial"),
        _number("current"),
        _number("interval_days", nullable=True),
        _moment("refilled_at"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("dataset_id"),
    )


def _create_dataset_entries() -> None:
    op.create_table(
        "budget_charges",
        _id(),
        _parent("dataset_id", "datasets"),
        _text("job_id"),
        _text("user_id", nullable=True),
        _number("amount"),
        sa.Column("delta", sa.Double(), nullable=False),
        _text("state"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("job_id", "dataset_id"),
    )
    op.create_table(
        "masks",
        _id(),
        _parent("dataset_id", "datasets"),
        _parent("user_id", "users", nullable=True),
        _text("hidden"),
        _text("private"),
        _text("public"),
        _moment("created_at"),
        _moment("updated_at"),
    )
    op.create_table(
        "thresholds",
        _id(),
        _parent("dataset_id", "datasets"),
        _parent("user_id", "users", nullable=True),
        _text("column_name"),
        _number("threshold"),
        _moment("created_at"),
        _moment("updated_at"),
    )
    op.create_table(
        "dataset_attachments",
        _id(),
        _parent("project_id", "projects"),
        _parent("dataset_id", "datasets"),
        _moment("created_at"),
        sa.UniqueConstraint("project_id", "dataset_id"),
    )


def _create_roles() -> None:
    op.create_table(
        "platform_roles",
        _id(),
        _number("number"),
        _text("name"),
        _number("level"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "role_holders",
        _id(),
        _parent("role_id", "platform_roles"),
        _parent("user_id", "users", nullable=True),
        _parent("group_id", "groups", nullable=True),
        _number("place"),
        sa.UniqueConstraint("role_id", "group_id"),
        sa.UniqueConstraint("role_id", "user_id"),
    )
    op.create_table(
        "role_grants",
        _id(),
        _parent("role_id", "platform_roles"),
        _text("kind"),
        _text("object_id"),
        _number("level"),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("role_id", "kind", "object_id"),
    )


def _create_people() -> None:
    op.create_table(
        "user_profiles",
        _id(),
        _parent("user_id", "users"),
        _text("name"),
        _text("public_email"),
        _text("avatar"),
        _text("company"),
        _text("location"),
        _text("website"),
        sa.UniqueConstraint("user_id"),
    )
    op.create_table(
        "device_keys",
        _id(),
        _parent("user_id", "users"),
        _text("device"),
        _text("public_key"),
        _moment("created_at"),
        _moment("revoked_at", nullable=True),
        sa.UniqueConstraint("public_key"),
    )
    op.create_table(
        "sealed_calls",
        _id(),
        _moment("seen_at"),
    )
    op.create_table(
        "server_keys",
        _id(),
        _text("sealed"),
        _moment("created_at"),
    )


def _create_tracking() -> None:
    op.create_table(
        "experiments",
        _id(),
        _number("number"),
        _parent("project_id", "projects"),
        _text("name"),
        _text("stage"),
        _text("created_by", nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "runs",
        _id(),
        _parent("project_id", "projects"),
        _parent("experiment_id", "experiments"),
        _text("name"),
        _text("status"),
        _text("stage"),
        _text("created_by", nullable=True),
        _moment("started_at"),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("ended_at", nullable=True),
        _text("job_id", nullable=True),
        sa.Column("withheld", sa.Boolean(), nullable=False, server_default=sa.false()),
        _moment("approved_at", nullable=True),
        _text("decided", nullable=True),
    )
    op.create_table(
        "run_metrics",
        _id(),
        _parent("run_id", "runs"),
        _text("key"),
        _text("value"),
        _number("step"),
        _number("timestamp"),
        _text("source"),
        sa.Column("latest", sa.Boolean(), nullable=False),
    )


def _create_run_entries() -> None:
    op.create_table(
        "run_params",
        _id(),
        _parent("run_id", "runs"),
        _text("key"),
        _text("value"),
        _text("source"),
        sa.UniqueConstraint("run_id", "key"),
    )
    op.create_table(
        "run_tags",
        _id(),
        _parent("run_id", "runs"),
        _text("key"),
        _text("value"),
        _text("source"),
        sa.UniqueConstraint("run_id", "key"),
    )
    op.create_table(
        "artifacts",
        _id(),
        _parent("run_id", "runs"),
        _text("path"),
        _text("key"),
        _number("size"),
        _text("source"),
        _moment("created_at"),
        sa.UniqueConstraint("run_id", "path"),
    )


def _create_registry() -> None:
    op.create_table(
        "registered_models",
        _id(),
        _parent("project_id", "projects"),
        _parent("run_id", "runs"),
        _text("name"),
        _text("description"),
        _text("location"),
        _text("permissions"),
        _text("checker_status"),
        _text("checker_report"),
        _text("created_by", nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        _number("epsilon", nullable=True),
        sa.Column("delta", sa.Double(), nullable=True),
    )
    op.create_table(
        "named_models",
        _id(),
        _parent("project_id", "projects"),
        _text("name"),
        _text("description"),
        _text("tags"),
        _text("aliases"),
        _number("newest"),
        _text("created_by", nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        "named_versions",
        _id(),
        _parent("named_model_id", "named_models"),
        _parent("model_id", "registered_models"),
        _number("number"),
        _text("stage"),
        _text("tags"),
        _moment("updated_at"),
        sa.UniqueConstraint("named_model_id", "number"),
    )


def _create_commits() -> None:
    op.create_table(
        "commits",
        _id(),
        _parent("project_id", "projects"),
        _text("name"),
        _text("digest"),
        _text("archive_key"),
        _text("files"),
        _text("created_by", nullable=True),
        _moment("created_at"),
        _text("entry_points"),
        sa.UniqueConstraint("project_id", "digest"),
    )
    op.create_table(
        "data_jobs",
        _id(),
        _parent("project_id", "projects"),
        _text("number"),
        _text("kind"),
        _parent("commit_id", "commits", nullable=True),
        _parent("model_id", "registered_models", nullable=True),
        _text("entry_point"),
        _text("params"),
        _text("datasets"),
        _number("privacy_level"),
        _text("status"),
        _number("progress"),
        _text("created_by", nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("started_at", nullable=True),
        _moment("finished_at", nullable=True),
        _moment("cancelled_at", nullable=True),
        _text("result", nullable=True),
        _text("input_key", nullable=True),
        _text("log_key", nullable=True),
        _text("error_message", nullable=True),
        _text("reason", nullable=True),
        _text("lease_token", nullable=True),
        _moment("lease_expires_at", nullable=True),
        _number("attempts"),
        sa.UniqueConstraint("number"),
    )


def downgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.drop_constraint("uq_users_number", type_="unique")
        users.drop_column("number")
        users.drop_column("disabled_at")
    op.drop_column("projects", "experiment_id")
    op.execute("DELETE FROM numbers WHERE name IN ('users', 'datasets', 'platform_roles', 'experiments')")
    for table in TABLES:
        op.drop_table(table)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, MOMENT, nullable=nullable)
