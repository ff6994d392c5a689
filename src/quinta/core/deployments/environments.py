"""What a deployment is for: the name of an environment (contract versiontwo 5.1, 5.3)."""

from __future__ import annotations

from typing import Any, Final

PRODUCTION: Final = "production"
_LONG_NAMES: Final = {"dev": "development", "prod": PRODUCTION}


def long_name(environment: str) -> str:
    """The name under which an environment is kept: ``dev`` is development, ``prod`` production; others stay."""
    return _LONG_NAMES.get(environment, environment)


def environment_of(config: dict[str, Any]) -> str:
    """The long name of the environment that a configuration, already checked, names; production where it names none."""
    return long_name(str(config.get("environment", PRODUCTION)))
