"""What every command works with: settings, the server, and how to speak with the person."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from quinta.cli.version2 import render
from quinta.cli.version2.api import Api, path
from quinta.cli.version2.documents import SECRET_MODE
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.settings import Files, Given, Output, Scope, Setting, effective

_PREFIXES = {"projects": "proj_", "workspaces": "ws_"}


class Desk:
    """One run of the command."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.files = Files(given.config, Path())

    @cached_property
    def settings(self) -> Mapping[str, Setting]:
        """All that is set; write files only after reading this."""
        return effective(self.given, self.files)

    def setting(self, key: str) -> Any:
        """The value that holds, or None."""
        found = self.settings.get(key)
        return found.value if found is not None else None

    @property
    def output(self) -> Output:
        return Output(self.setting("output"))

    @cached_property
    def api(self) -> Api:
        """The server, with the key; raises Failure (AUTHENTICATION) without one."""
        if not self.setting("api.key"):
            raise Failure(
                ExitCode.AUTHENTICATION,
                "there is no API key; run 'version2 auth login', or set VERSION2_API_KEY",
            )
        self._warn_of_readable_key()
        return self.api_with(self.setting("api.key"))

    def api_with(self, key: str | None) -> Api:
        """The server, with another key or none."""
        if key is not None and (not key.isascii() or not key.isprintable() or " " in key):
            raise Failure(ExitCode.AUTHENTICATION, "the API key has characters that no key has; copy it again")
        return Api(self.setting("api.endpoint"), key, self.say, self.trace, f"version2/{version('quinta')}")

    def say(self, message: str) -> None:
        """A message for the person, on standard error; none with --quiet."""
        if not self.given.quiet:
            typer.echo(render.visible(message), err=True)

    def trace(self, message: str) -> None:
        """What --verbose and --debug show."""
        if self.given.verbose or self.given.debug:
            typer.echo(render.visible(message), err=True)

    def show_list(self, wrapper: str, items: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
        """A list as the server wraps it, or as a table; ``empty`` says in words that there is nothing."""
        if self.output is not Output.TABLE:
            render.print_value({wrapper: items}, self.output)
        elif items:
            render.print_table(columns, items)
        else:
            self.say(empty)

    def show(self, item: Mapping[str, Any]) -> None:
        """One object as the server gave it, or a line for each of its values."""
        if self.output is Output.TABLE:
            render.print_object(item)
        else:
            render.print_value(item, self.output)

    def confirm(self, question: str, yes: bool, *, scripts: bool = False) -> None:
        """Returns when ``yes`` was given or the person agrees; without a terminal only if ``scripts`` may go on.

        Raises Failure: GENERAL when the person does not agree, USAGE when nobody can be asked.
        """
        if yes or (scripts and not is_terminal()):
            return
        if not is_terminal():
            raise Failure(ExitCode.USAGE, f"{question} Nobody can be asked here: add --yes")
        if not typer.confirm(question, err=True):
            raise Failure(ExitCode.GENERAL, "nothing was changed")

    def project(self, wanted: str | None) -> str:
        """The id of the project that ``wanted`` (an id or a name) or else the project file tells of.

        Raises Failure: USAGE when neither does, GENERAL when there is no project of that name.
        """
        named = wanted or self.setting("project_id") or self.setting("name")
        if named is None:
            raise Failure(
                ExitCode.USAGE,
                "which project? Give --project ID or NAME, or run 'version2 init' in the project's folder",
            )
        if wanted is not None:
            return self.find("projects", wanted)
        found = self.find_named("projects", named)
        if found is None:
            raise Failure(ExitCode.GENERAL, f"you have no project named {named!r} yet; 'version2 deploy' makes it")
        return found

    def workspace(self, wanted: str | None = None) -> str | None:
        """The id of the workspace that is ``wanted`` or set, or None."""
        wanted = wanted or self.setting("workspace.default")
        return None if wanted is None else self.find("workspaces", wanted)

    def find(self, kind: str, wanted: str) -> str:
        """The id of the project or workspace with that id or name; raises Failure (GENERAL) when there is none."""
        found = self.find_named(kind, wanted)
        if found is None:
            noun = kind.removesuffix("s")
            raise Failure(ExitCode.GENERAL, f"you have no {noun} named {wanted!r}; see 'version2 {noun} list'")
        return found

    def find_named(self, kind: str, wanted: str) -> str | None:
        """Like ``find``, but None when there is none."""
        if wanted.startswith(_PREFIXES[kind]):
            return wanted
        for page in self.api.each_page(path(kind), kind):
            for item in page:
                if item["name"] == wanted.strip():
                    return str(item["id"])
        return None

    def save_account(self) -> None:
        """Writes the global file, for its owner's eyes only."""
        self.files[Scope.GLOBAL].save(SECRET_MODE)

    def _warn_of_readable_key(self) -> None:
        source = self.files[Scope.GLOBAL].source
        if source is not None and self.settings["api.key"].source == str(source) and others_may_read(source):
            self.say(f"others on this machine may read the key in {source}; run 'version2 doctor --fix'")


def is_terminal() -> bool:
    """Whether a person can be asked: they see standard error and type on standard input."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def others_may_read(file: Path) -> bool:
    """Whether the file's mode lets anybody but its owner in."""
    return bool(file.stat().st_mode & 0o077)
