"""What goes in and out of the gateway, apart from how it is carried: calls, replies and failures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class GatewayFailure(Exception):
    """Ends a call with ``status`` and ``{"error": message}`` (contract dq0 1.5, 4.1)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class LocalCall:
    """A call to the gateway's API. ``path`` is below ``/api``, begins with a slash and ends without one; ``query`` is
    as in an address, without the question mark."""

    method: str
    path: str
    query: str = ""
    body: bytes = field(default=b"", repr=False)

    @property
    def values(self) -> dict[str, Any]:
        """The members of the body; none where it is absent or ``null`` (contract dq0 1.7). GatewayFailure 400 for what
        is no JSON object."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise GatewayFailure(400, "the body is no JSON") from None
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise GatewayFailure(400, 'the body must be a JSON object, such as {"name": "shop"}')
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is a JSON object, with a text ``error`` that is not empty where ``status`` says failure."""

    status: int
    body: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        return self.status >= 400


def text(values: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """The text ``name`` without blanks around it; GatewayFailure 400 for another type, or where it is absent or empty
    and there is no ``default``."""
    value = values.get(name)
    if value is None or value == "":
        if default is None:
            raise GatewayFailure(400, f"'{name}' is missing")
        return default
    if not isinstance(value, str):
        raise GatewayFailure(400, f"'{name}' must be a text")
    return value.strip()
