"""Reading an MLproject: YAML from outside, within limits (contract dq0 7.1, 7.2; the format is MLflow's)."""

from __future__ import annotations

from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from quinta.core.commits.entry_points import EntryPoint, Parameter, ParameterType, check_command
from quinta.core.errors import InvalidInput

FILE: Final = "MLproject"
MOST_BYTES: Final = 32 << 10
"""Reading takes 12 ms a KiB; the largest of the SDK's examples has 1 KiB."""
_MAXIMUM_DEPTH: Final = 12
_MOST_ENTRY_POINTS: Final = 100


class _Composer(Composer):
    """Without aliases: nine lines of them stand for a billion nodes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            line = self.parser.peek_event().start_mark.line + 1
            raise _refused(f"line {line}: aliases (*name) are not taken: write the value out")
        return super().compose_node(parent, index)


def read_mlproject(content: bytes) -> tuple[EntryPoint, ...]:
    """The entry points that an MLproject of at most MOST_BYTES declares, in its order.

    InvalidInput (``MLproject``) says what is wrong and where, also of a command that is not ``python …``. What it says
    of environments is left out: requirements.txt decides these.
    """
    value = _loaded(content)
    if not isinstance(value, dict):
        raise _refused("it must be a mapping with 'entry_points'")
    points = value.get("entry_points")
    points = {} if points is None else points
    if not isinstance(points, dict) or len(points) > _MOST_ENTRY_POINTS:
        raise _refused(f"'entry_points' must be a mapping with at most {_MOST_ENTRY_POINTS} names")
    return tuple(_entry_point(name, point) for name, point in points.items())


def _loaded(content: bytes) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.max_depth = _MAXIMUM_DEPTH
    try:
        return yaml.load(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise _refused("it is not valid UTF-8") from None
    except DuplicateKeyError as error:
        raise _refused(f"{_line(error)}a key stands there twice in one mapping") from None
    except MaxDepthExceededError as error:
        raise _refused(f"{_line(error)}nested deeper than {_MAXIMUM_DEPTH} levels") from None
    except MarkedYAMLError as error:
        raise _refused(f"{_line(error)}not YAML that can be read: {error.problem or error.context}") from None
    except YAMLError:  # a character that YAML does not have
        raise _refused("it has characters that YAML does not take") from None
    except (ValueError, TypeError, OverflowError):  # a date such as 2020-13-45, a list as a key
        raise _refused("it has a number, a date or a key that cannot be read") from None


def _entry_point(name: object, point: object) -> EntryPoint:
    if not isinstance(name, str) or not name or len(name) > 200:
        raise _refused("an entry point's name must be a text of at most 200 characters")
    if not isinstance(point, dict) or not isinstance(point.get("command"), str):
        raise _refused(f"the entry point '{name}' needs a text 'command'")
    if unknown := set(map(str, point)) - {"command", "parameters"}:
        raise _refused(f"the entry point '{name}' has the unknown key '{min(unknown)[:80]}'")
    declared = point.get("parameters")
    declared = {} if declared is None else declared
    if not isinstance(declared, dict):
        raise _refused(f"the parameters of the entry point '{name}' must be a mapping")
    parameters = tuple(_parameter(name, each, value) for each, value in declared.items())
    found = EntryPoint(name, point["command"].strip(), parameters)
    check_command(found)
    return found


def _parameter(point: str, name: object, value: object) -> Parameter:
    where = f"the parameter '{str(name)[:80]}' of the entry point '{point}'"
    if not isinstance(name, str):
        raise _refused(f"{where} must have a text as its name")
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, dict) or set(value) - {"type", "default"}:
        raise _refused(f"{where} must be a type, or a mapping with 'type' and 'default'")
    kind, default = value.get("type", "string"), value.get("default")
    if kind not in set(ParameterType):
        known = ", ".join(ParameterType)
        raise _refused(f"{where} has the type '{str(kind)[:80]}': {known} are there")
    if isinstance(default, bool):
        default = "true" if default else "false"
    elif isinstance(default, (int, float)):
        default = repr(default)
    if default is not None and not isinstance(default, str):
        raise _refused(f"the default of {where} must be a text or a number")
    return Parameter(name, ParameterType(kind), default)


def _line(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "


def _refused(what: str) -> InvalidInput:
    return InvalidInput(f"MLproject: {what}", field=FILE)
