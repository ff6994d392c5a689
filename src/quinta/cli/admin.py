"""``quinta admin``: the operators' words (design 4). A running server notices what they change within a second."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.core.errors import QuintaError
from quinta.core.tenancy.administration import Administration
from quinta.core.tenancy.organizations import NewOrganization, Organizations
from quinta.core.tenancy.subscriptions import seed_subscriptions
from quinta.kit.clock import SystemClock
from quinta.settings import SettingsError, read_settings
from quinta.storage.database import Database
from quinta.storage.errors import UrlRefused
from quinta.storage.migrate import DatabaseRefused
from quinta.storage.passwords import Argon2Passwords

T = TypeVar("T")


Form = Annotated[Output, typer.Option("--output", help="How to print what was made.")]
Email = Annotated[str, typer.Argument(help="The account's e-mail.")]

admin = typer.Typer(no_args_is_help=True, help="Accounts, keys and organizations, on the server's own data folder.")
user = typer.Typer(no_args_is_help=True, help="Accounts.")
key = typer.Typer(no_args_is_help=True, help="Keys.")
organization = typer.Typer(no_args_is_help=True, help="Organizations.")
admin.add_typer(user, name="user")
admin.add_typer(key, name="key")
admin.add_typer(organization, name="organization")


@user.command("create")
def user_create(
    email: Email,
    password: Annotated[str, typer.Option(help="8 to 128 characters.")],
    staff: Annotated[bool, typer.Option("--staff", help="May administer the whole server.")] = False,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Open an active account."""

    async def work(database: Database) -> Mapping[str, str]:
        made = await _administration(database).create_user(email, password, staff=staff)
        return {"id": made.id, "email": made.email}

    _print(_run(data, work), output)


@user.command("approve")
def user_approve(email: Email, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Activate an account that waits for confirmation."""

    async def work(database: Database) -> Mapping[str, str]:
        approved = await _administration(database).approve_user(email)
        return {"id": approved.id, "email": approved.email}

    _print(_run(data, work), output)


@key.command("create")
def key_create(
    owner: Annotated[str, typer.Option("--user", help="The account's e-mail.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Make a key; its secret is printed last, and only now."""

    async def work(database: Database) -> Mapping[str, str]:
        secret = await _administration(database).create_key(owner, name)
        return {"name": name, "user": owner, "key": secret}

    _print(_run(data, work), output)


@organization.command("create")
def organization_create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and dashes.")],
    administrator: Annotated[
        str | None,
        typer.Option("--admin", help="E-mail of who administers it; else the first staff account."),
    ] = None,
    subscription: Annotated[str, typer.Option(help="The plan that sets its limits.")] = "professional",
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Make an organization."""

    async def work(database: Database) -> Mapping[str, str]:
        actor = await _administration(database).actor(administrator)
        new = NewOrganization(name, subscription, subscription_agreed=True)
        made = await Organizations(database, SystemClock()).create(actor, new)
        return {"id": made.id, "name": made.name}

    _print(_run(data, work), output)


def _administration(database: Database) -> Administration:
    return Administration(database, SystemClock(), Argon2Passwords())


def _run(data: Path, work: Callable[[Database], Awaitable[T]]) -> T:
    """Runs ``work`` on the data folder's database; exits with 1 and one clear line when it fails."""

    async def run() -> T:
        settings = read_settings(data)
        database = Database(settings.database_url, SystemClock())
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        await database.start()
        try:
            await seed_subscriptions(database)
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except (QuintaError, SettingsError, UrlRefused, DatabaseRefused, OSError) as error:
        typer.echo(f"quinta: {error}", err=True)
        raise typer.Exit(1) from None


def _print(row: Mapping[str, str], output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(row))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {value}")
