"""Who is calling (contract ubiops 1.2)."""

from __future__ import annotations

from quinta.core.access.authentication import Authenticator
from quinta.core.access.model import Actor
from quinta.core.errors import NotAuthenticated
from quinta.dialects.base.bodies import Headers
from quinta.dialects.base.callers import secret_of
from quinta.kit.ids import new_id

_KEYWORDS = ("token", "bearer")


async def actor_of(headers: Headers, authenticator: Authenticator) -> Actor:
    """The caller by ``Token KEY``, ``Bearer KEY`` or the key alone; NotAuthenticated when there is none."""
    return await authenticator.authenticate(secret_of(headers.get(b"authorization"), _KEYWORDS))


async def check_status(headers: Headers, authenticator: Authenticator) -> None:
    """What GET /status needs: no header is fine, a wrong one is not, and either way the database is asked.

    The command-line client decides by this call alone whether its token is valid (contract ubiops 1.2). Without a
    header, a key that nobody has is looked up: the document promises that each call tests the database.
    """
    if b"authorization" in headers:
        await actor_of(headers, authenticator)
        return
    try:
        await authenticator.authenticate(new_id())
    except NotAuthenticated:
        return
