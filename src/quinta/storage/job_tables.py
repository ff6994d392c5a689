"""Applications, clients, repositories and jobs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, UniqueConstraint, false

from quinta.storage.columns import identity, lease, metadata, moment, number, parent, text

applications = Table(
    "applications",
    metadata,
    identity(),
    parent("organization_id", "organizations"),
    parent("project_id", "projects"),
    parent("model_id", "models"),
    Column("version_id", String, ForeignKey("model_versions.id", ondelete="SET NULL"), nullable=True),
    text("name"),
    number("time_limit_seconds"),
    moment("created_at"),
    UniqueConstraint("organization_id", "name"),
    Index(None, "project_id"),
    Index(None, "model_id"),
    Index(None, "version_id"),
)

clients = Table(
    "clients",
    metadata,
    identity(),
    parent("organization_id", "organizations"),
    parent("application_id", "applications"),
    parent("project_id", "projects"),
    text("name"),
    moment("created_at"),
    UniqueConstraint("application_id", "name"),
    UniqueConstraint("project_id"),
    Index(None, "organization_id"),
)

client_members = Table(
    "client_members",
    metadata,
    identity(),
    parent("client_id", "clients"),
    parent("user_id", "users"),
    text("group"),
    UniqueConstraint("client_id", "user_id"),
    Index(None, "user_id"),
)

repositories = Table(
    "repositories",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("number"),
    text("params", nullable=True),
    text("metadata"),
    text("files"),
    text("archive_key", nullable=True),
    text("created_by"),
    moment("created_at"),
    Column("is_going", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("number"),
    Index(None, "project_id", "number"),
)

jobs = Table(
    "jobs",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("repository_id", "repositories"),
    parent("application_id", "applications"),
    text("number"),
    text("params"),
    text("metadata"),
    text("overlay_key", nullable=True),
    text("status"),
    text("created_by"),
    moment("created_at"),
    moment("updated_at"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    text("result", nullable=True),
    text("output_key", nullable=True),
    text("logs_key", nullable=True),
    text("error_message", nullable=True),
    text("reason", nullable=True),
    *lease(),
    UniqueConstraint("number"),
    Index(None, "project_id"),
    Index(None, "repository_id", "id"),
    Index(None, "application_id"),
)

blobs = Table(
    "blobs",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("file_name"),
    text("content_type"),
    number("size"),
    text("object_key"),
    number("ttl_seconds"),
    moment("created_at"),
    moment("expires_at"),
    Index(None, "project_id", "created_at"),
    Index(None, "expires_at"),
)
