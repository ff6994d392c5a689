"""Where a value comes from: flag, environment, workspace file, project file, global file, default (contract
versiontwo 8); and which keys each file knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from quinta.cli.version2.api import endpoint_of
from quinta.cli.version2.documents import Document, read
from quinta.cli.version2.failures import ExitCode, Failure

DEFAULT_ENDPOINT = "http://127.0.0.1:8000/v1"
"""Where ``quinta serve`` listens when it is told nothing else. Not the host that the references name: it is not ours,
and a key must not go there by default."""
GLOBAL_FILE = Path("~/.versiontwo/config.yaml")
FLAT_NAMES = {"api-key": "api.key", "workspace": "workspace.default"}
"""Spellings of the installation guides, in the global file."""
ENVIRONMENTS = {"dev": "development", "staging": "staging", "prod": "production"}


class Scope(StrEnum):
    """The files. The keys of an account are read from GLOBAL only: a project that came from somewhere else must not
    choose which server the key is sent to."""

    GLOBAL = "global"
    PROJECT = "project"
    WORKSPACE = "workspace"


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Given:
    """What flags and the environment say; None or False where they say nothing."""

    output: Output | None = None
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    config: Path | None = None
    api_url: str | None = None
    workspace: str | None = None
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it is from."""

    value: Any
    source: str


def environment_name(text: str) -> str:
    """The long name of an environment: dev, staging and prod are short for development, staging and production."""
    return ENVIRONMENTS.get(text.strip(), text.strip())


def masked(key: str) -> str:
    """Enough of a key to tell it from others."""
    return f"{key[:7]}…" if len(key) > 16 else "…"


class Files:
    """The three files, each read when it is first needed; those of project and workspace in ``folder``."""

    def __init__(self, global_file: Path | None, folder: Path) -> None:
        self._global = global_file
        self._folder = folder

    def __getitem__(self, scope: Scope) -> Document:
        match scope:
            case Scope.GLOBAL:
                return self._account
            case Scope.PROJECT:
                return self._project
            case Scope.WORKSPACE:
                return self._workspace

    @cached_property
    def _account(self) -> Document:
        if self._global is not None:
            document = read(self._global.expanduser())
        else:
            document = read(GLOBAL_FILE.expanduser(), Path("~/.version2/config.yaml").expanduser())
        for flat, key in FLAT_NAMES.items():
            if isinstance(value := document.data.get(flat), str):
                del document.data[flat]
                if document.get(key) is None:
                    document.set(key, value)
        return document

    @cached_property
    def _project(self) -> Document:
        return read(self._folder / "versiontwo.yaml", self._folder / "version2.yaml")

    @cached_property
    def _workspace(self) -> Document:
        return read(self._folder / ".versiontwo/workspace.yaml", self._folder / ".version2/workspace.yaml")


def effective(given: Given, files: Files) -> Mapping[str, Setting]:
    """All that is set, by key; raises Failure (CONFIGURATION) for values that cannot be."""
    found: dict[str, Setting] = {
        "api.endpoint": Setting(DEFAULT_ENDPOINT, "default"),
        "output": Setting("table", "default"),
    }
    flags = {
        "api.endpoint": given.api_url,
        "api.key": given.api_key,
        "output": given.output and given.output.value,
        "workspace.default": given.workspace,
    }
    read_from = (
        (Scope.GLOBAL, {key: key for key in ("api.endpoint", "api.key", "output", "workspace.default")}),
        (Scope.PROJECT, {key: key for key in ("name", "version", "environment", "project_id", "config")}),
        (Scope.WORKSPACE, {"name": "workspace.default", "environment": "environment"}),
    )
    for scope, keys in read_from:
        for name, key in keys.items():
            value = files[scope].get(name)
            if value is not None and not (key == "workspace.default" and is_folder(value)):
                found[key] = Setting(checked(scope, name, value), str(files[scope].source))
    found |= {key: Setting(value, "flag or environment") for key, value in flags.items() if value is not None}
    found["api.endpoint"] = Setting(endpoint_of(found["api.endpoint"].value), found["api.endpoint"].source)
    if "environment" in found:
        found["environment"] = Setting(environment_name(found["environment"].value), found["environment"].source)
    return found


def is_folder(value: object) -> bool:
    """Whether a default workspace is the other thing of that name in the references: a folder of projects."""
    return isinstance(value, str) and ("/" in value or value.startswith(("~", ".")))


def checked(scope: Scope, key: str, value: Any) -> Any:
    """``value`` if ``key`` of the file may have it; raises Failure (CONFIGURATION) for an unknown key or a wrong type.

    An unknown key is refused so that a misspelt one is noticed, and because nothing else belongs into the files: a
    secret least of all.
    """
    known = KEYS[scope]
    name = "config" if scope is Scope.PROJECT and key.split(".")[0] == "config" else key
    if name not in known:
        raise Failure(
            ExitCode.CONFIGURATION, f"{key} is no key of the {scope.value} file; it knows {', '.join(sorted(known))}"
        )
    wanted, is_right = known[name]
    if key.startswith("config.") or is_right(value):
        return value
    raise Failure(ExitCode.CONFIGURATION, f"{key} of the {scope.value} file must be {wanted}, not {value!r}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


_TEXT: tuple[str, Callable[[Any], bool]] = ("a text; put quotes around numbers", _is_text)
KEYS: Mapping[Scope, Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    Scope.GLOBAL: {
        "api.endpoint": _TEXT,
        "api.key": _TEXT,
        "output": ("table, json or yaml", lambda value: value in list(Output)),
        "workspace.default": _TEXT,
    },
    Scope.PROJECT: {
        "config": ("names with values", lambda value: isinstance(value, dict)),
        "environment": _TEXT,
        "name": _TEXT,
        "project_id": _TEXT,
        "version": _TEXT,
    },
    Scope.WORKSPACE: {"environment": _TEXT, "name": _TEXT},
}
"""What each file may say: what a value must be, in words and as a check (contract versiontwo 9, without its fluff)."""
