"""What a database's error means in the core's words."""

from __future__ import annotations

import re

from sqlalchemy import Table, UniqueConstraint
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from quinta.core.errors import AlreadyExists, NotFound, QuintaError, StateConflict, Unavailable
from quinta.storage.tables import TABLES, metadata

_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT"})
_FULL = frozenset({"SQLITE_FULL", "53100"})
_DISK = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
_UNIQUE = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505"})
_FOREIGN_KEY = frozenset({"SQLITE_CONSTRAINT_FOREIGNKEY", "23503"})
_UNAVAILABLE_CLASSES = ("08", "53", "57")  # PostgreSQL: connection, resources, operator intervention and time-outs
_UNAVAILABLE_STATES = frozenset({"40001", "40P01", "55P03"})  # serialisation, deadlock, lock time-out
_PARENTS = ("organization_id", "project_id", "model_id", "version_id", "user_id", "owner_id")


class UrlRefused(ValueError):
    """A URL that names nothing this Quinta can use. The message is for the operator and never repeats the URL, which
    may hold a password."""


def translate(error: Exception) -> QuintaError | None:
    """The core's error for a database's, or None where it is nothing that could be expected (a bug)."""
    if isinstance(error, PoolTimeout):
        return Unavailable("the database is busy: no connection became free in time; try again")
    if isinstance(error, OSError):
        return Unavailable(f"the database cannot be reached: {error}")
    if not isinstance(error, DBAPIError):
        return None
    code = _code(error)
    if code in _UNIQUE:
        return _already_exists(error)
    if code in _FOREIGN_KEY:
        return _foreign_key(error)
    if code in _FULL:
        return no_space()
    if code.startswith(_DISK):
        return Unavailable(f"the disk of the database fails ({code}): nothing was stored; tell the operator")
    if error.connection_invalidated or code in _BUSY or code in _UNAVAILABLE_STATES:
        return Unavailable("the database is busy or has closed the connection; try again")
    if code.startswith(_UNAVAILABLE_CLASSES):
        return Unavailable("the database cannot do this now; try again")
    return None


def no_space() -> Unavailable:
    """The disk that was to keep something is full."""
    return Unavailable("the server's disk is full: nothing was stored; try again when the operator has made space")


def _code(error: DBAPIError) -> str:
    """SQLite's error name (``SQLITE_BUSY``) or PostgreSQL's SQLSTATE (``55P03``)."""
    original = error.orig
    return getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None) or ""


def _already_exists(error: DBAPIError) -> AlreadyExists:
    table, columns = _broken_rule(str(error.orig))
    named = [column for column in columns if column not in _PARENTS] or columns
    noun = noun_of(table)
    article = "an" if noun[:1] in "aeio" else "a"
    what = f" with this {' and '.join(named)}" if named else ""
    return AlreadyExists(f"{article} {noun}{what} already exists", field=named[0] if named else None)


def _broken_rule(text: str) -> tuple[Table | None, list[str]]:
    """Table and columns: SQLite names these (``models.project_id, models.name``), PostgreSQL the constraint."""
    if found := re.search(r"constraint failed: (\w+\.\w+(?:, \w+\.\w+)*)", text):
        pairs = [part.split(".") for part in found[1].split(", ")]
        return metadata.tables[pairs[0][0]], [column for _, column in pairs]
    found = re.search(r'unique constraint "(\w+)"', text)
    name = found[1] if found else ""
    for table in metadata.tables.values():
        for rule in table.constraints:
            if isinstance(rule, UniqueConstraint) and str(rule.name) == name:
                return table, [column.name for column in rule.columns]
        if name == str(table.primary_key.name):
            return table, [column.name for column in table.primary_key]
    return None, []


def _foreign_key(error: DBAPIError) -> QuintaError:
    """On insert and change the parent is gone; on delete the row is still referred to."""
    if (error.statement or "").lstrip().upper().startswith("DELETE"):
        return StateConflict("this is still in use by something else")
    return NotFound("what this belongs to does not exist any more")


def noun_of(table: Table | None) -> str:
    """What a person calls a row of the table: ``model version``."""
    for kind, its_table in TABLES.items():
        if its_table is table:
            return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower()
    return "row"
