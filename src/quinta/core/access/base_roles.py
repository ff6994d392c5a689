"""The three roles that every server has (contract dq0 5.6): made together, when they are needed first."""

from __future__ import annotations

from collections.abc import Mapping

from quinta.core.access.platform_roles import BaseRole, PermissionLevel, PlatformRole
from quinta.core.access.server_roles import give_role
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

BASE_LEVELS: Mapping[BaseRole, PermissionLevel] = {
    BaseRole.ADMIN: PermissionLevel.NONE,
    BaseRole.OWNER: PermissionLevel.NONE,
    BaseRole.USER: PermissionLevel.NONE,
}
"""What each may do where nothing is granted: all reach what is their own, what they are members of and what is granted
to them. That admin administers people and manages datasets is no matter of its level, and gives it no project."""


async def make_base_roles(store: Store, clock: Clock) -> None:
    """Makes the base roles where they are not there yet. The oldest staff account gets the role admin then: the first
    administrator of a server that is older than its roles."""
    async with store.begin() as work:
        if await _known(work):
            return
        admin = await base_role(work, BaseRole.ADMIN, clock)
        for user in await work.of(User, EVERYTHING).find(is_staff=True, order=("id",), limit=1):
            await give_role(work, None, admin, user_id=user.id)


async def base_role(work: UnitOfWork, name: BaseRole, clock: Clock) -> PlatformRole:
    """The base role of that name."""
    known = await _known(work)
    if not known:
        number = await work.next_number(PlatformRole)  # from here on nobody else makes roles
        known = await _known(work) or await _make(work, number, clock)
    return known[name]


async def _known(work: UnitOfWork) -> dict[BaseRole, PlatformRole]:
    """All three, or none."""
    found = await work.of(PlatformRole, EVERYTHING).find(name=[name.value for name in BaseRole])
    return {BaseRole(role.name): role for role in found}


async def _make(work: UnitOfWork, number: int, clock: Clock) -> dict[BaseRole, PlatformRole]:
    made: dict[BaseRole, PlatformRole] = {}
    for name in BaseRole:
        now = clock.now()
        made[name] = PlatformRole(new_id(), number, name.value, BASE_LEVELS[name], now, now)
        await work.of(PlatformRole, EVERYTHING).add(made[name])
        work.emit(Event(EventName.PLATFORM_ROLE_CREATED, made[name].id))
        if name is not BaseRole.USER:
            number = await work.next_number(PlatformRole)
    return made
