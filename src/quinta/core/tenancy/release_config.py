"""The configuration of a project: an open JSON object, of which little is known (contract versiontwo 5.6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from quinta.core.errors import InvalidInput, TooLarge

MAXIMUM_CONFIG_BYTES: Final = 64 << 10
MAXIMUM_CONFIG_DEPTH: Final = 20
MAXIMUM_ENVIRONMENT: Final = 100
MAXIMUM_SCALING: Final = 1_000


def merged(config: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """``config`` with a JSON merge patch (RFC 7386): objects merge deeply, None removes a member, all else replaces.

    Neither argument changes. Without recursion: callers may nest a patch as deeply as their JSON can be read, and it is
    measured afterwards.
    """
    result: dict[str, Any] = {}
    left = [(result, config, patch)]
    while left:
        target, old, new = left.pop()
        target.update(old)
        for name, value in new.items():
            if value is None:
                target.pop(name, None)
            elif isinstance(value, dict):
                inner: dict[str, Any] = {}
                before = target.get(name)
                target[name] = inner
                left.append((inner, before if isinstance(before, dict) else {}, value))
            else:
                target[name] = value
    return result


def check_config(config: Mapping[str, Any]) -> None:
    """InvalidInput for what is known and wrong, judged on the merged whole, with the dotted path of its member as
    field; TooLarge beyond 64 KiB of UTF-8."""
    if _depth(config) > MAXIMUM_CONFIG_DEPTH:
        raise InvalidInput(f"config may be at most {MAXIMUM_CONFIG_DEPTH} levels deep", field="config")
    if len(_text(config, ascii_only=False).encode("utf-8", "surrogatepass")) > MAXIMUM_CONFIG_BYTES:
        raise TooLarge(f"config may have at most {MAXIMUM_CONFIG_BYTES >> 10} KiB", field="config")
    if not _names_environment(config.get("environment", "production")):
        raise InvalidInput(
            f"config.environment must be a text of 1 to {MAXIMUM_ENVIRONMENT} printable characters, without a blank at"
            " either end",
            field="config.environment",
        )
    if not isinstance(config.get("region", ""), str):
        raise InvalidInput("config.region must be a text", field="config.region")
    _check_scaling(config.get("scaling", {}))


def config_text(config: Mapping[str, Any]) -> str:
    """What is stored of a configuration that was checked: ASCII, so that every database takes whatever is in it."""
    return _text(config, ascii_only=True)


def _names_environment(value: object) -> bool:
    return (
        isinstance(value, str)
        and 1 <= len(value) <= MAXIMUM_ENVIRONMENT
        and value.isprintable()
        and value == value.strip()
    )


def _check_scaling(scaling: object) -> None:
    if not isinstance(scaling, dict):
        raise InvalidInput("config.scaling must be an object", field="config.scaling")
    if not isinstance(scaling.get("enabled", True), bool):
        raise InvalidInput("config.scaling.enabled must be true or false", field="config.scaling.enabled")
    for name in ("min_instances", "max_instances"):
        value = scaling.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAXIMUM_SCALING:
            raise InvalidInput(
                f"config.scaling.{name} must be a whole number from 0 to {MAXIMUM_SCALING}",
                field=f"config.scaling.{name}",
            )
    if scaling.get("min_instances", 0) > scaling.get("max_instances", MAXIMUM_SCALING):
        raise InvalidInput(
            "config.scaling.min_instances may not be more than config.scaling.max_instances",
            field="config.scaling.min_instances",
        )


def _depth(config: object) -> int:
    """Levels of objects and lists."""
    deepest, left = 0, [(config, 1)]
    while left:
        item, level = left.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, level)
            left += [(inner, level + 1) for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


def _text(config: Mapping[str, Any], *, ascii_only: bool) -> str:
    try:
        return json.dumps(config, ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"))
    except ValueError:  # JSON's 1e999 is read as infinity
        raise InvalidInput("config has a number that is too large to be kept", field="config") from None
