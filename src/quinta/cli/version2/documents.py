"""YAML files that people write and this command changes: comments and order stay as they are."""

from __future__ import annotations

import io
import math
import os
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from quinta.cli.version2.failures import ExitCode, Failure

DEEPEST = 20
"""Levels of a configuration (contract versiontwo 5.6)."""
SECRET_MODE = 0o600


class Document:
    """One mapping in one file, by dotted keys (``api.key``). ``path`` is where ``save`` writes; ``source`` is the file
    that was read, None when there was none."""

    def __init__(self, path: Path, data: CommentedMap, source: Path | None) -> None:
        self.path = path
        self.data = data
        self.source = source

    def get(self, key: str) -> Any:
        """The value as plain JSON types, None when there is none. Raises Failure (CONFIGURATION) for other types."""
        here: Any = self.data
        for name in key.split("."):
            if not isinstance(here, Mapping) or name not in here:
                return None
            here = here[name]
        return plain(here, f"{key} in {self.source}")

    def set(self, key: str, value: Any) -> None:
        """Makes the mappings on the way; raises Failure (CONFIGURATION) where another value is in the way."""
        *folders, last = key.split(".")
        here: MutableMapping[str, Any] = self.data
        for name in folders:
            inner = here.setdefault(name, CommentedMap())
            if not isinstance(inner, MutableMapping):
                raise Failure(
                    ExitCode.CONFIGURATION, f"{self.path}: {name} has a value, so that {key} cannot be set; unset it"
                )
            here = inner
        here[last] = value

    def unset(self, key: str) -> bool:
        """Removes the key and the mappings that are empty without it; whether it was there."""
        way: list[tuple[MutableMapping[str, Any], str]] = []
        here: Any = self.data
        for name in key.split("."):
            if not isinstance(here, MutableMapping) or name not in here:
                return False
            way.append((here, name))
            here = here[name]
        holder, name = way.pop()
        del holder[name]
        while way and not holder:
            holder, name = way.pop()
            del holder[name]
        return True

    def save(self, mode: int | None = None) -> None:
        """Writes the whole file at once, with ``mode`` or the one it has; raises Failure (CONFIGURATION)."""
        text = io.StringIO()
        _yaml().dump(self.data, text)
        write(self.path, text.getvalue(), mode)
        self.source = self.path


def read(path: Path, *others: Path) -> Document:
    """The document at ``path``, or at the first of ``others`` that is there; empty when none is. Raises Failure
    (CONFIGURATION) for what cannot be read."""
    for source in (path, *others):
        try:
            text = source.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(ExitCode.CONFIGURATION, f"{source} cannot be read: {_why(error)}") from None
        return Document(path, parse(text, str(source)), source)
    return Document(path, CommentedMap(), None)


def parse(text: str, where: str) -> CommentedMap:
    """The mapping in ``text`` (YAML 1.2, of which JSON is a part)."""
    data = _load(text, where)
    if data is None:
        return CommentedMap()
    if not isinstance(data, CommentedMap):
        raise Failure(ExitCode.CONFIGURATION, f"{where} must hold names with values, such as 'name: shop'")
    return data


def value_of(text: str) -> Any:
    """What ``text`` means as a YAML value: ``2`` a number, ``true`` a truth value, ``[a, b]`` a list, else a text."""
    return plain(_load(text, f"the value {text!r}"), f"the value {text!r}")


def write(path: Path, text: str, mode: int | None = None) -> None:
    """Replaces the file in one step, so that a full disk or a signal cannot leave half of it."""
    path = path.resolve()  # a link to a file elsewhere stays a link
    try:
        if mode is None:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        path.parent.mkdir(mode=0o700 if mode == SECRET_MODE else 0o755, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(handle, mode)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise Failure(ExitCode.CONFIGURATION, f"{path} cannot be written: {_why(error)}") from None


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """``value`` in JSON's types; raises Failure (CONFIGURATION) for dates, numbers without end and what is too deep."""
    if depth > DEEPEST:
        raise Failure(ExitCode.CONFIGURATION, f"{where} is more than {DEEPEST} levels deep")
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise Failure(ExitCode.CONFIGURATION, f"{where}: names must be texts; put quotes around the others")
        return {str(name): plain(inner, where, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner, where, depth + 1) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    # ruamel's own kinds of texts and numbers become the plain ones.
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise Failure(ExitCode.CONFIGURATION, f"{where}: {value} is no JSON value; put quotes around it")


def yaml_text(value: Any) -> str:
    """``value`` (JSON's types) as YAML."""
    text = io.StringIO()
    _yaml().dump(value, text)
    return text.getvalue().removesuffix("...\n")


class _Representer(RoundTripRepresenter):
    """Texts with a next line character in double quotes: those that ruamel chooses itself read back with a blank."""

    def represent_text(self, value: str) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", value, style='"' if "\x85" in value else None)


_Representer.add_representer(str, _Representer.represent_text)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = 4096  # a long message stays on one line
    return yaml


def _load(text: str, where: str) -> Any:
    try:
        return _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}" if mark is not None else ""
        raise Failure(ExitCode.CONFIGURATION, f"{where}{line} is no valid YAML: {error.problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise Failure(ExitCode.CONFIGURATION, f"{where} is no valid YAML: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is no UTF-8 text"
