"""Status and sign-in (contract ubiops 1.2, 8.2)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.access.sign_in import DAY
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.ubiops.answers import Status, Tokens
from quinta.dialects.ubiops.auth import check_status
from quinta.dialects.ubiops.calls import Anyone
from quinta.dialects.ubiops.documentation import SIGN_IN_ANSWERS, WRONG_KEY_ANSWER, takes
from quinta.dialects.ubiops.shapes import SignIn

router = APIRouter(tags=["Status and sign-in"])


@router.get("/status", responses=WRONG_KEY_ANSWER)
async def service_status(visit: Anyone) -> Status:
    """Whether the server and its database answer, and whether the key is valid when one is sent."""
    await check_status(headers_of(visit.request.scope), visit.services.authenticator)
    return Status(status="ok")


@router.post("/authorize", responses=SIGN_IN_ANSWERS, openapi_extra=takes(SignIn))
async def authorize(visit: Anyone) -> Tokens:
    """A session for an email and its password, as the command-line client signs in."""
    body = await visit.read(SignIn)
    session = await visit.services.sign_in.session(body.email, body.password, visit.address, DAY)
    return Tokens(access=session.access, refresh=session.refresh)
