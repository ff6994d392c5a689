"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


DataFolder = Annotated[
    Path, typer.Option("--data", help="Folder for everything the server keeps.", envvar="QUINTA_DATA", file_okay=False)
]

DEFAULT_DATA = Path("~/.local/share/quinta")
"""Where a server keeps everything when it is told nothing else."""
