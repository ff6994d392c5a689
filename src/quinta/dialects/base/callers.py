"""From the Authorization header to a secret."""

from __future__ import annotations

from collections.abc import Sequence

from quinta.core.errors import NotAuthenticated


def secret_of(authorization: bytes | None, keywords: Sequence[str]) -> str:
    """The secret in the value of an Authorization header: ``KEYWORD SECRET``, or the secret alone.

    ``keywords`` are in lower case; case does not matter on the wire. NotAuthenticated says what is wrong with the
    header, never what stood in it.
    """
    if authorization is None:
        raise NotAuthenticated(f"authentication is needed: {_how(keywords)}", refusal=False)
    parts = authorization.decode("latin-1").split()
    if len(parts) == 2 and parts[0].lower() in keywords:
        return parts[1]
    if len(parts) == 1 and parts[0].lower() not in keywords:
        return parts[0]
    raise NotAuthenticated(f"the Authorization header is malformed: {_how(keywords)}, with no space in the key")


def _how(keywords: Sequence[str]) -> str:
    return f"send the header 'Authorization: {keywords[0].capitalize()} KEY'"
