"""People as the administrators of the quarantine see them: who waits, who may in, with which roles (contract dq0 4.2,
5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from quinta.core.access.device_keys import DeviceKey
from quinta.core.access.levels import require_administrator
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole, PlatformRole, RoleHolder
from quinta.core.access.references import Reference, person_of
from quinta.core.access.server_roles import give_role, take_role
from quinta.core.errors import InvalidInput, NotPermitted, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.accounts import end_sessions, remove_account
from quinta.core.tenancy.model import User
from quinta.kit.clock import Clock

_SORTED_BY = frozenset({"number", "email", "created_at"})
_MOST_ROLES = 100


class PersonState(StrEnum):
    """Whether an account opens anything: it waits for confirmation, does, or does not any more."""

    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person with its own roles, not those of its groups; the first is the one that is shown."""

    user: User
    roles: tuple[PlatformRole, ...]

    @property
    def state(self) -> PersonState:
        if self.user.is_active:
            return PersonState.ACTIVE
        return PersonState.PENDING if self.user.disabled_at is None else PersonState.DISABLED


class People:
    """Use cases of administrators; NotPermitted for everybody else. Accounts of the server's staff are for staff alone
    to change: whoever administers the quarantine does not thereby administer the server."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, actor: Actor, paging: Paging) -> Page[PersonView]:
        """Every person with an account, by number where no order is asked for."""
        order = order_of(paging, _SORTED_BY, ("number",))
        async with self._store.read() as work:
            await require_administrator(work, actor)
            users = work.of(User, EVERYTHING)
            found = await users.find(project_id=None, order=order, limit=paging.limit, offset=paging.offset)
            return Page(tuple(await _views(work, found)), await users.count(project_id=None))

    async def get(self, actor: Actor, person: Reference) -> PersonView:
        async with self._store.read() as work:
            await require_administrator(work, actor)
            return (await _views(work, [await person_of(work, person)]))[0]

    async def change(
        self,
        actor: Actor,
        person: Reference,
        *,
        state: PersonState | None = None,
        roles: Sequence[int] | None = None,
    ) -> PersonView:
        """Confirms, disables or sets back an account, and gives it the roles of these numbers in place of its own; what
        is None stays. A person that is no longer active is signed out everywhere.

        InvalidInput (``roles``): a number of no role. StateConflict: one's own state, or one's own role admin.
        """
        async with self._store.begin() as work:
            user = await _to_change(work, actor, person)
            if state is not None:
                user = await self._set_state(work, actor, user, state)
            if roles is not None:
                await _set_roles(work, actor, user, roles)
            return (await _views(work, [user]))[0]

    async def delete(self, actor: Actor, person: Reference) -> None:
        """Closes the account; StateConflict for one's own, and as of ``Accounts.delete``."""
        async with self._store.begin() as work:
            user = await _to_change(work, actor, person)
            if user.id == actor.user_id:
                raise StateConflict("nobody deletes its own account here: another administrator may")
            await remove_account(work, user.id, actor)

    async def forget_devices(self, actor: Actor | None, person: Reference) -> int:
        """Revokes the keys of the person's devices and ends its sessions, so that it may log in from another one; the
        operator (None) may too. Answers how many keys there were."""
        async with self._store.begin() as work:
            user = await _to_change(work, actor, person)
            keys = work.of(DeviceKey, of_user(user.id))
            found = await keys.find(revoked_at=None)
            by = None if actor is None else actor.user_id
            for key in found:
                await keys.change(key.id, revoked_at=self._clock.now())
                work.emit(Event(EventName.DEVICE_KEY_REVOKED, key.id, (f"user:{user.id}",), by))
            await end_sessions(work, user.id)
            work.emit(Event(EventName.USER_CHANGED, user.id, (f"user:{user.id}",), by))
            return len(found)

    async def _set_state(self, work: UnitOfWork, actor: Actor, user: User, state: PersonState) -> User:
        if PersonView(user, ()).state is state:
            return user
        if user.id == actor.user_id:
            raise StateConflict("nobody changes the state of its own account: another administrator may", field="state")
        values: dict[str, Any] = {
            "is_active": state is PersonState.ACTIVE,
            "disabled_at": self._clock.now() if state is PersonState.DISABLED else None,
        }
        await work.of(User, EVERYTHING).change(user.id, **values)
        if state is not PersonState.ACTIVE:
            await end_sessions(work, user.id)
        work.emit(_changed(user, actor))
        return replace(user, **values)


async def _to_change(work: UnitOfWork, actor: Actor | None, person: Reference) -> User:
    """The person, locked."""
    if actor is not None:
        await require_administrator(work, actor)
    user = await work.of(User, EVERYTHING).lock((await person_of(work, person)).id)
    if user.is_staff and actor is not None and not actor.is_staff:
        raise NotPermitted("the accounts of the server's own staff are changed by staff only")
    return user


async def _set_roles(work: UnitOfWork, actor: Actor, user: User, numbers: Sequence[int]) -> None:
    wanted = await _roles_numbered(work, numbers)
    had = (await _views(work, [user]))[0].roles
    gone = [role for role in had if role not in wanted]
    if user.id == actor.user_id and any(role.name == BaseRole.ADMIN for role in gone):
        raise StateConflict("nobody withdraws the role 'admin' from itself: another administrator may", field="roles")
    for role in gone:
        await take_role(work, actor.user_id, role, user_id=user.id)
    for role in wanted:
        await give_role(work, actor.user_id, role, user_id=user.id)
    if [role for role in had if role in wanted] != [role for role in wanted if role in had]:
        work.emit(_changed(user, actor))
    holders = work.of(RoleHolder, EVERYTHING)
    places = {role.id: place for place, role in enumerate(wanted)}
    for holder in await holders.find(user_id=user.id):
        if holder.place != places[holder.role_id]:
            await holders.change(holder.id, place=places[holder.role_id])


async def _roles_numbered(work: UnitOfWork, numbers: Sequence[int]) -> list[PlatformRole]:
    """In the order of ``numbers``, each once."""
    if len(numbers) > _MOST_ROLES:
        raise InvalidInput(f"at most {_MOST_ROLES} roles can be given at once", field="roles")
    possible = [number for number in dict.fromkeys(numbers) if 0 < number < 2**63]
    known = {role.number: role for role in await work.of(PlatformRole, EVERYTHING).find(number=possible)}
    if unknown := [number for number in numbers if number not in known]:
        raise InvalidInput(f"there is no role number {unknown[0]}", field="roles")
    return [known[number] for number in possible]


async def _views(work: UnitOfWork, users: Sequence[User]) -> list[PersonView]:
    held = await work.of(RoleHolder, EVERYTHING).find(user_id=[user.id for user in users], order=("place", "id"))
    found = await work.of(PlatformRole, EVERYTHING).find(id={holder.role_id for holder in held})
    roles = {role.id: role for role in found}
    return [
        PersonView(user, tuple(roles[holder.role_id] for holder in held if holder.user_id == user.id)) for user in users
    ]


def _changed(user: User, actor: Actor) -> Event:
    return Event(EventName.USER_CHANGED, user.id, (f"user:{user.id}",), actor.user_id)
