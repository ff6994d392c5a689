"""Subscriptions: the plans that set an organization's limits."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert_access
from quinta.dialects.ubiops.answers import SubscriptionDetail, SubscriptionList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import SubscriptionCreate, SubscriptionUpdate

router = APIRouter(prefix="/subscriptions", tags=["Subscriptions"])


@router.post("", status_code=201, openapi_extra=takes(SubscriptionCreate))
async def subscriptions_create(call: Authenticated) -> SubscriptionDetail:
    """Makes a subscription; for the server's staff."""
    new = convert_access.new_plan(await call.read(SubscriptionCreate))
    return convert_access.subscription(await call.services.plans.create(call.actor, new))


@router.get("")
async def subscriptions_list(call: Authenticated) -> list[SubscriptionList]:
    """The subscriptions there are; hidden ones are listed for the server's staff."""
    return [convert_access.subscription_name(item) for item in await call.services.plans.find(call.actor)]


@router.get("/{subscription_name}")
async def subscriptions_get(call: Authenticated, subscription_name: str) -> SubscriptionDetail:
    """One subscription with its limits."""
    return convert_access.subscription(await call.services.plans.get(call.actor, subscription_name))


@router.patch("/{subscription_name}", openapi_extra=takes(SubscriptionUpdate))
async def subscriptions_update(call: Authenticated, subscription_name: str) -> SubscriptionDetail:
    """Changes what is sent, for every organization that has it; for the server's staff."""
    change = convert_access.plan_change(await call.read(SubscriptionUpdate))
    return convert_access.subscription(await call.services.plans.update(call.actor, subscription_name, change))


@router.delete("/{subscription_name}", status_code=204)
async def subscriptions_delete(call: Authenticated, subscription_name: str) -> None:
    """Deletes a subscription that no organization has; for the server's staff."""
    await call.services.plans.delete(call.actor, subscription_name)
