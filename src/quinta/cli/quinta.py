"""The command ``quinta``: serving, and the operators' words."""

from __future__ import annotations

from typing import Annotated

import typer

from quinta.cli.admin import admin
from quinta.cli.doctor import doctor
from quinta.cli.options import DEFAULT_DATA, DataFolder
from quinta.cli.serve import serve_forever
from quinta.cli.status import status

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="A server for a team's private data, models and jobs."
)
app.add_typer(admin, name="admin")
app.command()(status)
app.command()(doctor)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65_535)] = 8000,
    data: DataFolder = DEFAULT_DATA,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to start when a protection for user code is missing.")
    ] = False,
) -> None:
    """Start the server; it is ready when GET /health answers 200."""
    serve_forever(data, host, port, require_sandbox=require_sandbox)


def main() -> None:
    """Entry point of the console script."""
    app()
