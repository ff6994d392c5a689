"""``version2 init``: the file that says what a folder deploys."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from quinta.cli.version2.desk import Desk
from quinta.cli.version2.documents import write
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.words import word

LONGEST_NAME = 100

_BASIC = """\
# What 'version2 deploy' rolls out from this folder.
name: {name}
# The release: every model of the project that has a version of this name is rolled to it.
version: "1.0.0"
environment: development
# Sent with every deployment, on top of the project's own configuration.
config:
  scaling:
    min_instances: 1
    max_instances: 2
"""


class Template(StrEnum):
    BASIC = "basic"


def init(
    desk: Desk,
    name: Annotated[str | None, typer.Argument(help="The project's name; else the folder's.", metavar="NAME")] = None,
    path: Annotated[Path, typer.Option("--path", "--dir", help="The project's folder.", file_okay=False)] = Path(),
    template: Annotated[Template, typer.Option(help="What to begin with.")] = Template.BASIC,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write versiontwo.yaml, which names the project, its release and its environment."""
    file = path / "versiontwo.yaml"
    if file.exists() and not force:
        raise Failure(ExitCode.CONFIGURATION, f"{file} is there already; change it, or add --force to replace it")
    name = (name if name is not None else path.resolve().name).strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Failure(
            ExitCode.USAGE, f"a project's name has 1 to {LONGEST_NAME} characters; give one: version2 init NAME"
        )
    write(file, {Template.BASIC: _BASIC}[template].format(name=json.dumps(name, ensure_ascii=False)))
    desk.say(f"wrote {file}; set its version, then run 'version2 deploy --wait'")


def add_to(app: typer.Typer) -> None:
    word(app, "init", "version2 init Shop", "version2 init Shop --path shop")(init)
