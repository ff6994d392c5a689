"""``version2 workspace``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quinta.cli.version2.api import path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.projects import ConfigFile, Environment, Region, config_from
from quinta.cli.version2.settings import Scope
from quinta.cli.version2.words import Yes, word

app = typer.Typer(help="Make, show, choose and delete workspaces, which group projects.")

Wanted = Annotated[str, typer.Argument(help="The workspace's id or name.", metavar="WORKSPACE")]


@word(app, "list")
def list_(desk: Desk) -> None:
    """List the workspaces that the key may see, the newest first."""
    items = desk.api.pages("/workspaces", "workspaces")
    desk.show_list("workspaces", items, ("id", "name", "created_at"), "there are no workspaces")


@word(app, "get")
def get(desk: Desk, workspace: Wanted) -> None:
    """Show a workspace with its configuration."""
    desk.show(desk.api.get(path("workspaces", desk.find("workspaces", workspace))))


@word(app, "create")
def create(
    desk: Desk,
    name: Annotated[str, typer.Argument(help="1 to 100 characters.", metavar="NAME")],
    environment: Environment = None,
    region: Region = None,
    config_file: ConfigFile = None,
) -> None:
    """Make a workspace."""
    body: dict[str, Any] = {"name": name, "config": config_from(config_file, environment, region)}
    desk.show(desk.api.post("/workspaces", body))


@word(app, "delete")
def delete(desk: Desk, workspace: Wanted, yes: Yes = False) -> None:
    """Remove a workspace without projects."""
    workspace_id = desk.find("workspaces", workspace)
    desk.confirm(f"Delete the workspace {workspace}?", yes)
    desk.api.delete(path("workspaces", workspace_id))
    desk.say(f"deleted {workspace}")


@word(app, "switch", "version2 workspace switch Team")
def switch(desk: Desk, workspace: Wanted) -> None:
    """Work in a workspace from now on: it is kept in the global file as workspace.default."""
    workspace_id = desk.find("workspaces", workspace)
    account = desk.files[Scope.GLOBAL]
    account.set("workspace.default", workspace_id)
    desk.save_account()
    desk.say(f"working in {workspace} from now on ({account.path})")
    elsewhere = desk.settings.get("workspace.default")
    if elsewhere is not None and elsewhere.source not in (str(account.path), str(account.source)):
        desk.say(f"but here {elsewhere.value} from {elsewhere.source} goes before it")
