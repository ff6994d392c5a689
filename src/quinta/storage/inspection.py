"""Looks at a database without changing it: whether it can be used, and which schema it has."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from quinta.storage.engines import parse_url, writer_and_reader
from quinta.storage.migrate import DatabaseRefused


class SchemaState(StrEnum):
    ABSENT = "absent"  # no database file, or an empty database: the first start makes the schema
    OLDER = "older"  # the next start of a server brings it up to date
    CURRENT = "current"
    NEWER = "newer"  # a newer Quinta wrote it


@dataclass(frozen=True, slots=True)
class Inspection:
    """``version`` is the database server's, or SQLite's; ``clock_seconds`` how far its clock is ahead of ours (0 for
    SQLite, which has none)."""

    state: SchemaState
    revision: str | None
    newest: str
    version: str
    clock_seconds: float = 0.0


async def inspect(database_url: str) -> Inspection:
    """DatabaseRefused when it cannot be reached or opened; storage's UrlRefused for a URL that is none."""
    url = parse_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return Inspection(SchemaState.ABSENT, None, _newest(_script()), "")
    _, engine = writer_and_reader(url)  # the reader refuses every write
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_look)
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise DatabaseRefused(f"the database {url.render_as_string()} cannot be used: {reason}") from error
    finally:
        await engine.dispose()


def _look(connection: Connection) -> Inspection:
    script = _script()
    revision = MigrationContext.configure(connection).get_current_revision()
    ahead = 0.0
    if connection.dialect.name == "postgresql":
        theirs = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
        ahead = float(theirs) - time.time()
    version = ".".join(map(str, connection.dialect.server_version_info or ()))
    return Inspection(_state(script, revision), revision, _newest(script), version, ahead)


def _state(script: ScriptDirectory, revision: str | None) -> SchemaState:
    if revision is None:
        return SchemaState.ABSENT
    if revision == _newest(script):
        return SchemaState.CURRENT
    try:
        script.get_revision(revision)
    except CommandError:
        return SchemaState.NEWER
    return SchemaState.OLDER


def _newest(script: ScriptDirectory) -> str:
    return script.get_current_head() or ""


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)
