"""``dq0 project``: projects and their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quinta.cli.dq0.desk import Desk, OutputOption, path, say, show
from quinta.cli.options import Output

app = typer.Typer(help="Projects; all but create work in a project's folder.", no_args_is_help=True)


@app.command()
def create(name: Annotated[str, typer.Argument(help="Also the name of the folder that is made here.")]) -> None:
    """Make a project and its folder."""
    say(Desk().post("/projects", {"name": name, "working_dir": str(Path.cwd())}))


@app.command()
def info(output: OutputOption = Output.TABLE) -> None:
    """Show the project."""
    desk = Desk()
    show(desk.get(path("projects", desk.project())), output)


@app.command()
def deploy() -> None:
    """Send the folder to the server as a commit."""
    say(deployed(Desk()))


def deployed(desk: Desk) -> dict[str, str]:
    """Deploys the folder in which the command runs; its message ends with the commit's uuid."""
    return desk.post(path("projects", desk.project(), "deploy"), {"working_dir": str(Path.cwd())})
