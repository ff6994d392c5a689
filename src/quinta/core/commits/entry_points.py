"""What a project's MLproject declares, and the command that runs one of its entry points (contract dq0 7.2, 7.3)."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from quinta.core.errors import InvalidInput

TRANSFORM_ENTRY_POINT: Final = "transform"
INTERPRETER: Final = "python"
"""The one program that a command may begin with; the environment's interpreter stands for it."""
_PLACE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,249}")
MOST_ARGUMENTS: Final = 100
"""As many parameters as MLflow takes in one call."""
MOST_CHARACTERS: Final = 6_000
"""Of one argument: MLflow's limit for the value of a parameter."""


class ParameterType(StrEnum):
    """Of a parameter. ``path`` and ``uri`` are texts here: nothing outside of the sandbox is fetched."""

    FLOAT = "float"
    INT = "int"
    PATH = "path"
    STRING = "string"
    URI = "uri"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that an entry point declares. ``default`` None: a caller must give it."""

    name: str
    type: ParameterType = ParameterType.STRING
    default: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A command, with ``{name}`` where a parameter's value belongs."""

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()


def text_of(entry_points: Iterable[EntryPoint]) -> str:
    """What ``Commit.entry_points`` holds."""
    return json.dumps(
        {
            point.name: {
                "command": point.command,
                "parameters": [[p.name, p.type, p.default] for p in point.parameters],
            }
            for point in entry_points
        }
    )


def entry_points_of(text: str) -> dict[str, EntryPoint]:
    """Back from ``text_of``."""
    found = {}
    for name, point in json.loads(text).items():
        parameters = tuple(Parameter(each, ParameterType(kind), default) for each, kind, default in point["parameters"])
        found[name] = EntryPoint(name, point["command"], parameters)
    return found


def check_command(point: EntryPoint) -> None:
    """InvalidInput unless the command is one that can be run: ``python`` with arguments, its places all declared."""
    words = _words(point)
    if not words or words[0] != INTERPRETER:
        raise _refused(point, f"must begin with '{INTERPRETER} '")
    declared = {parameter.name for parameter in point.parameters}
    for name in _PLACE.findall(point.command):
        if name not in declared:
            raise _refused(point, f"uses the parameter '{name}', which it does not declare")


def arguments_of(value: object) -> dict[str, str]:
    """The arguments as a caller gave them: an object, a list of ``name=value``, JSON text of one of these, or nothing
    ("" or None). Numbers and booleans become text (contract dq0 7.3)."""
    if isinstance(value, str):
        if not value.strip():
            return {}
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = [value]
    if value is None:
        return {}
    if isinstance(value, list):
        return _checked(_pair(each) for each in value)
    if isinstance(value, dict):
        return _checked((name, each) for name, each in value.items())
    raise InvalidInput("args must be an object of texts, or a list of name=value", field="args")


def resolved(point: EntryPoint, arguments: Mapping[str, str]) -> dict[str, str]:
    """Every parameter with its value, the declared ones first; InvalidInput (``args``) for one that is missing, or no
    number where one is declared."""
    values: dict[str, str] = {}
    missing = []
    for parameter in point.parameters:
        value = arguments.get(parameter.name, parameter.default)
        if value is None:
            missing.append(f"'{parameter.name}'")
            continue
        values[parameter.name] = _typed(parameter, value)
    if missing:
        raise InvalidInput(f"No value given for missing parameters: {', '.join(missing)}", field="args")
    return values | {name: value for name, value in arguments.items() if name not in values}


def command_of(point: EntryPoint, values: Mapping[str, str]) -> list[str]:
    """The words of the command. It is split before anything is put in its places, so that no value can become another
    word, or be read by a shell. What is not declared follows as ``--name value``, as MLflow does it."""
    words = [_PLACE.sub(lambda place: values[place[1]], word) for word in _words(point)]
    declared = {parameter.name for parameter in point.parameters}
    for name, value in values.items():
        if name not in declared:
            words += [f"--{name}", value]
    return words


def _words(point: EntryPoint) -> list[str]:
    try:
        return shlex.split(point.command)
    except ValueError as error:
        raise _refused(point, f"cannot be split into words: {error}") from error


def _refused(point: EntryPoint, what: str) -> InvalidInput:
    return InvalidInput(f"MLproject: the command of the entry point '{point.name[:80]}' {what}", field="MLproject")


def _pair(value: object) -> tuple[str, object]:
    if not isinstance(value, str) or "=" not in value:
        raise InvalidInput("a list of args has texts such as name=value", field="args")
    name, _, text = value.partition("=")
    return name, text


def _checked(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if not isinstance(name, str) or not _KEY.fullmatch(name):
            raise InvalidInput(f"'{str(name)[:80]}' cannot be the name of an argument", field="args")
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, (int, float)):
            value = repr(value)
        if not isinstance(value, str):
            raise InvalidInput(f"the argument '{name[:80]}' must be a text or a number", field="args")
        if len(value) > MOST_CHARACTERS or "\0" in value:
            raise InvalidInput(
                f"the argument '{name[:80]}' may have {MOST_CHARACTERS} characters, none of them NUL", field="args"
            )
        found[name] = value
    if len(found) > MOST_ARGUMENTS:
        raise InvalidInput(f"there may be {MOST_ARGUMENTS} arguments, not {len(found)}", field="args")
    return found


def _typed(parameter: Parameter, value: str) -> str:
    try:
        if parameter.type is ParameterType.INT:
            int(value)
        elif parameter.type is ParameterType.FLOAT and math.isnan(float(value)):
            raise ValueError
    except ValueError as error:
        raise InvalidInput(
            f"the parameter '{parameter.name}' must be {parameter.type.value}, not '{value[:80]}'", field="args"
        ) from error
    return value
