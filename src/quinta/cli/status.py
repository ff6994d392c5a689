"""``quinta status``: what the server on a data folder does at this moment, or what its database says without it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.cli.tables import duration, size, table
from quinta.core.errors import QuintaError
from quinta.engine.observation.status_socket import NotListening, ask
from quinta.engine.observation.stored import stored
from quinta.kit.clock import SystemClock
from quinta.settings import Settings, SettingsError, read_settings
from quinta.storage.database import Database
from quinta.storage.errors import UrlRefused
from quinta.storage.inspection import SchemaState, inspect
from quinta.storage.migrate import DatabaseRefused

_NOT_RUNNING = 3
"""The exit code that init scripts use for a program that does not run (LSB, "status")."""
_PATIENCE_SECONDS = 30.0
_CLEAR = "\x1b[H\x1b[2J"

app = typer.Typer(add_completion=False)


@app.command()
def status(
    data: DataFolder = DEFAULT_DATA,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again until interrupted.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two looks of --watch.", min=0.2)] = 2.0,
    output: Annotated[
        Output, typer.Option("--output", help="How to print it; json is one line a look.")
    ] = Output.TABLE,
) -> None:
    """Show what the server does. Exit code: 0 when one runs, 3 when none does, 1 when that cannot be told."""
    code = _show(data, output, clear=watch)
    try:
        while watch:
            time.sleep(interval)
            code = _show(data, output, clear=True)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    raise typer.Exit(code)


def _show(data: Path, output: Output, *, clear: bool) -> int:
    """Prints one look; the exit code for it."""
    try:
        document = _document(read_settings(data))
    except (QuintaError, SettingsError, UrlRefused, DatabaseRefused, SQLAlchemyError, OSError, ValueError) as error:
        typer.echo(f"quinta: {str(error).splitlines()[0]}", err=True)
        return 1
    if output is Output.JSON:
        typer.echo(json.dumps(document))
    else:
        typer.echo((_CLEAR if clear and os.isatty(1) else "") + "\n\n".join(_sections(document)))
    return 0 if document["server"] is not None else _NOT_RUNNING


def _document(settings: Settings) -> Mapping[str, Any]:
    """The running server's document, else one with what the database says and ``server`` None.

    TimeoutError when a server holds the folder and does not answer."""
    try:
        return ask(settings.data, _PATIENCE_SECONDS)
    except TimeoutError:
        raise TimeoutError(
            f"the server on {settings.data} does not answer within {_PATIENCE_SECONDS:.0f} seconds: its event loop "
            "stands still or the machine is overloaded; see its log"
        ) from None
    except NotListening:
        holder = _holder(settings.data)
        return {"server": None, "starting_or_stopping": holder, "versions": None, **asyncio.run(_stored(settings))}


async def _stored(settings: Settings) -> dict[str, Any]:
    """What the database says; nothing is made or changed."""
    found = await inspect(settings.database_url)
    if found.state is not SchemaState.CURRENT:
        return {"schema": found.state, "queues": None, "builds": None, "connectors": None}
    clock = SystemClock()
    database = Database(settings.database_url, clock)
    try:
        async with database.read() as work:
            return {"schema": found.state, **await stored(work, clock.now())}
    finally:
        await database.close()


def _holder(data: Path) -> int | None:
    """The process that holds the folder's lock without answering: it starts or stops. Found without touching the lock,
    which would make a start that happens just now fail."""
    try:
        process = int((data / "lock").read_text())
        number = (data / "lock").stat().st_ino
        locks = Path("/proc/locks").read_text().splitlines()
    except (OSError, ValueError):
        return None
    # 1: FLOCK  ADVISORY  WRITE 4711 fe:00:123456 0 EOF
    held = (line.split() for line in locks)
    return process if any(f[4] == str(process) and f[5].endswith(f":{number}") for f in held if len(f) > 5) else None


def _sections(document: Mapping[str, Any]) -> Iterator[str]:
    if document["server"] is not None:
        yield _server(document["server"])
        yield _versions(document["versions"])
    elif document["starting_or_stopping"] is not None:
        yield f"A server (process {document['starting_or_stopping']}) is starting or stopping on this data folder."
    else:
        yield "No server runs on this data folder."
    if document["queues"] is None:
        yield _why_nothing(document)
        return
    yield _queues(document["queues"])
    if document["builds"]:
        yield _builds(document["builds"])
    yield _connectors(document["connectors"])


def _server(server: Mapping[str, Any]) -> str:
    rows = {
        "server": f"Quinta {server['version']} at {server['address']}",
        "process": f"{server['process']}, Python {server['python']}",
        "running for": duration(server["uptime_seconds"]),
        "data": server["data"],
        "database": server["database"],
        "sandbox": server["sandbox"],
        "uses": f"{size(server['memory_bytes'])} memory, {duration(server['processor_seconds'])} of processor time, "
        f"{server['open_files']} of {server['most_open_files']} open files",
        "instances": f"hold {size(server['instance_memory_held_bytes'])} of "
        f"{size(server['instance_memory_limit_bytes'])} memory",
        "event loop": f"at most {duration(server['event_loop_worst_lag_seconds'])} late in the last minute",
        "log": f"{server['log_lines_buffered']} lines wait to be stored, {server['log_lines_dropped']} were dropped",
    }
    width = max(map(len, rows))
    lines = [f"{name:<{width}}  {value}" for name, value in rows.items()]
    return "\n".join([*lines, *(f"missing protection: {sentence}" for sentence in server["missing_protections"])])


def _versions(versions: list[Mapping[str, Any]]) -> str:
    if not versions:
        return "No version has run since the start."
    headers = (
        "version",
        "start",
        "ready",
        "busy",
        "stop",
        "queue",
        "batch",
        "requests",
        "failed",
        "p50",
        "p95",
        "starts",
        "deaths",
    )
    rows = [
        (
            f"{row['project']}/{row['model']}/{row['version']}",
            *(
                row[state]
                for state in ("starting", "ready", "busy", "stopping", "waiting", "batch_pending", "requests")
            ),
            sum(row["failures"].values()),
            duration(row["p50_seconds"]),
            duration(row["p95_seconds"]),
            row["starts"],
            row["deaths"],
        )
        for row in versions
    ]
    errors = [
        f"{row['project']}/{row['model']}/{row['version']}{' (crash-looping)' if row['crash_looping'] else ''}: "
        f"{row['last_error']}"
        for row in versions
        if row["last_error"]
    ]
    errors += [
        f"{row['project']}/{row['model']}/{row['version']} waits: {row['obstacle']}"
        for row in versions
        if row["obstacle"]
    ]
    return "\n".join([table(headers, rows), *errors])


def _queues(queues: list[Mapping[str, Any]]) -> str:
    headers = ("queue", "pending", "processing", "oldest", "oldest lease", "lapsed")
    return table(
        headers,
        [
            (
                row["queue"].replace("_", " "),
                row["pending"],
                row["processing"],
                duration(row["oldest_seconds"]),
                duration(row["oldest_lease_seconds"]),
                row["lapsed_leases"],
            )
            for row in queues
        ],
    )


def _builds(builds: list[Mapping[str, Any]]) -> str:
    rows = [
        (f"{row['project']}/{row['model']}/{row['version']}", row["status"], duration(row["seconds"])) for row in builds
    ]
    return table(("build of", "status", "for"), rows)


def _connectors(connectors: Mapping[str, Any]) -> str:
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in connectors["by_status"].items())
    failed = [f"failed: {row['project']}/{row['connector']}" for row in connectors["failed"]]
    return "\n".join([f"connectors  {counted}", *failed])


def _why_nothing(document: Mapping[str, Any]) -> str:
    if document["server"] is not None:
        return "The database does not answer: queues, builds and connectors are not known. See the server's log."
    return {
        SchemaState.ABSENT: "There is no database yet: the first start of a server makes it.",
        SchemaState.OLDER: "The database has an older schema: the next start of a server brings it up to date.",
        SchemaState.NEWER: "The database was written by a newer Quinta: use that one.",
    }[SchemaState(document["schema"])]
