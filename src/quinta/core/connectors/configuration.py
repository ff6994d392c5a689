"""Values of parameters: checked against the catalogue, merged, sealed and shown (contract ubiops 3.4, 9.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from quinta.core.connectors.catalogue import ParameterRule
from quinta.core.connectors.model import Parameter
from quinta.core.errors import InvalidInput, StateConflict
from quinta.core.ports import Secrets
from quinta.core.reasons import Reason

Given = Mapping[str, object]
"""What a caller sends: text, or a whole number for what is one (``port``)."""


def checked(rules: Iterable[ParameterRule], given: Given, stored: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values of all parameters: those given over those ``stored`` over the defaults.

    InvalidInput for a name that is unknown, a value that is missing or does not match. Over stored values, null for a
    protected parameter leaves it as it is: that is how an answer shows it.
    """
    by_name = {rule.name: rule for rule in rules}
    for name in given:
        if name not in by_name:
            raise InvalidInput(
                f"the configuration has no parameter '{name[:80]}': it has {', '.join(by_name)}", field="configuration"
            )
    kept = stored or {}
    return {name: _value(rule, given, kept) for name, rule in by_name.items()}


def shown(rules: Iterable[ParameterRule], values: Iterable[Parameter]) -> dict[str, str | None]:
    """The values as an answer has them: None where the parameter is protected."""
    by_name = {parameter.name: parameter.value for parameter in values}
    return {rule.name: None if rule.protected else by_name.get(rule.name, rule.default or "") for rule in rules}


def sealed(
    rules: Iterable[ParameterRule], values: Mapping[str, str], secrets: Secrets, owner_id: str
) -> tuple[Parameter, ...]:
    """The values as they are stored."""
    return tuple(
        Parameter(rule.name, secrets.seal(values[rule.name], owner_id) if rule.protected else values[rule.name])
        for rule in rules
    )


def opened(
    rules: Iterable[ParameterRule], values: Iterable[Parameter], secrets: Secrets, owner_id: str
) -> dict[str, str]:
    """The values in the clear. StateConflict when a sealed one does not open."""
    by_name = {parameter.name: parameter.value for parameter in values}
    found: dict[str, str] = {}
    for rule in rules:
        value = by_name.get(rule.name, rule.default)
        if value is not None and rule.protected:
            value = secrets.open(value, owner_id)
        if value is None:
            raise StateConflict(
                f"the parameter '{rule.name}' cannot be opened with the server's keys: set it again, or have the key "
                "put back",
                reason=Reason.SECRET_UNREADABLE,
            )
        found[rule.name] = value
    return found


def _value(rule: ParameterRule, given: Given, stored: Mapping[str, str]) -> str:
    value = given.get(rule.name)
    if rule.name not in given or (value is None and rule.protected and rule.name in stored):
        kept = stored.get(rule.name, rule.default)
        if kept is None:
            raise InvalidInput(f"the configuration needs the parameter '{rule.name}'", field="configuration")
        return kept
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise InvalidInput(f"the parameter '{rule.name}' must be a string", field="configuration")
    if not re.fullmatch(rule.pattern, value) or not _is_text(value):
        raise InvalidInput(
            f"the parameter '{rule.name}' does not match {rule.pattern}: {rule.description}", field="configuration"
        )
    return value


def _is_text(value: str) -> bool:
    """Whether the value can be encoded: half a surrogate pair, which JSON can spell, cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
