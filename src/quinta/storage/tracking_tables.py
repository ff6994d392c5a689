"""Experiments, runs with what they logged, registered models; commits and the jobs on them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table, UniqueConstraint, false
from sqlalchemy import text as sql

from quinta.core.tracking.model import (
    Artifact,
    Experiment,
    NamedModel,
    NamedVersion,
    RegisteredModel,
    Run,
    RunMetric,
    RunParam,
    RunTag,
)
from quinta.storage.columns import flag, identity, lease, metadata, moment, number, parent, text

experiments = Table(
    "experiments",
    metadata,
    identity(),
    number("number"),
    parent("project_id", "projects"),
    text("name"),
    text("stage"),
    text("created_by", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("number"),
)
_active = sql("stage = 'active'")
Index(
    "ix_experiments_names",
    experiments.c.project_id,
    experiments.c.name,
    unique=True,
    sqlite_where=_active,
    postgresql_where=_active,
)

runs = Table(
    "runs",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("experiment_id", "experiments"),
    text("name"),
    text("status"),
    text("stage"),
    text("created_by", nullable=True),
    moment("started_at"),
    moment("created_at"),
    moment("updated_at"),
    moment("ended_at", nullable=True),
    text("job_id", nullable=True),
    Column("withheld", Boolean, nullable=False, server_default=false()),
    moment("approved_at", nullable=True),
    text("decided", nullable=True),
    Index(None, "project_id", "id"),
    Index(None, "experiment_id", "id"),
)

run_metrics = Table(
    "run_metrics",
    metadata,
    identity(),
    parent("run_id", "runs"),
    text("key"),
    text("value"),
    number("step"),
    number("timestamp"),
    text("source"),
    flag("latest"),
    Index(None, "run_id", "key", "id"),
    Index(None, "run_id", "latest"),
)

run_params = Table(
    "run_params",
    metadata,
    identity(),
    parent("run_id", "runs"),
    text("key"),
    text("value"),
    text("source"),
    UniqueConstraint("run_id", "key"),
)

run_tags = Table(
    "run_tags",
    metadata,
    identity(),
    parent("run_id", "runs"),
    text("key"),
    text("value"),
    text("source"),
    UniqueConstraint("run_id", "key"),
)

artifacts = Table(
    "artifacts",
    metadata,
    identity(),
    parent("run_id", "runs"),
    text("path"),
    text("key"),
    number("size"),
    text("source"),
    moment("created_at"),
    UniqueConstraint("run_id", "path"),
)

registered_models = Table(
    "registered_models",
    metadata,
    identity(),
    parent("project_id", "projects"),
    parent("run_id", "runs"),
    text("name"),
    text("description"),
    text("location"),
    text("permissions"),
    text("checker_status"),
    text("checker_report"),
    text("created_by", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    number("epsilon", nullable=True),
    Column("delta", Double, nullable=True),
    Index(None, "project_id", "id"),
    Index(None, "run_id"),
)

named_models = Table(
    "named_models",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("name"),
    text("description"),
    text("tags"),
    text("aliases"),
    number("newest"),
    text("created_by", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("project_id", "name"),
)

named_versions = Table(
    "named_versions",
    metadata,
    identity(),
    parent("named_model_id", "named_models"),
    parent("model_id", "registered_models"),
    number("number"),
    text("stage"),
    text("tags"),
    moment("updated_at"),
    UniqueConstraint("named_model_id", "number"),
    Index(None, "model_id"),
)

commits = Table(
    "commits",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("name"),
    text("digest"),
    text("archive_key"),
    text("files"),
    text("created_by", nullable=True),
    moment("created_at"),
    text("entry_points"),
    UniqueConstraint("project_id", "digest"),
)

data_jobs = Table(
    "data_jobs",
    metadata,
    identity(),
    parent("project_id", "projects"),
    text("number"),
    text("kind"),
    parent("commit_id", "commits", nullable=True),
    parent("model_id", "registered_models", nullable=True),
    text("entry_point"),
    text("params"),
    text("datasets"),
    number("privacy_level"),
    text("status"),
    number("progress"),
    text("created_by", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    moment("cancelled_at", nullable=True),
    text("result", nullable=True),
    text("input_key", nullable=True),
    text("log_key", nullable=True),
    text("error_message", nullable=True),
    text("reason", nullable=True),
    *lease(),
    UniqueConstraint("number"),
    Index(None, "project_id", "id"),
    Index(None, "commit_id"),
    Index(None, "model_id"),
)

TRACKING_TABLES: dict[type, Table] = {
    Artifact: artifacts,
    Experiment: experiments,
    NamedModel: named_models,
    NamedVersion: named_versions,
    RegisteredModel: registered_models,
    Run: runs,
    RunMetric: run_metrics,
    RunParam: run_params,
    RunTag: run_tags,
}
"""Of this room's rows."""
