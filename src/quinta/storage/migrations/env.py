"""Alembic's entry: runs revisions on the connection, and in the transaction, that storage.migrate hands over."""

from __future__ import annotations

from alembic import context

from quinta.storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
