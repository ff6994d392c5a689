"""Pipelines, what they are made of, and batch requests to them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from quinta.storage.columns import identity, lease, metadata, moment, parent, text

pipelines = Table(
    "pipelines",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("name"),
    text("description"),
    text("input_type"),
    text("input_fields"),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("project_id", "name"),
)

pipeline_objects = Table(
    "pipeline_objects",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("pipeline_id", "pipelines"),
    text("name"),
    Column("version_id", String, ForeignKey("model_versions.id"), nullable=True),  # in use: stays
    Column("connector_id", String, ForeignKey("connectors.id"), nullable=True),  # in use: stays
    UniqueConstraint("pipeline_id", "name"),
    Index(None, "project_id"),
    Index(None, "version_id"),
    Index(None, "connector_id"),
)

attachments = Table(
    "attachments",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("pipeline_id", "pipelines"),
    parent("source_id", "pipeline_objects", nullable=True),
    parent("destination_id", "pipeline_objects"),
    text("mapping"),
    UniqueConstraint("pipeline_id", "source_id", "destination_id"),
    Index(None, "project_id"),
    Index(None, "source_id"),
    Index(None, "destination_id"),
)

plans = Table(
    "plans",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("pipeline_id", "pipelines"),
    text("pipeline_name"),
    text("objects"),
    text("links"),
    text("fields"),
    Index(None, "project_id"),
    Index(None, "pipeline_id"),
)

pipeline_requests = Table(
    "pipeline_requests",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("pipeline_id", "pipelines"),
    parent("plan_id", "plans"),
    text("status"),
    text("data"),
    text("error_message", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    text("reason", nullable=True),
    Index(None, "pipeline_id", "id"),
    Index(None, "project_id", "status"),
    Index(None, "plan_id"),
)

object_results = Table(
    "object_results",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("pipeline_request_id", "pipeline_requests"),
    text("object_name"),
    text("data"),
    text("result", nullable=True),
    text("error_message", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    text("reason", nullable=True),
    Index(None, "project_id"),
    Index(None, "pipeline_request_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("pipeline_request_id", "pipeline_requests"),
    text("plan_id"),
    text("object_name"),
    text("connector_id"),  # no foreign key: one whose connector is gone fails into the log
    text("source_request_id", nullable=True),
    text("data"),
    text("status"),
    moment("created_at"),
    moment("updated_at"),
    *lease(),
    Index(None, "project_id"),
    Index(None, "pipeline_request_id"),
)
