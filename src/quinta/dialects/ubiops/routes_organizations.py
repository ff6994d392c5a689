"""Organizations."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.tenancy.organizations import NewOrganization, OrganizationChange
from quinta.dialects.ubiops import convert, convert_access
from quinta.dialects.ubiops.answers import (
    OrganizationDetail,
    OrganizationList,
    OrganizationSubscriptionList,
    ResourceUsage,
)
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import OrganizationCreate, OrganizationUpdate

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


@router.patch("/{organization_name}", openapi_extra=takes(OrganizationUpdate))
async def organizations_update(call: Authenticated, organization_name: str) -> OrganizationDetail:
    """Changes the name; what is about the subscription, only the server's staff can change."""
    change = OrganizationChange(**(await call.read(OrganizationUpdate)).model_dump(exclude_unset=True))
    return convert.organization_detail(await call.services.organizations.update(call.actor, organization_name, change))


@router.get("/{organization_name}/subscriptions")
async def organization_subscriptions_list(
    call: Authenticated, organization_name: str
) -> list[OrganizationSubscriptionList]:
    """The subscriptions that the organization has had, newest first."""
    history = await call.services.organizations.history(call.actor, organization_name)
    return [convert_access.subscription_period(item) for item in history]


@router.get("/{organization_name}/resources")
async def organizations_resource_usage(call: Authenticated, organization_name: str) -> ResourceUsage:
    """How much the organization has of what its subscription limits."""
    return convert_access.resources(await call.services.resources.of_organization(call.actor, organization_name))
