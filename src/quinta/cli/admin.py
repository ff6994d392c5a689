"""``quinta admin``: the operators' words (design 4). A running server notices what they change within a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quinta.cli import audit
from quinta.cli.admin_applications import application
from quinta.cli.admin_clients import client
from quinta.cli.admin_desk import Desk, Email, Form, print_row, run
from quinta.cli.admin_groups import group
from quinta.cli.admin_roles import role
from quinta.cli.admin_runs import run as run_words
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.core.access.references import Reference
from quinta.core.tenancy.organizations import NewOrganization, Organizations
from quinta.core.tenancy.people import People

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Accounts, keys, organizations, groups, roles, runs, clients, applications, audit trail of a data folder.",
)
user = typer.Typer(no_args_is_help=True, help="Accounts.")
key = typer.Typer(no_args_is_help=True, help="Keys.")
organization = typer.Typer(no_args_is_help=True, help="Organizations.")
app.add_typer(user, name="user")
app.add_typer(key, name="key")
app.add_typer(organization, name="organization")
app.add_typer(client, name="client")
app.add_typer(group, name="group")
app.add_typer(role, name="role")
app.add_typer(run_words, name="run")
app.add_typer(application, name="application")
app.add_typer(audit.app, name="audit")


@user.command("create")
def user_create(
    email: Email,
    password: Annotated[str, typer.Option(help="8 to 128 characters.")],
    staff: Annotated[bool, typer.Option("--staff", help="May administer the whole server.")] = False,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Open an active account."""

    async def work(desk: Desk) -> Mapping[str, str]:
        made = await desk.administration.create_user(email, password, staff=staff)
        return {"id": made.id, "email": made.email}

    print_row(run(data, work), output)


@user.command("approve")
def user_approve(email: Email, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Activate an account that waits for confirmation."""

    async def work(desk: Desk) -> Mapping[str, str]:
        approved = await desk.administration.approve_user(email)
        return {"id": approved.id, "email": approved.email}

    print_row(run(data, work), output)


@user.command("forget-devices")
def user_forget_devices(email: Email, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Let an account of the quarantine log in from another device: its next login binds it anew."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        forgotten = await People(desk.database, desk.clock).forget_devices(None, Reference(name=email))
        return {"email": email, "forgotten": forgotten}

    print_row(run(data, work), output)


@key.command("create")
def key_create(
    owner: Annotated[str, typer.Option("--user", help="The account's e-mail.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    permissions: Annotated[
        str, typer.Option(help="What it may be used for, apart by commas: read, write, deploy, or * for everything.")
    ] = "*",
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Make a key; its secret is printed last, and only now."""

    async def work(desk: Desk) -> Mapping[str, str]:
        wanted = [word.strip() for word in permissions.split(",") if word.strip()]
        secret = await desk.administration.create_key(owner, name, permissions=wanted)
        return {"name": name, "user": owner, "permissions": ",".join(wanted), "key": secret}

    print_row(run(data, work), output)


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

    async def work(desk: Desk) -> Mapping[str, str]:
        actor = await desk.administration.actor(administrator)
        new = NewOrganization(name, subscription, subscription_agreed=True)
        made = await Organizations(desk.database, desk.clock).create(actor, new)
        return {"id": made.id, "name": made.name}

    print_row(run(data, work), output)
