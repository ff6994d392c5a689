"""Whether the database can be used, and whether its schema fits."""

from __future__ import annotations

from typing import Final

from quinta.cli.checks.finding import Finding, failure, ok, warning
from quinta.storage.errors import UrlRefused
from quinta.storage.inspection import Inspection, SchemaState, inspect
from quinta.storage.migrate import DatabaseRefused

_MOST_SECONDS_APART: Final = 5.0
"""Leases last 30 seconds and compare the clocks of servers."""


async def check_database(database_url: str) -> list[Finding]:
    try:
        found = await inspect(database_url)
    except UrlRefused as refusal:
        return [failure("database", str(refusal), "set QUINTA_DATABASE_URL right")]
    except DatabaseRefused as refusal:
        return [failure("database", str(refusal), "start the database, or set QUINTA_DATABASE_URL right")]
    except ModuleNotFoundError as error:
        return [
            failure("database", f"the driver {error.name} is not installed", "install quinta with the extra postgres")
        ]
    return [_schema(found), *_clocks(found)]


def _schema(found: Inspection) -> Finding:
    what = f"the database ({found.version})" if found.version else "the database"
    if found.state is SchemaState.ABSENT:
        return ok("database", f"{what} is empty: the first start makes the schema")
    if found.state is SchemaState.OLDER:
        return warning(
            "database",
            f"{what} has schema {found.revision}; this Quinta has {found.newest}",
            "make a backup: the next start brings the schema up to date",
        )
    if found.state is SchemaState.NEWER:
        return failure(
            "database",
            f"{what} has schema {found.revision}, which this Quinta does not know: a newer one wrote it",
            "use that Quinta, or put a backup of the older schema back",
        )
    return ok("database", f"{what} answers and has the newest schema, {found.revision}")


def _clocks(found: Inspection) -> list[Finding]:
    if abs(found.clock_seconds) <= _MOST_SECONDS_APART:
        return []
    return [
        warning(
            "clocks",
            f"the clock of the database's machine is {found.clock_seconds:+.0f} seconds off ours",
            "keep the clocks of all machines right (chrony, systemd-timesyncd)",
        )
    ]
