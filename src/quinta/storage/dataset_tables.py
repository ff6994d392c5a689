"""Datasets with budgets, masks and thresholds; roles over the server with levels; profiles and devices of users."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Table, UniqueConstraint
from sqlalchemy import text as sql

from quinta.storage.columns import identity, metadata, moment, number, parent, text

datasets = Table(
    "datasets",
    metadata,
    identity(),
    number("number"),
    text("name"),
    parent("owner_id", "users"),
    text("kind"),
    text("description"),
    text("meta"),
    number("privacy_level"),
    number("size"),
    text("permissions"),
    text("mean"),
    text("deviation"),
    text("statistics"),
    text("sample"),
    moment("created_at"),
    moment("updated_at"),
    moment("deleted_at", nullable=True),
    text("commit_id", nullable=True),
    text("project_id", nullable=True),
    UniqueConstraint("number"),
    Index(None, "owner_id"),
)
_there = sql("deleted_at IS NULL")
Index("ix_datasets_names", datasets.c.name, unique=True, sqlite_where=_there, postgresql_where=_there)

privacy_budgets = Table(
    "privacy_budgets",
    metadata,
    identity(),
    parent("dataset_id", "datasets"),
    number("initial"),
    number("current"),
    number("interval_days", nullable=True),
    moment("refilled_at"),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("dataset_id"),
)

budget_charges = Table(
    "budget_charges",
    metadata,
    identity(),
    parent("dataset_id", "datasets"),
    text("job_id"),  # no foreign key: the ledger outlives what it was spent on
    text("user_id", nullable=True),
    number("amount"),
    Column("delta", Double, nullable=False),
    text("state"),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("job_id", "dataset_id"),
    Index(None, "dataset_id", "id"),
)

masks = Table(
    "masks",
    metadata,
    identity(),
    parent("dataset_id", "datasets"),
    parent("user_id", "users", nullable=True),
    *map(text, ("hidden", "private", "public")),
    moment("created_at"),
    moment("updated_at"),
    Index(None, "dataset_id"),
    Index(None, "user_id"),
)

thresholds = Table(
    "thresholds",
    metadata,
    identity(),
    parent("dataset_id", "datasets"),
    parent("user_id", "users", nullable=True),
    text("column_name"),
    number("threshold"),
    moment("created_at"),
    moment("updated_at"),
    Index(None, "dataset_id"),
    Index(None, "user_id"),
)

dataset_attachments = Table(
    "dataset_attachments",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("dataset_id", "datasets"),
    moment("created_at"),
    UniqueConstraint("project_id", "dataset_id"),
    Index(None, "dataset_id"),
)

platform_roles = Table(
    "platform_roles",
    metadata,
    identity(),
    number("number"),
    text("name"),
    number("level"),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("number"),
    UniqueConstraint("name"),
)

role_holders = Table(
    "role_holders",
    metadata,
    identity(),
    parent("role_id", "platform_roles"),
    parent("user_id", "users", nullable=True),
    parent("group_id", "groups", nullable=True),
    number("place"),
    UniqueConstraint("role_id", "user_id"),
    UniqueConstraint("role_id", "group_id"),
    Index(None, "user_id"),
    Index(None, "group_id"),
)

role_grants = Table(
    "role_grants",
    metadata,
    identity(),
    parent("role_id", "platform_roles"),
    text("kind"),
    text("object_id"),
    number("level"),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("role_id", "kind", "object_id"),
    Index(None, "kind", "object_id"),
)

user_profiles = Table(
    "user_profiles",
    metadata,
    identity(),
    parent("user_id", "users"),
    *map(text, ("name", "public_email", "avatar", "company", "location", "website")),
    UniqueConstraint("user_id"),
)

device_keys = Table(
    "device_keys",
    metadata,
    identity(),
    parent("user_id", "users"),
    text("device"),
    text("public_key"),
    moment("created_at"),
    moment("revoked_at", nullable=True),
    UniqueConstraint("public_key"),
    Index(None, "user_id"),
)

server_keys = Table("server_keys", metadata, identity(), text("sealed"), moment("created_at"))

sealed_calls = Table("sealed_calls", metadata, identity(), moment("seen_at"), Index(None, "seen_at"))
