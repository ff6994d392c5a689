"""The configuration of a project: an open JSON object, of which little is known (contract versiontwo 5.6)."""

from __future__ import annotations

import json
from typing import Any, Final

from quinta.core.errors import InvalidInput, TooLarge

MOST_BYTES: Final = 64 << 10
MOST_DEPTH: Final = 20
_MOST_INSTANCES: Final = 1_000


def merged(config: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """``config`` with a JSON merge patch (RFC 7386): objects merge deeply, None removes a member."""
    result = dict(config)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result


def check_config(config: dict[str, Any]) -> None:
    """InvalidInput for what is known and wrong, judged on the merged whole; TooLarge beyond the limits."""
    if _depth(config) > MOST_DEPTH:
        raise InvalidInput(f"config may be {MOST_DEPTH} levels deep", field="config")
    if len(json.dumps(config).encode()) > MOST_BYTES:
        raise TooLarge(f"config may have {MOST_BYTES >> 10} KiB", field="config")
    for name in ("environment", "region"):
        if not isinstance(config.get(name, ""), str):
            raise InvalidInput(f"config.{name} must be a text", field=f"config.{name}")
    _check_scaling(config.get("scaling", {}))


def _check_scaling(scaling: object) -> None:
    if not isinstance(scaling, dict):
        raise InvalidInput("config.scaling must be an object", field="config.scaling")
    for name in ("min_instances", "max_instances"):
        value = scaling.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_INSTANCES:
            text = f"config.scaling.{name} must be a whole number from 0 to {_MOST_INSTANCES}"
            raise InvalidInput(text, field=f"config.scaling.{name}")
    if scaling.get("min_instances", 0) > scaling.get("max_instances", _MOST_INSTANCES):
        text = "config.scaling.min_instances may not be more than config.scaling.max_instances"
        raise InvalidInput(text, field="config.scaling.min_instances")


def _depth(value: object) -> int:
    """Levels, without recursion: what a caller nests must not exhaust the stack."""
    deepest, left = 0, [(value, 1)]
    while left:
        item, level = left.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, level)
            left += [(inner, level + 1) for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest
