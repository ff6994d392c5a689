"""Service users: programs with a token of their own."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert_access
from quinta.dialects.ubiops.answers import ServiceUserDetail, ServiceUserList, ServiceUserTokenList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes, takes_nothing
from quinta.dialects.ubiops.shapes import ServiceUserCreate

router = APIRouter(prefix="/projects/{project_name}/service-users", tags=["Service users"])


@router.post("", status_code=201, openapi_extra=takes(ServiceUserCreate))
async def service_users_create(call: Authenticated, project_name: str) -> ServiceUserDetail:
    """Makes a service user without any role; its token is shown only in this answer."""
    body = await call.read(ServiceUserCreate)
    return convert_access.service_user_with_token(
        *await call.services.service_users.create(call.actor, project_name, body.name)
    )


@router.get("")
async def service_users_list(call: Authenticated, project_name: str) -> list[ServiceUserList]:
    """The project's service users, oldest first."""
    found = await call.services.service_users.find(call.actor, project_name)
    return [convert_access.service_user(item) for item in found]


@router.get("/{service_user_id}")
async def service_users_get(call: Authenticated, project_name: str, service_user_id: str) -> ServiceUserList:
    """One service user."""
    return convert_access.service_user(await call.services.service_users.get(call.actor, project_name, service_user_id))


@router.patch("/{service_user_id}", openapi_extra=takes(ServiceUserCreate))
async def service_users_update(call: Authenticated, project_name: str, service_user_id: str) -> ServiceUserList:
    """Gives the service user another name; its email stays."""
    body = await call.read(ServiceUserCreate)
    return convert_access.service_user(
        await call.services.service_users.rename(call.actor, project_name, service_user_id, body.name)
    )


@router.put("/{service_user_id}/token", openapi_extra=takes_nothing())
async def service_users_token(call: Authenticated, project_name: str, service_user_id: str) -> ServiceUserTokenList:
    """A new token, shown only in this answer; the old one is void at once."""
    token = await call.services.service_users.reset_token(call.actor, project_name, service_user_id)
    return ServiceUserTokenList(token=token)


@router.delete("/{service_user_id}", status_code=204)
async def service_users_delete(call: Authenticated, project_name: str, service_user_id: str) -> None:
    """Deletes the service user with its token and roles."""
    await call.services.service_users.delete(call.actor, project_name, service_user_id)
