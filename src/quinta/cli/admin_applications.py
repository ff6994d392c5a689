"""``quinta admin application``: what an organization's clients can run (docs/applications.md, decision 0022)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from quinta.cli.admin_desk import Desk, Form, print_row, print_rows, run
from quinta.cli.options import DEFAULT_DATA, DataFolder, Output
from quinta.cli.shipped import ShippedApplication, shipped_applications, write_package
from quinta.core.models.application_packages import NewPackage
from quinta.core.models.applications import (
    DEFAULT_TIME_LIMIT_SECONDS,
    Applications,
    ApplicationView,
    NewApplication,
)
from quinta.engine.builds.archive import check_is_zip
from quinta.storage.objects import open_objects

application = typer.Typer(no_args_is_help=True, help="Applications: what jobs of an organization's clients run.")

_HEADERS = ("organization", "application", "runs", "status", "time_limit_seconds", "clients")
_AVAILABLE = "available to add"


@application.command("add")
def application_add(
    organization: Annotated[str, typer.Argument(help="The organization's name.")],
    name: Annotated[str, typer.Argument(help="The name by which clients call it.")],
    package: Annotated[Path | None, typer.Option("--zip", metavar="FILE", help="A package to build.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="PROJECT/MODEL", help="A model that is there, instead of a package.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version of the model; else its live one.")] = None,
    time_limit: Annotated[int, typer.Option(help="Seconds that one run may take.")] = DEFAULT_TIME_LIMIT_SECONDS,
    memory: Annotated[int, typer.Option(help="Megabytes that a run of a package gets.")] = 2_048,
    language: Annotated[str, typer.Option(help="The language of a package.")] = "python3.8",
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Add an application, or change what the one of this name runs."""
    if (package is None) == (model is None):
        raise typer.BadParameter("give either --zip FILE or --model PROJECT/MODEL")
    if version is not None and model is None:
        raise typer.BadParameter("--version goes with --model")
    new = NewApplication(organization, name, time_limit)

    async def work(desk: Desk) -> Mapping[str, Any]:
        applications = _applications(desk)
        if package is not None:
            made = await applications.add_package(new, NewPackage(package, package.name, memory, language))
        else:
            made = await applications.add_model(new, model or "", version)
        return _row(made)

    print_row(run(data, work), output)


@application.command("list")
def application_list(
    organization: Annotated[str | None, typer.Argument(help="Only those of this organization.")] = None,
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Show applications, and last those that come with Quinta and that nobody here has added yet."""

    async def work(desk: Desk) -> list[Mapping[str, Any]]:
        found = await _applications(desk).find(organization)
        present = {view.name for view in found}
        shipped = [item for item in shipped_applications().values() if item.name not in present]
        return [_row(view) for view in found] + [_shipped_row(item) for item in shipped]

    print_rows(_HEADERS, run(data, work), output)


@application.command("remove")
def application_remove(
    organization: Annotated[str, typer.Argument(help="The organization's name.")],
    name: Annotated[str, typer.Argument(help="The application's name.")],
    data: DataFolder = DEFAULT_DATA,
    output: Form = Output.TABLE,
) -> None:
    """Remove an application that has no clients. Its model stays in its project."""

    async def work(desk: Desk) -> Mapping[str, Any]:
        await _applications(desk).remove(organization, name)
        return {"organization": organization, "removed": name}

    print_row(run(data, work), output)


async def add_shipped(desk: Desk, organization: str, shipped: ShippedApplication) -> None:
    """Adds an application that comes with Quinta."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "package.zip"
        write_package(shipped, path)
        new = NewApplication(organization, shipped.name, shipped.time_limit_seconds)
        package = NewPackage(path, f"{shipped.folder.name}.zip", shipped.memory_megabytes)
        await _applications(desk).add_package(new, package)


def _applications(desk: Desk) -> Applications:
    return Applications(desk.database, open_objects(desk.settings.storage_url), desk.clock, check_is_zip)


def _row(view: ApplicationView) -> Mapping[str, Any]:
    return {
        "organization": view.organization,
        "application": view.name,
        "runs": f"{view.project}/{view.model}" + (f"/{view.version}" if view.version else ""),
        "status": view.status,
        "time_limit_seconds": view.time_limit_seconds,
        "clients": view.clients,
    }


def _shipped_row(shipped: ShippedApplication) -> Mapping[str, Any]:
    return {
        "organization": None,
        "application": shipped.name,
        "runs": None,
        "status": _AVAILABLE,
        "time_limit_seconds": shipped.time_limit_seconds,
        "clients": 0,
    }
