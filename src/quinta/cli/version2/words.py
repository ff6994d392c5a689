"""How a function becomes a command: it takes a Desk and its own parameters; the options that all commands share are
added here, so that they may stand before the command or behind it."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from quinta.cli.version2.desk import Desk
from quinta.cli.version2.settings import Given, Output

P = ParamSpec("P")

_PANEL = "Options of all commands"


def shared(
    output: Annotated[
        Output | None, typer.Option("--output", "-o", help="How to print data.", rich_help_panel=_PANEL)
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No messages but errors.", rich_help_panel=_PANEL)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show each call to the server.", rich_help_panel=_PANEL)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Like --verbose, and a trace of what went wrong.", rich_help_panel=_PANEL)
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="The global file, else ~/.versiontwo/config.yaml.", rich_help_panel=_PANEL),
    ] = None,
    api_url: Annotated[
        str | None, typer.Option("--api-url", help="The server, such as http://127.0.0.1:8000.", rich_help_panel=_PANEL)
    ] = None,
) -> Given:
    """The options that may also stand behind a command, which then hold."""
    return Given(output, quiet, verbose, debug, config, api_url)


def over(first: Given, behind: Given) -> Given:
    """What was said before the command, with what was said behind it on top."""
    said = {each.name: getattr(behind, each.name) for each in fields(Given)}
    return replace(first, **{name: value for name, value in said.items() if value not in (None, False)})


def word(
    app: typer.Typer, name: str, *examples: str
) -> Callable[[Callable[Concatenate[Desk, P], None]], Callable[Concatenate[Desk, P], None]]:
    """Adds the decorated function to ``app`` as the command ``name``; its help ends with the ``examples``."""

    def add(function: Callable[Concatenate[Desk, P], None]) -> Callable[Concatenate[Desk, P], None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        common = list(inspect.signature(shared, eval_str=True).parameters.values())

        def run(context: typer.Context, **values: Any) -> None:
            behind = shared(**{parameter.name: values.pop(parameter.name) for parameter in common})
            given = over(context.obj, behind)
            try:
                function(Desk(given), **values)  # type: ignore[call-arg]
            except Exception:
                if given.debug:
                    traceback.print_exc()
                raise

        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        every = [context, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *common))]
        # typer reads commands' options from their signatures: this is how a decorator hands it more of them.
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in every}
        app.command(name, help=flowing(inspect.getdoc(function) or ""), epilog=shown(examples))(run)
        return function

    return add


def flowing(text: str) -> str:
    """``text`` with one line a paragraph, so that help breaks it where the terminal does."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def shown(examples: Sequence[str]) -> str | None:
    """Examples for the end of a help, a line each; brackets in them are no markup."""
    return "\n".join(("Examples:", *examples)).replace("[", r"\[") if examples else None


Project = Annotated[str | None, typer.Option("--project", help="Id or name; else the one of ./versiontwo.yaml.")]
Workspace = Annotated[str | None, typer.Option("--workspace", help="Id or name; else the one that is set.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
