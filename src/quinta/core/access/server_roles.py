"""Roles over the server, and who has them (contract dq0 4.2, 4.3, 5.6): all of it is the administrators'."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quinta.core.access.grants import level_of
from quinta.core.access.levels import require_administrator
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole, PermissionLevel, PlatformRole, RoleHolder
from quinta.core.access.references import Reference, group_of, person_of, role_of
from quinta.core.errors import AlreadyExists, InvalidInput, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.names import MAXIMUM_TITLE
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_SORTED_BY = frozenset({"number", "name", "level", "created_at", "updated_at"})


class ServerRoles:
    """Use cases of administrators; NotPermitted for everybody else. An actor of None is the operator."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, actor: Actor | None, paging: Paging) -> Page[PlatformRole]:
        """The roles, by number where no order is asked for."""
        order = order_of(paging, _SORTED_BY, ("number",))
        async with self._store.read() as work:
            await _require_keeper(work, actor)
            roles = work.of(PlatformRole, EVERYTHING)
            found = await roles.find(order=order, limit=paging.limit, offset=paging.offset)
            return Page(tuple(found), await roles.count())

    async def get(self, actor: Actor, role: Reference) -> PlatformRole:
        async with self._store.read() as work:
            await require_administrator(work, actor)
            return await role_of(work, role)

    async def create(self, actor: Actor, name: str) -> PlatformRole:
        """A role that nobody has and that may do nothing yet. InvalidInput, AlreadyExists: the name (``role_name``)."""
        wanted = _checked(name)
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            number = await work.next_number(PlatformRole)
            await _require_free(work, wanted)
            now = self._clock.now()
            role = PlatformRole(new_id(), number, wanted, PermissionLevel.NONE, now, now)
            await work.of(PlatformRole, EVERYTHING).add(role)
            work.emit(Event(EventName.PLATFORM_ROLE_CREATED, role.id, (), actor.user_id))
            return role

    async def rename(self, actor: Actor, role: Reference, name: str) -> PlatformRole:
        """StateConflict for a base role; else as ``create``."""
        wanted = _checked(name)
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            found = await role_of(work, role)
            if wanted == found.name:
                return found
            _require_own(found, "renamed")
            await _require_free(work, wanted)
            return await self._change(work, actor, found, name=wanted)

    async def set_level(self, actor: Actor, role: Reference, level: int) -> PlatformRole:
        """What holders of the role may do where nothing else is granted to it: on every project and dataset of the
        server. InvalidInput (``permission``) for no level. What administrators do as such does not depend on it."""
        wanted = level_of(level)
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            found = await role_of(work, role)
            if wanted == found.level:
                return found
            return await self._change(work, actor, found, level=wanted)

    async def delete(self, actor: Actor, role: Reference) -> None:
        """Removes the role from whoever has it, with what it was granted; StateConflict for a base role."""
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            found = await role_of(work, role)
            _require_own(found, "deleted")
            await work.of(PlatformRole, EVERYTHING).remove(id=found.id)
            work.emit(Event(EventName.PLATFORM_ROLE_DELETED, found.id, (), actor.user_id))

    async def give_to_user(self, actor: Actor | None, role: Reference, user: Reference) -> None:
        """The role comes behind those that the user has; nothing happens where it has this one."""
        async with self._store.begin() as work:
            by = await _require_keeper(work, actor)
            found, person = await role_of(work, role), await person_of(work, user)
            await give_role(work, by, found, user_id=person.id)

    async def take_from_user(self, actor: Actor | None, role: Reference, user: Reference) -> None:
        """Nothing happens where the user does not have the role. StateConflict for one's own role admin."""
        async with self._store.begin() as work:
            by = await _require_keeper(work, actor)
            found, person = await role_of(work, role), await person_of(work, user)
            if found.name == BaseRole.ADMIN and person.id == by:
                raise StateConflict("nobody withdraws the role 'admin' from itself: another administrator may")
            await take_role(work, by, found, user_id=person.id)

    async def give_to_group(self, actor: Actor, role: Reference, group: Reference) -> None:
        """Everybody in the group has the role from now on, also who is taken in later by the group's managers."""
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            found, place = await role_of(work, role), await group_of(work, group)
            await give_role(work, actor.user_id, found, group_id=place.id)

    async def take_from_group(self, actor: Actor, role: Reference, group: Reference) -> None:
        """Nothing happens where the group does not have the role."""
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            found, place = await role_of(work, role), await group_of(work, group)
            await take_role(work, actor.user_id, found, group_id=place.id)

    async def _change(self, work: UnitOfWork, actor: Actor, role: PlatformRole, **values: Any) -> PlatformRole:
        values["updated_at"] = self._clock.now()
        await work.of(PlatformRole, EVERYTHING).change(role.id, **values)
        work.emit(Event(EventName.PLATFORM_ROLE_CHANGED, role.id, (), actor.user_id))
        return replace(role, **values)


async def give_role(
    work: UnitOfWork, by: str | None, role: PlatformRole, *, user_id: str | None = None, group_id: str | None = None
) -> None:
    """Makes the user, or the group, a holder of the role, in the name of ``by`` (None: the operator)."""
    await work.of(PlatformRole, EVERYTHING).lock(role.id)  # two at once make one holder
    holders = work.of(RoleHolder, EVERYTHING)
    held = await holders.find(user_id=user_id, group_id=group_id)
    if any(holder.role_id == role.id for holder in held):
        return
    place = max((holder.place for holder in held), default=-1) + 1
    holder = RoleHolder(new_id(), role.id, user_id, group_id, place)
    await holders.add(holder)
    work.emit(Event(EventName.PLATFORM_ROLE_GIVEN, holder.id, _tags(user_id, group_id), by))


async def take_role(
    work: UnitOfWork, by: str | None, role: PlatformRole, *, user_id: str | None = None, group_id: str | None = None
) -> None:
    """Ends what ``give_role`` began."""
    holders = work.of(RoleHolder, EVERYTHING)
    holder = await holders.get(role_id=role.id, user_id=user_id, group_id=group_id)
    if holder is not None:
        await holders.remove(id=holder.id)
        work.emit(Event(EventName.PLATFORM_ROLE_WITHDRAWN, holder.id, _tags(user_id, group_id), by))


async def _require_keeper(work: UnitOfWork, actor: Actor | None) -> str | None:
    """The id of who changes something."""
    if actor is None:
        return None
    await require_administrator(work, actor)
    return actor.user_id


def _tags(user_id: str | None, group_id: str | None) -> tuple[str, ...]:
    return (f"group:{group_id}",) if user_id is None else (f"user:{user_id}",)


def _checked(name: str) -> str:
    wanted = name.strip()
    if not 1 <= len(wanted) <= MAXIMUM_TITLE or not wanted.isprintable():
        raise InvalidInput(f"a role's name has 1 to {MAXIMUM_TITLE} printable characters", field="role_name")
    return wanted


async def _require_free(work: UnitOfWork, name: str) -> None:
    if await work.of(PlatformRole, EVERYTHING).get(name=name) is not None:
        raise AlreadyExists(f"there is a role named '{name}' already", field="role_name")


def _require_own(role: PlatformRole, done: str) -> None:
    if role.name in {name.value for name in BaseRole}:
        raise StateConflict(f"the role '{role.name}' is one of the server's own and cannot be {done}")
