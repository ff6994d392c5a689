"""What a deployment is for: the name of an environment (contract versiontwo 5.1, 5.3)."""

from __future__ import annotations

from typing import Any, Final

from quinta.core.errors import InvalidInput

PRODUCTION: Final = "production"
MAXIMUM_ENVIRONMENT: Final = 100
_LONG_NAMES: Final = {"dev": "development", "prod": PRODUCTION}


def long_name(environment: str) -> str:
    """The name under which an environment is kept: ``dev`` is development, ``prod`` production; others stay."""
    return _LONG_NAMES.get(environment, environment)


def environment_of(config: dict[str, Any]) -> str:
    """The long name of the environment that a configuration names; production where it names none. InvalidInput for
    what is no name."""
    named = config.get("environment", PRODUCTION)
    if not isinstance(named, str) or not 1 <= len(named) <= MAXIMUM_ENVIRONMENT:
        raise InvalidInput(
            f"config.environment must be a text of 1 to {MAXIMUM_ENVIRONMENT} characters", field="config.environment"
        )
    return long_name(named)
