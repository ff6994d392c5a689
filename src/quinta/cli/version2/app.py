"""The command ``version2``: its words, and how it ends."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from quinta.cli.version2 import (
    auth,
    configuration,
    doctor,
    init,
    keys,
    observation,
    projects,
    releases,
    render,
    workspaces,
)
from quinta.cli.version2.failures import Failure
from quinta.cli.version2.settings import Given, Output
from quinta.cli.version2.words import flowing, shown

_FIRST_STEPS = (
    "version2 auth login --api-url https://quinta.example.com",
    "version2 init Shop",
    "version2 deploy --version v1 --wait",
    "version2 rollback --wait",
)
_ENVIRONMENT = """Environment: VERSION2_API_KEY, VERSION2_API_URL, VERSION2_WORKSPACE, VERSION2_CONFIG_FILE,
VERSION2_OUTPUT, VERSION2_DEBUG; the same with VERSIONTWO_ count too.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 configuration, 4 network, 5 authentication, 6 permission."""


def _names(name: str, *others: str) -> list[str]:
    return [f"{prefix}_{each}" for each in (name, *others) for prefix in ("VERSION2", "VERSIONTWO")]


app = typer.Typer(
    name="version2",
    help="Projects and their releases on a VersionTwo server: roll out, watch, roll back.",
    epilog=f"{shown(_FIRST_STEPS)}\n\n{flowing(_ENVIRONMENT)}",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for each in (init, releases, observation, doctor):
    each.add_to(app)
for name, group in (
    ("auth", auth.app),
    ("project", projects.app),
    ("workspace", workspaces.app),
    ("keys", keys.app),
    ("config", configuration.app),
):
    app.add_typer(group, name=name)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"version2 {version('quinta')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def version2(
    context: typer.Context,
    output: Annotated[
        Output | None,
        typer.Option("--output", "-o", envvar=_names("OUTPUT"), show_envvar=False, help="How to print data."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No messages but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show each call to the server.")] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar=_names("DEBUG"), show_envvar=False, help="Like --verbose, and a trace of what went wrong."
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            envvar=_names("CONFIG_FILE", "CONFIG"),
            show_envvar=False,
            help="The global file, else ~/.versiontwo/config.yaml.",
        ),
    ] = None,
    api_url: Annotated[
        str | None,
        typer.Option(
            "--api-url", envvar=_names("API_URL"), show_envvar=False, help="The server, such as http://127.0.0.1:8000."
        ),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option(
            "--workspace", envvar=_names("WORKSPACE"), show_envvar=False, help="Id or name of the workspace to work in."
        ),
    ] = None,
    # Here for its variable. As a flag other users of the machine would see the key in the list of processes.
    api_key: Annotated[str | None, typer.Option("--api-key", envvar=_names("API_KEY"), hidden=True)] = None,
    program_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Projects and their releases on a VersionTwo server: roll out, watch, roll back."""
    context.obj = Given(output, quiet, verbose, debug, config, api_url, workspace, api_key)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Entry point of the console script: one line on standard error and the code of the table when it fails."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")  # a terminal may not know all characters that names have
    try:
        sys.exit(app(standalone_mode=False, prog_name="version2"))
    except Failure as failure:
        code, message = int(failure.code), failure.message
    except TyperException as wrong:
        code, message = wrong.exit_code, wrong.format_message().replace("Value error, ", "")
        context = getattr(wrong, "ctx", None)
        if context is not None:
            message = f"{message} (see '{context.command_path} --help')"
    except typer.Abort:
        code, message = 1, "nothing was changed"
    except OSError as error:  # of standard output: what reads files and calls the server makes Failures
        code, message = 1, f"the output cannot be written: {error.strerror or error}"
    except Exception as error:  # noqa: BLE001  # an answer of another form than the interface's, or a mistake here
        kind = type(error).__name__
        code, message = 1, f"no answer as the interface gives them ({kind}: {error}); --debug shows where"
    typer.echo(f"version2: {render.visible(message)}", err=True)
    sys.exit(code)
