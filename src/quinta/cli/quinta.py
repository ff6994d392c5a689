"""The command ``quinta``: serving, and the operators' words."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_WORDS = ("serve", "status", "doctor", "audit", "admin")
"""Each is a module beside this one, with the command as ``app``."""


class _Words(TyperGroup):
    """Loads only the word that was asked for: the faces and what they stand on take 1 to 3 s of a core, which
    ``quinta admin`` has no use for. The help loads all of them, for the sentence of each."""

    def list_commands(self, ctx: object) -> list[str]:
        return list(_WORDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:
        if cmd_name not in _WORDS:
            return None
        command = typer.main.get_command(import_module(f"quinta.cli.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Words,
    no_args_is_help=True,
    add_completion=False,
    help="A server for a team's private data, models and jobs.",
)


@app.callback()
def quinta() -> None:
    """A server for a team's private data, models and jobs."""


def main() -> None:
    """Entry point of the console script."""
    app()
