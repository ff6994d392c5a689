"""Workspaces, deployments, webhooks with their deliveries, and windows of rate limits."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, UniqueConstraint
from sqlalchemy import text as sql

from quinta.storage.columns import identity, lease, metadata, moment, number, parent, text

workspaces = Table(
    "workspaces",
    metadata,
    identity(),
    parent("organization_id", "organizations"),
    text("name"),
    text("config"),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("organization_id", "name"),
)

deployments = Table(
    "deployments",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("version"),
    text("environment"),
    text("status"),
    text("config"),
    text("created_by", nullable=True),  # no foreign key: who is gone has done it all the same
    moment("created_at"),
    moment("updated_at"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    text("error_message", nullable=True),
    text("reason", nullable=True),
    text("rollback_of", nullable=True),
    text("replaces", nullable=True),
    *lease(),
    Index(None, "project_id", "id"),
)
_in_flight = sql("status IN ('pending', 'in_progress')")
Index(
    "ix_deployments_in_flight",
    deployments.c.project_id,
    deployments.c.environment,
    unique=True,
    sqlite_where=_in_flight,
    postgresql_where=_in_flight,
)

webhooks = Table(
    "webhooks",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("url"),
    text("events"),
    text("secret"),
    moment("created_at"),
    Index(None, "project_id"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    identity(),
    parent("webhook_id", "webhooks"),
    parent("project_id", "projects"),
    text("event_id"),
    text("event"),
    text("body"),
    text("status"),
    moment("created_at"),
    moment("updated_at"),
    number("tries"),
    number("response_status", nullable=True),
    text("error_message", nullable=True),
    text("reason", nullable=True),
    moment("delivered_at", nullable=True),
    *lease(),
    UniqueConstraint("webhook_id", "event_id"),
    Index(None, "webhook_id", "id"),
    Index(None, "project_id"),
)

rate_windows = Table(
    "rate_windows",
    metadata,
    Column("subject", String, primary_key=True),
    moment("opened_at"),
    number("used"),
    Index(None, "opened_at"),
)
"""How many calls a key, or an address with bad keys, has made in its window: shared by all servers on a database."""
