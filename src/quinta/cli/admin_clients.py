"""``quinta admin client``: clients of applications, who is in them, and groups (contract vbrain 7, decision 0022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quinta.cli.admin_applications import add_shipped
from quinta.cli.admin_desk import Desk, Email, Form, print_row, print_rows, run
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.cli.shipped import shipped_applications
from quinta.core.access.clients import ClientName
from quinta.core.access.model import Actor
from quinta.core.errors import NotFound
from quinta.core.tenancy.clients import Clients, ClientView
from quinta.core.tenancy.model import ClientGroup, OrganizationGroup

client = typer.Typer(no_args_is_help=True, help="Clients: the projects in which an application is used.")

OrganizationName = Annotated[str, typer.Argument(metavar="ORGANIZATION", help="The organization's name.")]
ApplicationName = Annotated[str, typer.Argument(metavar="APPLICATION", help="The application's name.")]
NameOfClient = Annotated[str, typer.Argument(metavar="CLIENT", help="The client's name within the application.")]
OnBehalf = Annotated[
    str | None,
    typer.Option("--as", metavar="EMAIL", help="Whose rights count; without it the operator's, who may do all."),
]


@client.command("create")
def client_create(
    organization: OrganizationName,
    application: ApplicationName,
    name: NameOfClient,
    leader: Annotated[str, typer.Option(metavar="EMAIL", help="The account that leads it.")],
    on_behalf: OnBehalf = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Make a client with its project. An application that ships with Quinta is added first where it is missing."""
    wanted = ClientName(organization, application, name)

    async def work(desk: Desk) -> Mapping[str, Any]:
        clients, actor = await _at(desk, on_behalf)
        try:
            return _row(await clients.create(actor, wanted, leader))
        except NotFound as missing:
            if missing.field != "application_id":
                raise
            shipped = shipped_applications()
            if application not in shipped:
                known = ", ".join(f"'{one}'" for one in shipped)
                raise NotFound(f"{missing.message}: add it first (these come with Quinta: {known})") from None
        await add_shipped(desk, organization, shipped[application])
        return _row(await clients.create(actor, wanted, leader))

    print_row(run(data, work), output)


@client.command("add")
def client_add(
    organization: OrganizationName,
    application: ApplicationName,
    name: NameOfClient,
    email: Email,
    group: Annotated[ClientGroup, typer.Option(help="What the account may do there.")],
    on_behalf: OnBehalf = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Put an account into a group of a client, and into the organization; a member of another group changes."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        clients, actor = await _at(desk, on_behalf)
        return _row(await clients.add(actor, ClientName(organization, application, name), email, group))

    print_row(run(data, work), output)


@client.command("remove")
def client_remove(
    organization: OrganizationName,
    application: ApplicationName,
    name: NameOfClient,
    email: Email,
    on_behalf: OnBehalf = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Take a client away from an account, which stays in the organization."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        clients, actor = await _at(desk, on_behalf)
        return _row(await clients.remove(actor, ClientName(organization, application, name), email))

    print_row(run(data, work), output)


@client.command("list")
def client_list(
    organization: Annotated[str | None, typer.Argument(help="Only those of this organization.")] = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Show clients with their projects and members."""

    async def work(desk: Desk) -> list[Mapping[str, Any]]:
        return [_row(view) for view in await Clients(desk.database, desk.clock).find(organization)]

    print_rows(("organization", "application", "client", "project", "members"), run(data, work), output)


@client.command("delete")
def client_delete(
    organization: OrganizationName,
    application: ApplicationName,
    name: NameOfClient,
    on_behalf: OnBehalf = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Delete a client with its project, repositories and jobs."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        clients, actor = await _at(desk, on_behalf)
        await clients.delete(actor, ClientName(organization, application, name))
        return {"organization": organization, "application": application, "deleted": name}

    print_row(run(data, work), output)


@client.command("rank")
def client_rank(
    organization: OrganizationName,
    email: Email,
    group: Annotated[OrganizationGroup, typer.Option(help="What the account may do with the organization's clients.")],
    on_behalf: OnBehalf = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Put an account into a group of the organization."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        clients, actor = await _at(desk, on_behalf)
        given = await clients.rank(actor, organization, email, group)
        return {"organization": organization, "email": email, "group": given.value}

    print_row(run(data, work), output)


async def _at(desk: Desk, on_behalf: str | None) -> tuple[Clients, Actor | None]:
    actor = None if on_behalf is None else await desk.administration.actor(on_behalf)
    return Clients(desk.database, desk.clock), actor


def _row(view: ClientView) -> Mapping[str, Any]:
    return {
        "organization": view.organization,
        "application": view.application,
        "client": view.client,
        "project": view.project,
        "members": {email: group.value for email, group in view.members},
    }
