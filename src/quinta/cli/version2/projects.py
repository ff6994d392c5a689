"""``version2 project``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from quinta.cli.version2.api import path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.documents import plain, read
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.settings import environment_name
from quinta.cli.version2.words import Workspace, Yes, word

app = typer.Typer(help="Make, show, change and delete projects.")

Wanted = Annotated[str, typer.Argument(help="The project's id or name.", metavar="PROJECT")]
Environment = Annotated[str | None, typer.Option("--environment", "--env", help="Such as development or production.")]
Region = Annotated[str | None, typer.Option(help="Any text, such as us-west-2.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config-file", help="YAML or JSON with more configuration.", dir_okay=False, exists=True),
]


@word(app, "list")
def list_(desk: Desk, workspace: Workspace = None) -> None:
    """List the projects that the key may see, the newest first."""
    items = desk.api.pages("/projects", "projects", {"workspace_id": desk.workspace(workspace)})
    desk.show_list("projects", items, ("id", "name", "created_at", "updated_at"), "there are no projects")


@word(app, "get")
def get(desk: Desk, project: Wanted) -> None:
    """Show a project with its configuration."""
    desk.show(desk.api.get(path("projects", desk.find("projects", project))))


@word(app, "create", "version2 project create Shop --env production")
def create(
    desk: Desk,
    name: Annotated[str, typer.Argument(help="1 to 100 characters.", metavar="NAME")],
    environment: Environment = None,
    region: Region = None,
    config_file: ConfigFile = None,
    workspace: Workspace = None,
) -> None:
    """Make a project."""
    body: dict[str, Any] = {"name": name, "config": config_from(config_file, environment, region)}
    if (workspace_id := desk.workspace(workspace)) is not None:
        body["workspace_id"] = workspace_id
    desk.show(desk.api.post("/projects", body))


@word(
    app, "update", "version2 project update Shop --name Store", "version2 project update Shop --config-file config.yaml"
)
def update(
    desk: Desk,
    project: Wanted,
    name: Annotated[str | None, typer.Option("--name", help="Its new name.")] = None,
    environment: Environment = None,
    region: Region = None,
    config_file: ConfigFile = None,
    into: Annotated[str | None, typer.Option("--into", help="Id or name of the workspace that it belongs to.")] = None,
) -> None:
    """Change what is given; what a configuration file leaves out stays, and null in it removes."""
    body: dict[str, Any] = {} if name is None else {"name": name}
    if config := config_from(config_file, environment, region):
        body["config"] = config
    if into is not None:
        body["workspace_id"] = desk.find("workspaces", into)
    if not body:
        raise Failure(
            ExitCode.USAGE, "nothing to change: give --name, --environment, --region, --into or --config-file"
        )
    desk.show(desk.api.patch(path("projects", desk.find("projects", project)), body))


@word(app, "delete")
def delete(desk: Desk, project: Wanted, yes: Yes = False) -> None:
    """Remove a project with its deployments, logs, metrics, webhooks and models."""
    project_id = desk.find("projects", project)
    desk.confirm(f"Delete the project {project} and all that is in it?", yes)
    desk.api.delete(path("projects", project_id))
    desk.say(f"deleted {project}")


def config_from(file: Path | None, environment: str | None, region: str | None) -> dict[str, Any]:
    """The configuration that the options say; raises Failure (CONFIGURATION) for a file that cannot be sent."""
    config: dict[str, Any] = {} if file is None else plain(read(file).data, str(file))
    if environment is not None:
        config["environment"] = environment_name(environment)
    if region is not None:
        config["region"] = region
    return config


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``below`` with what ``above`` says on top, object by object, as the server merges."""
    found = dict(below)
    for name, value in above.items():
        under = found.get(name)
        found[name] = merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return found
