"""Who is calling (contract brainstem 4.2, 4.5)."""

from __future__ import annotations

from quinta.core.access.authentication import Authenticator
from quinta.core.access.model import Actor
from quinta.core.errors import NotAuthenticated
from quinta.dialects.base.bodies import Headers
from quinta.dialects.brainstem.errors import NO_CREDENTIALS, WRONG_TOKEN

_KEYWORDS = ("bearer", "token")


async def actor_of(headers: Headers, authenticator: Authenticator) -> Actor:
    """The caller by ``Bearer KEY`` or ``Token KEY``; NotAuthenticated when there is none.

    An empty header is none, as is one of another scheme.
    """
    parts = headers.get(b"authorization", b"").decode("latin-1").split()
    if not parts or parts[0].lower() not in _KEYWORDS:
        raise NotAuthenticated(NO_CREDENTIALS, refusal=False)
    if len(parts) == 1:
        raise NotAuthenticated("Invalid token header. No credentials provided.")
    if len(parts) > 2:
        raise NotAuthenticated("Invalid token header. Token string should not contain spaces.")
    try:
        return await authenticator.authenticate(parts[1])
    except NotAuthenticated:
        raise NotAuthenticated(WRONG_TOKEN) from None
