"""What a new project's folder holds (contract dq0 3.6): the files of ``template/`` beside this file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

_FILES = resources.files("quinta.gateway") / "template"


def write_template(folder: Path) -> None:
    """Copies the files into ``folder``; OSError where they cannot be written."""
    for file in _FILES.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
