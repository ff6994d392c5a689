"""Organizations."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.tenancy.organizations import NewOrganization
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import OrganizationDetail, OrganizationList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import OrganizationCreate

router = APIRouter(prefix="/organizations", tags=["Organizations"])


@router.post("", status_code=201, openapi_extra=takes(OrganizationCreate))
async def organizations_create(call: Authenticated) -> OrganizationList:
    """Makes an organization; the caller becomes its administrator."""
    new = NewOrganization(**(await call.read(OrganizationCreate)).model_dump())
    return convert.organization(await call.services.organizations.create(call.actor, new))


@router.get("")
async def organizations_list(call: Authenticated) -> list[OrganizationList]:
    """The organizations that the caller belongs to."""
    return [convert.organization(item) for item in await call.services.organizations.list(call.actor)]


@router.get("/{organization_name}")
async def organizations_get(call: Authenticated, organization_name: str) -> OrganizationDetail:
    """One organization with its subscription and status."""
    return convert.organization_detail(await call.services.organizations.get(call.actor, organization_name))
