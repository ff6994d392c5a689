"""The organization that something new belongs to where a dialect names none (contract versiontwo, decision 0029)."""

from __future__ import annotations

from datetime import datetime

from quinta.core.access.decide import organizations_of
from quinta.core.access.model import Actor
from quinta.core.errors import LimitReached
from quinta.core.names import name_from, numbered
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Subscription, User
from quinta.core.tenancy.organizations import add_organization, end_date_of
from quinta.core.tenancy.subscriptions import require_room_for_project


async def lock_seen(work: UnitOfWork, actor: Actor, *more: str) -> list[str]:
    """The ids of the organizations whose projects and workspaces the actor sees, and of ``more``, locked until the
    transaction ends: nobody else can give a name there meanwhile. First of all the actor itself is locked, so that of
    two calls at once only one finds that it has no organization yet."""
    await work.of(User, EVERYTHING).lock(actor.user_id)
    ids = {organization.id for organization in await organizations_of(work, actor)}.union(more)
    return await work.of(Organization, EVERYTHING).lock_all(id=ids) if ids else []


async def organization_with_room(work: UnitOfWork, actor: Actor, now: datetime) -> Organization:
    """The first by name that the actor administers, is active and has room for a project; else one made for it.

    LimitReached when there is no plan that it could get.
    """
    administered = await work.of(Membership, of_user(actor.user_id)).values("organization_id", is_admin=True)
    for organization in await organizations_of(work, actor):
        if organization.id in administered and organization.status is OrganizationStatus.ACTIVE:
            try:
                await require_room_for_project(work, organization)
            except LimitReached:
                continue
            return organization
    return await _made_for(work, actor, now)


async def _made_for(work: UnitOfWork, actor: Actor, now: datetime) -> Organization:
    """A new one, named from the actor's e-mail, with the plan that has most room."""
    plans = await work.of(Subscription, EVERYTHING).find(hidden=False, order=("name",))
    open_plans = [plan for plan in plans if plan.max_projects != 0]
    if not open_plans:
        raise LimitReached("there is no subscription with room for a project: ask the operator of this server")
    plan = max(open_plans, key=lambda item: float("inf") if item.max_projects is None else item.max_projects)
    wanted, number = name_from(actor.email.partition("@")[0], "organization"), 1
    while await work.of(Organization, EVERYTHING).get(name=numbered(wanted, number)) is not None:
        number += 1
    end = end_date_of(plan, None, now.date())
    return await add_organization(work, actor, numbered(wanted, number), plan, now, end, agreed_by="")
