"""Registering, logging in and out, under both names that they have (contract dq0 4.2)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Anyone, Authenticated, Visit
from quinta.dialects.dq0.documentation import TEXT, takes

_CREDENTIALS = takes({"email": TEXT, "password": TEXT}, "email", "password")

router = APIRouter(tags=["auth", "users"])


@router.post("/auth/login", name="AuthLogin", openapi_extra=_CREDENTIALS)
@router.post("/users/login", name="UserLogin", openapi_extra=_CREDENTIALS)
async def login(visit: Anyone, response: Response) -> shapes.Token:
    """Begins a session of 30 days."""
    email, password = await _credentials(visit)
    token = await visit.quarantine.registration.login(email, password, visit.address, visit.device)
    response.headers["Cache-Control"] = "no-store"
    return shapes.Token(token=token)


@router.post("/auth/register", name="AuthRegister", openapi_extra=_CREDENTIALS)
@router.post("/users/register", name="UserRegister", openapi_extra=_CREDENTIALS)
async def register(visit: Anyone) -> shapes.Message:
    """Opens an account, which an administrator has to confirm before it can log in."""
    email, password = await _credentials(visit)
    user = await visit.quarantine.registration.register(email, password, visit.address, visit.device)
    return shapes.Message(message=f"successfully registered {user.email}: an administrator has to confirm the account")


@router.post("/auth/logout", name="AuthLogout")
@router.post("/users/logout", name="UserLogout")
async def logout(call: Authenticated) -> shapes.Message:
    """Ends the session that the call is made with."""
    await call.quarantine.registration.logout(call.actor)
    return shapes.Message(message="successfully logged out")


async def _credentials(visit: Visit) -> tuple[str, str]:
    members = await visit.members()
    return members.needed_text("email"), members.needed_text("password")
