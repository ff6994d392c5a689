"""Places in an organization when calls meet: on both databases, none may count what another is about to change."""

from __future__ import annotations

import asyncio

from quinta.core.access.model import Actor
from quinta.core.errors import LimitReached, StateConflict
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.members import Members
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Subscription, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database

ADMINISTRATORS = 6
PLACES = 9


async def add_organization(database: Database) -> list[Actor]:
    """An organization ``o`` with a plan of 9 users; its six members, all administrators."""
    now = SystemClock().now()
    plan = Subscription(new_id(), "plan", 1, PLACES, 7, 1, 1, "", "", False)
    organization = Organization(new_id(), "o", OrganizationStatus.ACTIVE, plan.id, None, now)
    users = [
        User(new_id(), f"{number}@example.com", None, None, None, False, True, now) for number in range(ADMINISTRATORS)
    ]
    async with database.begin() as work:
        await work.of(Subscription, EVERYTHING).add(plan)
        await work.of(Organization, EVERYTHING).add(organization)
        await work.of(User, EVERYTHING).add(*users)
        places = [Membership(new_id(), organization.id, user.id, is_admin=True) for user in users]
        await work.of(Membership, EVERYTHING).add(*places)
    return [Actor(user.id, user.email, False, "", None) for user in users]


async def test_administrators_who_all_step_down_at_once_leave_one(database: Database) -> None:
    actors = await add_organization(database)
    members = Members(database)
    ends = await asyncio.gather(
        *(members.update(actor, "o", actor.user_id, admin=False) for actor in actors), return_exceptions=True
    )
    assert [type(end) for end in ends if isinstance(end, BaseException)] == [StateConflict]
    async with database.read() as work:
        assert await work.of(Membership, EVERYTHING).count(is_admin=True) == 1


async def test_invitations_at_once_fill_the_plan_and_no_more(database: Database) -> None:
    actors = await add_organization(database)
    members = Members(database)
    ends = await asyncio.gather(
        *(members.create(actor, "o", f"new-{actor.email}", admin=False) for actor in actors), return_exceptions=True
    )
    refused = [type(end) for end in ends if isinstance(end, BaseException)]
    assert refused == [LimitReached] * (2 * ADMINISTRATORS - PLACES)
    assert len(await members.find(actors[0], "o")) == PLACES
