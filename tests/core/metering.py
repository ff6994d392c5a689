"""A tenant whose administrator may ask, points to ask about, and a clock that stands still."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from quinta.core.access.model import Actor
from quinta.core.observation.model import MetricPoint
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, User
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.storage.rows import NOW, Tenant, add_tenant


@dataclass
class StillClock:
    """Stands at ``moment`` until it is set."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()


async def add_user(database: Database, tenant: Tenant | None = None, *, is_admin: bool = True) -> Actor:
    """Someone with an account: a member of the tenant's organization, or of none."""
    email = f"{new_id()}@example.com"
    user = User(new_id(), email, None, None, None, False, True, NOW)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        if tenant is not None:
            membership = Membership(new_id(), tenant.organization.id, user.id, is_admin)
            await work.of(Membership, EVERYTHING).add(membership)
    return Actor(user.id, email, False, "", None)


async def new_tenant(database: Database) -> tuple[Tenant, Actor]:
    """A tenant that no other test or example has, and its administrator."""
    tenant = await add_tenant(database, f"t-{uuid.uuid4().hex}")
    return tenant, await add_user(database, tenant)


async def record(database: Database, points: Iterable[MetricPoint]) -> None:
    async with database.begin() as work:
        await work.add_metric_points(list(points))
