"""The command ``dq0``: its words, and how it ends."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from quinta.cli.dq0 import data, model, project, proxy, query, server, user
from quinta.cli.dq0.desk import Failure
from quinta.cli.version2.render import visible

app = typer.Typer(
    name="dq0",
    help="Private data in the quarantine of a DQ0 server: projects, training and queries from your own computer.",
    epilog="First: dq0 proxy add, dq0 user register, and dq0 user login once an administrator has confirmed you.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for name, group in (
    ("server", server.app),
    ("proxy", proxy.app),
    ("user", user.app),
    ("project", project.app),
    ("data", data.app),
    ("model", model.app),
):
    app.add_typer(group, name=name)
app.command("query")(query.query)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dq0 {version('quinta')}")
        raise typer.Exit


@app.callback()
def dq0(
    program_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Private data in the quarantine of a DQ0 server: projects, training and queries from your own computer."""


def main() -> None:
    """Entry point of the console script: one line on standard error when it fails, with 1, or 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")  # a terminal may not know all characters that names have
    try:
        sys.exit(app(standalone_mode=False, prog_name="dq0"))
    except Failure as failure:
        code, message = 1, str(failure)
    except TyperException as wrong:
        code, message = wrong.exit_code, wrong.format_message()
        if not message:  # no command was given: its help is printed
            sys.exit(code)
        context = getattr(wrong, "ctx", None)
        if context is not None:
            message = f"{message} (see '{context.command_path} --help')"
    except typer.Abort:
        code, message = 1, "nothing was done"
    except OSError as error:  # of standard output: what reads files and calls servers makes Failures
        code, message = 1, f"the output cannot be written: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001  # an answer of another form than the interface's, or a mistake here
        code, message = 1, f"no answer as the interface gives them ({type(error).__name__}: {error})"
    typer.echo(f"dq0: {visible(message)}", err=True)
    sys.exit(code)
