"""Who is calling, and for which client: the headers that every call has (contract vbrain 2)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException

from quinta.core.access.authentication import Authenticator
from quinta.core.access.clients import ClientName
from quinta.core.access.model import Actor
from quinta.core.errors import NotAuthenticated
from quinta.dialects.base.bodies import Headers

CALLER_HEADERS = ("organization_id", "application_id", "client_id", "username", "x-api-key")
"""In the order in which a missing one is told."""
REPOSITORY_HEADER = "repository_id"


@dataclass(frozen=True, slots=True)
class Caller:
    """What the headers say. ``repository`` is empty where the operation does not need it: an old value may stand there
    (contract vbrain 5.1)."""

    client: ClientName
    username: str
    key: str
    repository: str


def caller_of(headers: Headers, *, needs_repository: bool) -> Caller:
    """Reads the headers; an HTTPException with 400 names the first one that is missing or empty."""
    organization, application, client, username, key = (_needed(headers, name) for name in CALLER_HEADERS)
    repository = _needed(headers, REPOSITORY_HEADER) if needs_repository else ""
    return Caller(ClientName(organization, application, client), username, key, repository)


async def actor_of(caller: Caller, authenticator: Authenticator) -> Actor:
    """The user of the key; NotAuthenticated when nobody has it, or somebody else than the username says.

    A username is an e-mail, which is kept in lower case.
    """
    actor = await authenticator.authenticate(caller.key)
    if actor.email != caller.username.lower():
        raise NotAuthenticated("the key is not this username's")
    return actor


def _needed(headers: Headers, name: str) -> str:
    """The value of a header, or of its form with hyphens: a proxy before ours may have renamed it."""
    spellings = (name, name.replace("_", "-"))
    raw = next((value for spelling in spellings if (value := headers.get(spelling.encode(), b"").strip(b" \t"))), None)
    if raw is None:
        raise HTTPException(400, f"Missing {name}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
