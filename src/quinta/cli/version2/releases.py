"""``version2 deploy``, ``status``, ``history`` and ``rollback``."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import typer

from quinta.cli.version2 import render
from quinta.cli.version2.api import path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.failures import ApiFailure, ExitCode, Failure
from quinta.cli.version2.projects import ConfigFile, Environment, config_from, merged
from quinta.cli.version2.settings import Output, Scope, environment_name
from quinta.cli.version2.waiting import DEFAULT_TIMEOUT, Timeout, Wait, finish, reason
from quinta.cli.version2.words import Project, word

_COLUMNS = ("id", "version", "environment", "status", "created_at")
_DEPLOYED = ("completed", "rolled_back")
"""Statuses of deployments that were live once, to which one can go back."""


class Status(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


def deploy(
    desk: Desk,
    release: Annotated[str | None, typer.Option("--version", help="The release; else the one of the file.")] = None,
    environment: Environment = None,
    config_file: ConfigFile = None,
    project: Project = None,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Roll a release out: every model of the project that has a version of that name.

    Name, version, environment and configuration are those of ./versiontwo.yaml where no option says otherwise. A
    project that is not there yet is made. The old release serves until the new one does, and goes on if it fails.
    """
    release = release or desk.setting("version")
    if release is None:
        raise Failure(ExitCode.USAGE, "which version? Give --version, or set it in versiontwo.yaml")
    settings: dict[str, Any] = desk.setting("config") or {}
    config = merged(_with_environment(desk, settings), config_from(config_file, environment, None))
    project_id = desk.project(project) if project is not None else _own_project(desk, settings)
    try:
        made = desk.api.post(path("projects", project_id, "deployments"), {"version": release, "config": config})
    except ApiFailure as failure:
        if failure.status == HTTPStatus.NOT_FOUND and project is None:
            failure.message += f" ({project_id} of the project file; 'version2 config unset project_id' forgets it)"
        raise
    finish(desk, made, wait, timeout)


def rollback(
    desk: Desk,
    deployment: Annotated[
        str | None,
        typer.Argument(
            help="The id of the deployment to return to; else the one before the live one.", metavar="DEPLOYMENT"
        ),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--version", help="Return to the newest deployment of this release.")
    ] = None,
    environment: Environment = None,
    confirm: Annotated[bool, typer.Option("--confirm", "--yes", "-y", help="Do not ask.")] = False,
    project: Project = None,
    wait: Wait = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Return to an earlier deployment: a new one with its version and configuration.

    At a terminal it asks first."""
    if deployment is not None and release is not None:
        raise Failure(ExitCode.USAGE, "give a deployment or --version, not both")
    project_id = desk.project(project)
    target = deployment or _target(desk, project_id, release, environment)
    to = f"to {release or deployment}" if release or deployment else "to the release before the live one"
    desk.confirm(f"Roll back {to}?", confirm, scripts=True)
    finish(desk, desk.api.post(path("projects", project_id, "deployments", target, "rollback"), {}), wait, timeout)


def history(
    desk: Desk,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 20,
    status: Annotated[Status | None, typer.Option("--status", help="Only those with this status.")] = None,
    environment: Environment = None,
    project: Project = None,
) -> None:
    """List a project's deployments, the newest first."""
    items = _deployments(desk, desk.project(project), limit, status=status and status.value, environment=environment)
    desk.show_list("deployments", items, _COLUMNS, "nothing was deployed yet")


def status(desk: Desk, environment: Environment = None, project: Project = None) -> None:
    """Show a project, what is live in it and its newest deployment.

    In JSON and YAML: the objects project, live and newest; live is the newest completed deployment, or null.
    """
    shown = desk.api.get(path("projects", desk.project(project)))
    newest = _first(desk, shown["id"], environment, None)
    live = newest
    if newest is not None and newest["status"] != "completed":
        live = _first(desk, shown["id"], environment, "completed")
    found = {"project": shown, "live": live, "newest": newest}
    if desk.output is not Output.TABLE:
        render.print_value(found, desk.output)
        return
    lines = {"project": shown["name"], "id": shown["id"], **{f"config.{k}": v for k, v in shown["config"].items()}}
    lines["live"] = _sentence(live) if live is not None else "nothing"
    if newest is not None and newest is not live:
        lines["newest"] = _sentence(newest)
    render.print_object(lines)


def _with_environment(desk: Desk, settings: dict[str, Any]) -> dict[str, Any]:
    """The files' configuration: their ``environment`` goes before the one within ``config``."""
    environment = desk.setting("environment")
    return settings if environment is None else {**settings, "environment": environment}


def _first(desk: Desk, project_id: str, environment: str | None, status: str | None) -> dict[str, Any] | None:
    """The whole of the newest deployment; items of the list leave out why it failed."""
    items = _deployments(desk, project_id, 1, status=status, environment=environment)
    return desk.api.get(path("projects", project_id, "deployments", items[0]["id"])) if items else None


def _sentence(deployment: dict[str, Any]) -> str:
    when = deployment.get("finished_at") or deployment["created_at"]
    why = f": {reason(deployment)}" if deployment["status"] == "failed" else ""
    return f"{deployment['version']} ({deployment['id']}, {deployment['status']}, {when}){why}"


def _own_project(desk: Desk, settings: dict[str, Any]) -> str:
    """The project of the folder's file, made when there is none of its name; its id is kept in the file."""
    name = desk.setting("name")
    if desk.setting("project_id") or name is None:
        return desk.project(None)
    project_id = desk.find_named("projects", name)
    if project_id is None:
        body: dict[str, Any] = {"name": name, "config": settings}
        if (workspace_id := desk.workspace()) is not None:
            body["workspace_id"] = workspace_id
        project_id = str(desk.api.post("/projects", body)["id"])
        desk.say(f"made the project {name} ({project_id})")
    file = desk.files[Scope.PROJECT]
    file.set("project_id", project_id)
    file.save()
    return project_id


def _target(desk: Desk, project_id: str, release: str | None, environment: str | None) -> str:
    """The id to roll back: the live deployment (of which the server takes the one before), or the newest of a release.

    Raises Failure (GENERAL) when there is none, or when the release is the live one.
    """
    live = _deployments(desk, project_id, 1, status="completed", environment=environment)
    if not live:
        raise Failure(ExitCode.GENERAL, "nothing is live, so that there is nothing to roll back")
    if release is None:
        return str(live[0]["id"])
    if live[0]["version"] == release:
        raise Failure(ExitCode.GENERAL, f"{release} is live already")
    for each in _deployments(desk, project_id, None, environment=environment):
        if each["version"] == release and each["status"] in _DEPLOYED:
            return str(each["id"])
    raise Failure(ExitCode.GENERAL, f"no completed deployment has version {release}; see 'version2 history'")


def _deployments(
    desk: Desk, project_id: str, most: int | None, *, status: str | None = None, environment: str | None = None
) -> list[dict[str, Any]]:
    query = {"status": status, "environment": None if environment is None else environment_name(environment)}
    return desk.api.pages(path("projects", project_id, "deployments"), "deployments", query, most)


def add_to(app: typer.Typer) -> None:
    word(app, "deploy", "version2 deploy --wait", "version2 deploy --version v2 --env staging --project Shop")(deploy)
    word(app, "status", "version2 status --env production")(status)
    word(app, "history", "version2 history --status failed")(history)
    word(app, "rollback", "version2 rollback --wait", "version2 rollback --version v1 --yes")(rollback)
