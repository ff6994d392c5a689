"""Rules about places in an organization, for all use cases that give or take one (contract ubiops 3.4, 6.4)."""

from __future__ import annotations

from quinta.core.errors import LimitReached, StateConflict
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Invitation, Membership, Organization, Subscription
from quinta.core.tenancy.turns import take_turn


async def places_of(work: UnitOfWork, organization_id: str) -> int:
    """Members and invitations together: both count against the plan."""
    scope = in_organization(organization_id)
    return await work.of(Membership, scope).count() + await work.of(Invitation, scope).count()


async def require_room_for_user(work: UnitOfWork, organization: Organization) -> None:
    """LimitReached when members and invitations are as many as the plan allows."""
    await take_turn(work, organization.id)
    plan = await work.of(Subscription, EVERYTHING).get(id=organization.subscription_id)
    count = await places_of(work, organization.id)
    if plan is not None and plan.max_users is not None and count >= plan.max_users:
        raise LimitReached(
            f"the subscription '{plan.name}' of organization '{organization.name}' allows {plan.max_users} users, "
            f"and there are {count}, invited ones included: remove one or change the subscription"
        )


async def require_another_administrator(work: UnitOfWork, membership: Membership) -> None:
    """StateConflict when ``membership`` is the only administrator's; nobody else can take a place until the end."""
    await take_turn(work, membership.organization_id)
    members = work.of(Membership, in_organization(membership.organization_id))
    if membership.is_admin and await members.count(is_admin=True) == 1:
        raise StateConflict(
            "this is the last administrator of an organization: make another member administrator first"
        )
