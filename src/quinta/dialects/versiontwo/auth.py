"""From the Authorization header to a key (contract versiontwo 1)."""

from __future__ import annotations

from quinta.core.errors import NotAuthenticated
from quinta.dialects.base.bodies import Headers

_HOW = "send the header 'Authorization: Bearer KEY'"


def secret_in(headers: Headers) -> str:
    """The key's secret; NotAuthenticated when the header is missing or has another form."""
    value = headers.get(b"authorization")
    if value is None:
        raise NotAuthenticated(_HOW, refusal=False)
    parts = value.decode("latin-1").split()
    if len(parts) != 2 or parts[0].lower() != "bearer":
        raise NotAuthenticated(f"the Authorization header is malformed: {_HOW}, with no space in the key")
    return parts[1]
