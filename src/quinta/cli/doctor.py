"""``quinta doctor``: looks whether a server can work on this host, and says what to do. It changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from quinta.cli.checks.database import check_database
from quinta.cli.checks.finding import Finding, Level, failure
from quinta.cli.checks.folder import check_folder
from quinta.cli.checks.host import check_clock, check_open_files, check_port, check_time_zones, check_user
from quinta.cli.checks.isolation import check_isolation
from quinta.cli.checks.software import check_software
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.engine.observation.status_socket import NotListening, ask
from quinta.settings import Settings, SettingsError, read_settings

_PATIENCE_SECONDS = 5.0

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    data: DataFolder = DEFAULT_DATA,
    host: Annotated[str, typer.Option(help="Address that the server would listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port that the server would listen on.", min=0, max=65_535)] = 8000,
    index: Annotated[
        bool, typer.Option("--index", help="Ask the package index too: the only call to the outside.")
    ] = False,
    output: Annotated[Output, typer.Option("--output", help="How to print what was found.")] = Output.TABLE,
) -> None:
    """Check this host and say what to do; changes nothing. Exit code: 1 when a check failed, else 0."""
    findings = _look(data, host, port, index=index)
    if output is Output.JSON:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        typer.echo(_text(findings))
    raise typer.Exit(int(any(finding.level is Level.FAILURE for finding in findings)))


def _look(data: Path, host: str, port: int, *, index: bool) -> list[Finding]:
    try:
        settings = read_settings(data)
    except SettingsError as error:
        return [failure("settings", str(error), "docs/operating.md has a table of all settings")]
    checks: dict[str, Callable[[], Iterable[Finding]]] = {
        "sandbox": lambda: check_isolation(required=settings.require_sandbox),
        "host": lambda: [check_user(), check_open_files(), check_clock(), check_time_zones()],
        "data folder": lambda: check_folder(settings),
        "database": lambda: asyncio.run(check_database(settings.database_url)),
        "software": lambda: check_software(settings, index=index),
        "port": lambda: [check_port(host, port, _server(settings))],
    }
    findings: list[Finding] = []
    for name, check in checks.items():
        try:
            findings += check()
        except OSError as error:
            findings.append(failure(name, f"could not be checked: {error}", "repair what the sentence names"))
    return findings


def _server(settings: Settings) -> Mapping[str, Any] | None:
    """What the server that runs on the data folder says of itself."""
    try:
        return ask(settings.data, _PATIENCE_SECONDS)["server"]  # type: ignore[no-any-return]
    except (NotListening, OSError, ValueError):
        return None


def _text(findings: list[Finding]) -> str:
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<7}  {finding.check:<{width}}  {finding.said}")
        if finding.advice:
            lines.append(f"{'':<7}  {'':<{width}}  -> {finding.advice}")
    counted = Counter(finding.level for finding in findings)
    summary = ", ".join(f"{counted[level]} {level}" for level in Level)
    return "\n".join([*lines, "", summary])
