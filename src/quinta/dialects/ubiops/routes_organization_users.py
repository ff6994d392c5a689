"""The users of an organization, invited ones included."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert_access
from quinta.dialects.ubiops.answers import OrganizationUserDetail
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import OrganizationUserCreate, OrganizationUserUpdate

router = APIRouter(prefix="/organizations/{organization_name}/users", tags=["Organization users"])


@router.post("", status_code=201, openapi_extra=takes(OrganizationUserCreate))
async def organization_users_create(call: Authenticated, organization_name: str) -> OrganizationUserDetail:
    """Adds a user by email; an address without an account is invited and joins when its account is made."""
    body = await call.read(OrganizationUserCreate)
    admin = body.admin or False
    return convert_access.member(
        await call.services.members.create(call.actor, organization_name, body.email, admin=admin)
    )


@router.get("")
async def organization_users_list(call: Authenticated, organization_name: str) -> list[OrganizationUserDetail]:
    """The users of the organization; any member may see them."""
    return [convert_access.member(view) for view in await call.services.members.find(call.actor, organization_name)]


@router.get("/{user_id}")
async def organization_users_get(call: Authenticated, organization_name: str, user_id: str) -> OrganizationUserDetail:
    """One user of the organization."""
    return convert_access.member(await call.services.members.get(call.actor, organization_name, user_id))


@router.patch("/{user_id}", openapi_extra=takes(OrganizationUserUpdate))
async def organization_users_update(
    call: Authenticated, organization_name: str, user_id: str
) -> OrganizationUserDetail:
    """Makes the user an administrator, or takes that back; one administrator must remain."""
    body = await call.read(OrganizationUserUpdate)
    return convert_access.member(
        await call.services.members.update(call.actor, organization_name, user_id, admin=body.admin)
    )


@router.delete("/{user_id}", status_code=204)
async def organization_users_delete(call: Authenticated, organization_name: str, user_id: str) -> None:
    """Removes the user, with every role in the organization's projects; one administrator must remain."""
    await call.services.members.delete(call.actor, organization_name, user_id)
