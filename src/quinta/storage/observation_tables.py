"""What was observed: log, metrics, events, and the audit trail."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    true,
)
from sqlalchemy import text as sql

from quinta.storage.columns import ESTIMATE, flag, identity, metadata, moment, number, parent, text

# Ids sort by time and are the last part of each index: a query walks along one of them, in the order of the answer, and
# stops at its limit. On SQLite the rows themselves are kept in the order of the primary key (benchmarks/logs.py).
log_lines = Table(
    "log_lines",
    metadata,
    Column("project_id", String, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    moment("time"),
    text("text"),
    flag("system"),
    text("model_name", nullable=True),
    text("version_name", nullable=True),
    text("request_id", nullable=True),
    text("connector_name", nullable=True),
    text("pipeline_name", nullable=True),
    text("pipeline_object_name", nullable=True),
    text("pipeline_request_id", nullable=True),
    identity(),
    text("level", nullable=True),
    Index(None, "project_id", "request_id", "id", info={ESTIMATE: "10000000 1000000 10 1"}),
    Index(None, "project_id", "model_name", "id", info={ESTIMATE: "10000000 1000000 100000 1"}),
    sqlite_with_rowid=False,
    info={ESTIMATE: "10000000 1000000 1"},
)
Index(  # few lines are the platform's own
    "ix_log_lines_system",
    log_lines.c.project_id,
    log_lines.c.id,
    sqlite_where=log_lines.c.system == true(),
    postgresql_where=log_lines.c.system == true(),
    info={ESTIMATE: "10000 1000 1"},
)
for _level in ("warn", "error"):  # of which there are few too, whatever an application says
    _is = sql(f"level = '{_level}'")
    Index(
        f"ix_log_lines_{_level}",
        log_lines.c.project_id,
        log_lines.c.id,
        sqlite_where=_is,
        postgresql_where=_is,
        info={ESTIMATE: "100000 10000 1"},
    )
for _name in ("pipeline_request_id", "pipeline_name", "connector_name"):  # which most lines have not
    Index(
        f"ix_log_lines_{_name}",
        log_lines.c.project_id,
        log_lines.c[_name],
        log_lines.c.id,
        sqlite_where=log_lines.c[_name].is_not(None),
        postgresql_where=log_lines.c[_name].is_not(None),
        info={ESTIMATE: "1000000 100000 10 1" if _name == "pipeline_request_id" else "1000000 100000 10000 1"},
    )

metric_points = Table(
    "metric_points",
    metadata,
    # No foreign keys to project and object: what they used stays with the organization when they are deleted.
    text("project_id"),
    text("object_type"),
    text("object_id"),
    text("metric"),
    moment("time"),
    Column("value", Double, nullable=False),
    parent("organization_id", "organizations"),
    # Questions are about one metric of a type over a time, seldom about one object: it comes last.
    PrimaryKeyConstraint("project_id", "object_type", "metric", "time", "object_id"),
    Index(None, "organization_id", "object_type", "metric", "time"),
    Index(None, "time"),  # old ones are removed every few minutes
)

compute_notices = Table(
    "compute_notices",
    metadata,
    identity(),
    parent("organization_id", "organizations"),
    Column("month", Date, nullable=False),
    number("gb_seconds"),
    text("kind"),
    moment("created_at"),
    UniqueConstraint("organization_id", "month", "gb_seconds", "kind"),  # said once, also by several servers
)

outbox = Table(
    "outbox",
    metadata,
    # AUTOINCREMENT on SQLite: a number must not be used again after old events were purged.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    text("name"),
    text("subject_id"),
    text("tags"),
    text("actor_id", nullable=True),
    text("project_id", nullable=True),
    moment("time"),
    text("origin"),
    Index(None, "time"),
    sqlite_autoincrement=True,
)

# No foreign keys: an entry outlives what it is about. The trail gives the numbers itself, so that none is left out.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    moment("time"),
    text("actor_id", nullable=True),
    text("actor"),
    text("action"),
    text("subject_id", nullable=True),
    text("subject", nullable=True),
    text("project_id", nullable=True),
    text("organization_id", nullable=True),
    text("description"),
    text("previous"),
    text("digest"),
    Index(None, "project_id", "sequence"),
    Index(None, "subject_id", "sequence"),  # the last name of what is gone
)
