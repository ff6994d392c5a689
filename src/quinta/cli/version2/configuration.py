"""``version2 config``: this command's files, and the configuration of a project on the server."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from quinta.cli.version2 import render
from quinta.cli.version2.api import endpoint_of, path
from quinta.cli.version2.desk import Desk
from quinta.cli.version2.documents import SECRET_MODE, Document, plain, value_of
from quinta.cli.version2.failures import ExitCode, Failure
from quinta.cli.version2.settings import FLAT_NAMES, KEYS, Output, Scope, checked, masked
from quinta.cli.version2.validation import problems
from quinta.cli.version2.words import Yes, word

app = typer.Typer(
    help="Settings: of this machine (global), of this folder (project, workspace), of a project on the server (remote)."
)


class Place(StrEnum):
    GLOBAL = "global"
    PROJECT = "project"
    WORKSPACE = "workspace"
    REMOTE = "remote"


Where = Annotated[Place | None, typer.Option("--scope", help="Where; remote is the project's on the server.")]
InWorkspace = Annotated[bool, typer.Option("--workspace", help="The same as --scope workspace.")]
Remote = Annotated[bool, typer.Option("--remote", help="The same as --scope remote.")]
Of = Annotated[str | None, typer.Option("--project", help="Id or name of the project on the server.")]
Key = Annotated[str, typer.Argument(help="Such as api.endpoint or config.scaling.min_instances.", metavar="KEY")]


@word(app, "get", "version2 config get api.endpoint", "version2 config get scaling --remote")
def get(
    desk: Desk,
    key: Key,
    scope: Where = None,
    workspace: InWorkspace = False,
    remote: Remote = False,
    project: Of = None,
) -> None:
    """Print one value: the one that holds, or with --scope the one of one place."""
    place = _place(scope, workspace, remote or project is not None)
    key = FLAT_NAMES.get(key, key)
    if place is Place.REMOTE:
        value = _inside(_remote(desk, project), key)
    elif place is not None:
        value = desk.files[Scope(place.value)].get(key)
    else:
        value = _inside(_nested({name: setting.value for name, setting in desk.settings.items()}), key)
    if value is None:
        raise Failure(ExitCode.GENERAL, f"{key} is not set; see 'version2 config list'")
    value = _hidden(key, value)
    if desk.output is Output.TABLE and not isinstance(value, dict):
        typer.echo(render.cell(value))
    elif desk.output is Output.TABLE:
        render.print_object(value)
    else:
        render.print_value(value, desk.output)


@word(
    app,
    "set",
    "version2 config set version v2",
    "version2 config set config.scaling.min_instances 2",
    "version2 config set scaling.max_instances 8 --remote --project Shop",
    "version2 config set output json",
)
def set_(
    desk: Desk,
    key: Key,
    value: Annotated[
        str,
        typer.Argument(help=r"A text; below config and with --remote also 2, true or \[a, b].", metavar="VALUE"),
    ],
    scope: Where = None,
    workspace: InWorkspace = False,
    remote: Remote = False,
    project: Of = None,
) -> None:
    """Set one value. Without --scope it goes where the key belongs.

    A key stays out of the shell's history with 'version2 auth login'.
    """
    place = _place(scope, workspace, remote or project is not None)
    key = FLAT_NAMES.get(key, key)
    if place is Place.REMOTE:
        _patch(desk, project, _nested({key: value_of(value)}))
        return
    where = Scope(place.value) if place is not None else _home(key)
    # What is a text anyway needs no quotes: 1.10 is a version, not the number 1.1.
    parsed = value_of(value) if key.split(".")[0] == "config" else value
    if key == "api.endpoint":
        parsed = endpoint_of(value)
    document = desk.files[where]
    document.set(key, checked(where, key, parsed))
    _save(document, where)
    desk.say(f"set {key} in {document.path}")


@word(app, "unset")
def unset(
    desk: Desk,
    key: Key,
    scope: Where = None,
    workspace: InWorkspace = False,
    remote: Remote = False,
    project: Of = None,
) -> None:
    """Remove one value, so that the next place or the default holds."""
    place = _place(scope, workspace, remote or project is not None)
    key = FLAT_NAMES.get(key, key)
    if place is Place.REMOTE:
        _patch(desk, project, _nested({key: None}))
        return
    where = Scope(place.value) if place is not None else _home(key)
    document = desk.files[where]
    if not document.unset(key):
        raise Failure(ExitCode.GENERAL, f"{key} is not set in {document.path}")
    _save(document, where)
    desk.say(f"removed {key} from {document.path}")


@word(app, "list")
def list_(
    desk: Desk, scope: Where = None, workspace: InWorkspace = False, remote: Remote = False, project: Of = None
) -> None:
    """List what is set and where it is from, or with --scope what one place says. Keys are never shown whole."""
    place = _place(scope, workspace, remote or project is not None)
    if place is Place.REMOTE:
        desk.show(_remote(desk, project))
    elif place is not None:
        document = desk.files[Scope(place.value)]
        desk.show({key: _hidden(key, value) for key, value in plain(document.data, str(document.source)).items()})
    else:
        values = {key: _hidden(key, setting.value) for key, setting in desk.settings.items()}
        if desk.output is not Output.TABLE:
            render.print_value(_nested(values), desk.output)
            return
        rows = [
            {"key": name, "value": value, "from": desk.settings[key].source}
            for key in sorted(values)
            for name, value in render.flat({key: values[key]}).items()
        ]
        render.print_table(("key", "value", "from"), rows)


@word(app, "reset")
def reset(
    desk: Desk,
    scope: Where = None,
    workspace: InWorkspace = False,
    remote: Remote = False,
    project: Of = None,
    yes: Yes = False,
) -> None:
    """Remove everything that one place says; the global file's key too."""
    place = _place(scope, workspace, remote or project is not None)
    if place is None:
        raise Failure(ExitCode.USAGE, "reset what? Give --scope global, project, workspace or remote")
    if place is Place.REMOTE:
        current = _remote(desk, project)
        desk.confirm("Remove the whole configuration of the project on the server?", yes)
        _patch(desk, project, dict.fromkeys(current))
        return
    document = desk.files[Scope(place.value)]
    if document.source is None:
        desk.say(f"{document.path} is not there")
        return
    desk.confirm(f"Remove {document.source}?", yes)
    try:
        document.source.unlink()
    except OSError as error:
        raise Failure(ExitCode.CONFIGURATION, f"{document.source} cannot be removed: {error.strerror}") from None
    desk.say(f"removed {document.source}")


@word(app, "validate")
def validate(desk: Desk) -> None:
    """Check the three files; the exit code is 3 when something in them is wrong."""
    wrong = [line for scope in Scope for line in problems(desk, scope)]
    for scope in Scope:
        try:
            source = desk.files[scope].source
        except Failure:
            continue
        desk.say(f"{scope.value}: {source or 'no file'}")
    for line in wrong[:-1]:
        typer.echo(line, err=True)
    if wrong:
        raise Failure(ExitCode.CONFIGURATION, wrong[-1])
    desk.say("nothing is wrong")


def _place(scope: Place | None, workspace: bool, remote: bool) -> Place | None:
    said = {place for place, given in ((Place.WORKSPACE, workspace), (Place.REMOTE, remote)) if given}
    said |= {scope} if scope is not None else set()
    if len(said) > 1:
        raise Failure(ExitCode.USAGE, f"one place at a time, not {' and '.join(sorted(said))}")
    return said.pop() if said else None


def _home(key: str) -> Scope:
    """The first file that knows the key; raises Failure (CONFIGURATION) when none does."""
    for scope in Scope:
        if key in KEYS[scope] or (scope is Scope.PROJECT and key.startswith("config.")):
            return scope
    known = sorted({name for keys in KEYS.values() for name in keys})
    raise Failure(
        ExitCode.CONFIGURATION,
        f"no file knows {key}; they know {', '.join(known)} and config.…; the project on the server takes --remote",
    )


def _save(document: Document, scope: Scope) -> None:
    document.save(SECRET_MODE if scope is Scope.GLOBAL else None)


def _remote(desk: Desk, project: str | None) -> dict[str, Any]:
    return dict(desk.api.get(path("projects", desk.project(project), "config")))


def _patch(desk: Desk, project: str | None, change: Mapping[str, Any]) -> None:
    desk.show(desk.api.patch(path("projects", desk.project(project), "config"), change))


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        *folders, last = key.split(".")
        here = found
        for name in folders:
            here = here.setdefault(name, {})
        here[last] = value
    return found


def _inside(value: Any, key: str) -> Any:
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _hidden(key: str, value: Any) -> Any:
    """``value`` without the key of the account."""
    if key == "api.key" and isinstance(value, str):
        return masked(value)
    if key == "api" and isinstance(value, dict):
        return {name: _hidden(f"api.{name}", inner) for name, inner in value.items()}
    return value
