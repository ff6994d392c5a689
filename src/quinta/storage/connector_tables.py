"""Connectors, credentials and their verification."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from quinta.storage.columns import identity, lease, metadata, moment, parent, text

credentials = Table(
    "credentials",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("name"),
    text("type"),
    text("configuration"),
    text("status"),
    text("error_message"),
    moment("created_at"),
    moment("updated_at"),
    text("reason", nullable=True),
    UniqueConstraint("project_id", "name"),
)

connectors = Table(
    "connectors",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("name"),
    text("type"),
    Column("credentials_id", String, ForeignKey("credentials.id"), nullable=False),  # in use: stays
    text("configuration"),
    text("input_type"),
    text("input_fields"),
    text("status"),
    text("error_message"),
    moment("created_at"),
    moment("updated_at"),
    text("reason", nullable=True),
    UniqueConstraint("project_id", "name"),
    Index(None, "credentials_id"),
)

verifications = Table(
    "verifications",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("credentials_id", "credentials", nullable=True),
    parent("connector_id", "connectors", nullable=True),
    text("status"),
    moment("created_at"),
    moment("updated_at"),
    *lease(),
    Index(None, "project_id"),
    Index(None, "credentials_id"),
    Index(None, "connector_id"),
)
