"""``quinta admin group``: groups of people, and who is what in them (contract brainstem 10, decision 0025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from quinta.cli.admin_desk import Desk, Email, Form, print_row, print_rows, run
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.core.tenancy.groups import Groups, GroupView
from quinta.core.tenancy.model import GroupLevel

group = typer.Typer(no_args_is_help=True, help="Groups: people who share data records.")

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The group's number.")]


@group.command("create")
def group_create(
    name: Annotated[str, typer.Argument(help="1 to 150 characters; no other group has it.")],
    owner: Annotated[str, typer.Option(metavar="EMAIL", help="The account that owns it.")],
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Make a group; its number is printed last."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        return _row(await _groups(desk).create(await desk.administration.actor(owner), name))

    print_row(run(data, work), output)


@group.command("add")
def group_add(
    number: Number,
    email: Email,
    level: Annotated[GroupLevel, typer.Option(help="What the account is in the group.")] = GroupLevel.MEMBER,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Put an account into a group, at once and without asking it; a member gets the level."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        return _row(await _groups(desk).add(None, number, email, level))

    print_row(run(data, work), output)


@group.command("remove")
def group_remove(number: Number, email: Email, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Take an account out of a group, or back its invitation or request."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        return _row(await _groups(desk).change(None, number, members={email: None}))

    print_row(run(data, work), output)


@group.command("list")
def group_list(data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Show groups with their members."""

    async def work(desk: Desk) -> list[Mapping[str, Any]]:
        return [_row(view) for view in await _groups(desk).find(None)]

    print_rows(("number", "name", "members"), run(data, work), output)


@group.command("delete")
def group_delete(number: Number, data: DataFolder = DEFAULT_DATA, output: Form = Output.TABLE) -> None:
    """Delete a group that no data record lists."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        await _groups(desk).delete(None, number)
        return {"deleted": number}

    print_row(run(data, work), output)


def _groups(desk: Desk) -> Groups:
    return Groups(desk.database, desk.clock)


def _row(view: GroupView) -> Mapping[str, Any]:
    """The number last: scripts take the last word of what ``create`` prints."""
    members = {email: level.value for email, level in view.members}
    return {"name": view.group.name, "members": members, "number": view.group.number}
