"""Alembic's entry: runs revisions on the connection, and in the transaction, that storage.migrate hands over."""

from __future__ import annotations

from typing import Any

from alembic import context

from quinta.storage.tables import metadata

connection = context.config.attributes["connection"]


def _belongs_here(item: Any, _name: str | None, _kind: str, _reflected: bool, _compared_to: Any) -> bool:
    """Whether an index is one for this database: ``info`` may say that it is for ``only`` one of them."""
    return bool(item.info.get("only", connection.dialect.name) == connection.dialect.name)


context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    compare_type=True,
    include_object=_belongs_here,
)
with context.begin_transaction():
    context.run_migrations()
