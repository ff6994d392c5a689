"""What all of ``quinta admin`` stands on: the data folder's database and files, and how answers are printed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from quinta.cli.options import Output
from quinta.cli.tables import table
from quinta.core.errors import QuintaError
from quinta.core.tenancy.administration import Administration
from quinta.core.tenancy.subscriptions import seed_subscriptions
from quinta.kit.clock import Clock, SystemClock
from quinta.settings import Settings, SettingsError, read_settings
from quinta.storage.database import Database
from quinta.storage.errors import UrlRefused
from quinta.storage.migrate import DatabaseRefused
from quinta.storage.passwords import Argon2Passwords

T = TypeVar("T")

Form = Annotated[Output, typer.Option("--output", help="How to print the answer.")]
Email = Annotated[str, typer.Argument(help="The account's e-mail.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """What an operator's word works on."""

    settings: Settings
    database: Database
    clock: Clock

    @property
    def administration(self) -> Administration:
        return Administration(self.database, self.clock, Argon2Passwords())


def run(data: Path, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Runs ``work`` on the data folder; exits with 1 and one clear line when it fails."""

    async def at_desk() -> T:
        settings, clock = read_settings(data), SystemClock()
        database = Database(settings.database_url, clock)
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        await database.start()
        try:
            await seed_subscriptions(database)
            return await work(Desk(settings, database, clock))
        finally:
            await database.close()

    try:
        return asyncio.run(at_desk())
    except (QuintaError, SettingsError, UrlRefused, DatabaseRefused, OSError) as error:
        typer.echo(f"quinta: {error}", err=True)
        raise typer.Exit(1) from None


def print_row(row: Mapping[str, Any], output: Output) -> None:
    """One thing: a line for each of its values."""
    if output is Output.JSON:
        typer.echo(json.dumps(row))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {_cell(value)}")


def print_rows(headers: Sequence[str], rows: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Several things, all with the values ``headers``: a table, or a JSON array."""
    if output is Output.JSON:
        typer.echo(json.dumps(rows))
        return
    typer.echo(table(headers, [[_cell(row[name]) for name in headers] for row in rows]))


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} ({what})" for name, what in value.items()) or "-"
    return "-" if value is None else str(value)
