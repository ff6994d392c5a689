"""From an e-mail and its password to tokens (contract brainstem 4.1, 4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Depends, Response

from quinta.core.access.sign_in import HOUR, Session
from quinta.core.errors import NotAuthenticated
from quinta.dialects.base.refusals import tell_refusal
from quinta.dialects.brainstem.calls import Anyone, Visit
from quinta.dialects.brainstem.errors import WRONG_TOKEN, BadRequest
from quinta.dialects.brainstem.shapes_sign_in import Token, TokenPair

WRONG_CREDENTIALS = "Unable to log in with provided credentials."


def not_kept(response: Response) -> None:
    """Secrets stay out of every cache (RFC 6749, 5.1)."""
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(tags=["Sign-in"], dependencies=[Depends(not_kept)])
at_root = APIRouter(dependencies=[Depends(not_kept)])
"""What is served outside of the prefixes, where clients that speak ``/rest`` sign in."""


@router.post("/token", name="token_create")
@router.post("/api-token-auth", name="api_token_auth")
@at_root.post("/")
async def token_create(visit: Anyone) -> Token:
    """The token of the account, the same each time."""
    email, password = await _credentials(visit, "username")
    with _told_as_input(visit):
        token = await visit.services.sign_in.lasting_token(email, password, visit.address)
    return Token(token=token, access=token)


@router.post("/auth/token")
async def token_pair_create(visit: Anyone) -> TokenPair:
    """A token for an hour, and one to get the next pair with."""
    email, password = await _credentials(visit, "email")
    with _told_as_input(visit):
        return _pair(await visit.services.sign_in.session(email, password, visit.address, HOUR))


@router.post("/auth/token/refresh")
async def token_pair_refresh(visit: Anyone) -> TokenPair:
    """The next pair. A refresh token works once; one that comes again ends all that came of its sign-in."""
    fields = await visit.fields(("refresh",))
    refresh = fields.text("refresh", required=True)
    fields.check()
    try:
        return _pair(await visit.services.sign_in.refresh(str(refresh), HOUR))
    except NotAuthenticated:
        raise NotAuthenticated(WRONG_TOKEN) from None


async def _credentials(visit: Visit, name: str) -> tuple[str, str]:
    fields = await visit.fields((name, "password"))
    email, password = fields.text(name, required=True), fields.text("password", required=True, trim=False)
    fields.check()
    return str(email), str(password)


@contextmanager
def _told_as_input(visit: Visit) -> Iterator[None]:
    """What is wrong with e-mail and password is a fault of the body, in one sentence."""
    try:
        yield
    except NotAuthenticated as error:
        tell_refusal(visit.services.refusals, visit.request, error)
        raise BadRequest({"non_field_errors": [WRONG_CREDENTIALS]}) from None


def _pair(session: Session) -> TokenPair:
    lasts = int(HOUR.access.total_seconds())
    return TokenPair(access=session.access, refresh=session.refresh, expires_in=lasts)
