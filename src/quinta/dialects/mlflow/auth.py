"""From the Authorization header to an actor: what MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD,
make of it."""

from __future__ import annotations

import base64
import binascii

from quinta.core.access.authentication import Authenticator
from quinta.core.access.model import Actor
from quinta.core.errors import NotAuthenticated
from quinta.dialects.base.bodies import Headers
from quinta.dialects.base.callers import secret_of

_ANYBODY = ("", "token")
"""Names that say nothing."""


async def actor_of(headers: Headers, authenticator: Authenticator) -> Actor:
    """The user of the key: a bearer's, or the password of basic authentication, whose name is then the user's e-mail,
    ``token`` or empty. NotAuthenticated for anything else."""
    value = headers.get(b"authorization")
    keyword, _, rest = (value or b"").decode("latin-1").strip().partition(" ")
    if keyword.lower() != "basic":
        return await authenticator.authenticate(secret_of(value, ("bearer", "token")))
    name, secret = _pair(rest.strip())
    actor = await authenticator.authenticate(secret)
    if name not in _ANYBODY and name.lower() != actor.email:
        raise NotAuthenticated("the key is not this user's: the user name is the e-mail of the key's owner, or 'token'")
    return actor


def _pair(text: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = colon = secret = ""
    if not colon or not secret:
        raise NotAuthenticated("the Authorization header is malformed: basic authentication needs NAME:KEY in base64")
    return name, secret
