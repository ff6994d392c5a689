"""``quinta admin role``: roles over the server with levels, as the quarantine's users have them (contract dq0 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quinta.cli.admin_desk import Desk, Email, Form, print_row, print_rows, run
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.core.access.base_roles import make_base_roles
from quinta.core.access.references import Reference
from quinta.core.access.server_roles import ServerRoles
from quinta.core.pages import MOST_ON_PAGE, Paging

role = typer.Typer(no_args_is_help=True, help="Roles over the server: who administers the quarantine, owns data in it.")

RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="admin, owner, user, or one that was made.")]


@role.command("list")
def role_list(data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Show the roles, with the level that each has where nothing else is granted."""

    async def work(desk: Desk) -> list[Mapping[str, Any]]:
        page = await (await _roles(desk)).find(None, Paging(limit=MOST_ON_PAGE))
        return [{"number": item.number, "name": item.name, "level": item.level} for item in page.items]

    print_rows(("number", "name", "level"), run(data, work), output)


@role.command("give")
def role_give(name: RoleName, email: Email, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Give an account a role."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        await (await _roles(desk)).give_to_user(None, Reference(name=name), Reference(name=email))
        return {"role": name, "given": email}

    print_row(run(data, work), output)


@role.command("take")
def role_take(name: RoleName, email: Email, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Take a role from an account."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        await (await _roles(desk)).take_from_user(None, Reference(name=name), Reference(name=email))
        return {"role": name, "taken": email}

    print_row(run(data, work), output)


async def _roles(desk: Desk) -> ServerRoles:
    await make_base_roles(desk.database, desk.clock)
    return ServerRoles(desk.database, desk.clock)
