"""What is wrong with this command's files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quinta.cli.version2.api import endpoint_of
from quinta.cli.version2.desk import Desk, others_may_read
from quinta.cli.version2.documents import plain
from quinta.cli.version2.failures import Failure
from quinta.cli.version2.settings import KEYS, Scope, checked

MOST_INSTANCES = 1_000


def problems(desk: Desk, scope: Scope) -> list[str]:
    """What is wrong with one file, a line each; none when it is not there."""
    try:
        document = desk.files[scope]
        data = plain(document.data, str(document.source))
    except Failure as failure:
        return [failure.message]
    found = []
    for key, value in _known_depth(data, scope).items():
        try:
            checked(scope, key, value)
            if key == "api.endpoint":
                endpoint_of(value)
        except Failure as failure:
            found.append(f"{document.source}: {failure.message}")
    if scope is Scope.PROJECT and isinstance(data.get("config"), dict):
        found += [f"{document.source}: {line}" for line in _config_problems(data["config"])]
    if scope is Scope.GLOBAL and document.source is not None and others_may_read(document.source):
        found.append(f"{document.source}: others may read it; run 'version2 doctor --fix'")
    return found


def _known_depth(data: Mapping[str, Any], scope: Scope, prefix: str = "") -> dict[str, Any]:
    """The values by dotted keys, down to where a key of the scope stands."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and key not in KEYS[scope]:
            found |= _known_depth(value, scope, f"{key}.")
        else:
            found[key] = value
    return found


def _config_problems(config: Mapping[str, Any]) -> list[str]:
    """What the server would refuse (contract versiontwo 5.6)."""
    found = [
        f"config.{key} must be a text" for key in ("environment", "region") if not isinstance(config.get(key, ""), str)
    ]
    scaling = config.get("scaling", {})
    if not isinstance(scaling, dict):
        return [*found, "config.scaling must be names with values"]
    bounds = {
        "min_instances": scaling.get("min_instances", 0),
        "max_instances": scaling.get("max_instances", MOST_INSTANCES),
    }
    wrong = [key for key, value in bounds.items() if type(value) is not int or not 0 <= value <= MOST_INSTANCES]
    found += [f"config.scaling.{key} must be a whole number from 0 to {MOST_INSTANCES}" for key in wrong]
    if not wrong and bounds["min_instances"] > bounds["max_instances"]:
        found.append("config.scaling.min_instances must not be above max_instances")
    return found
