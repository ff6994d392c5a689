"""One's own account."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.tenancy.accounts import AccountChange, NewAccount
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import UserDetail, UserPendingDetail
from quinta.dialects.ubiops.calls import Anyone, Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import UserPendingCreate, UserUpdate

router = APIRouter(prefix="/user", tags=["User"])


@router.post("", status_code=201, openapi_extra=takes(UserPendingCreate))
async def user_create(visit: Anyone) -> UserPendingDetail:
    """Opens an account."""
    body = await visit.read(UserPendingCreate)
    user = await visit.services.accounts.create(NewAccount(body.email, body.password, body.name, body.surname))
    return UserPendingDetail(email=user.email, name=user.name, surname=user.surname)


@router.get("")
async def user_get(call: Authenticated) -> UserDetail:
    """The caller's account."""
    return convert.user(await call.services.accounts.get(call.actor))


@router.patch("", openapi_extra=takes(UserUpdate))
async def user_update(call: Authenticated) -> UserDetail:
    """Changes what is sent; a new password needs the previous one."""
    change = AccountChange(**(await call.read(UserUpdate)).model_dump())
    return convert.user(await call.services.accounts.update(call.actor, change))


@router.delete("", status_code=204)
async def user_delete(call: Authenticated) -> None:
    """Closes the caller's account; refused to the last administrator of an organization."""
    await call.services.accounts.delete(call.actor)
