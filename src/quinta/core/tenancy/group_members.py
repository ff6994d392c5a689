"""Changing who is in a group, by rules that hold for every way to do it (contract brainstem 10, decision 0025)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from quinta.core.access.groups import PRIVILEGED, level_in, owners_only
from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group, GroupLevel, GroupMember, PendingKind, PendingMember, User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

MAXIMUM_AT_ONCE = 1_000
"""People in one change. They are looked at one by one while the group is locked."""


class MembersOfGroup:
    """The people of one group, whose row the caller has locked and whose manager ``actor`` is (None: the operator)."""

    def __init__(self, work: UnitOfWork, group: Group, actor: Actor | None, clock: Clock) -> None:
        self._work = work
        self._group = group
        self._actor = actor
        self._clock = clock
        self._members = work.of(GroupMember, EVERYTHING)
        self._pending = work.of(PendingMember, EVERYTHING)

    async def change(self, wanted: Mapping[str, GroupLevel | None]) -> None:
        """Groups.change."""
        if len(wanted) > MAXIMUM_AT_ONCE:
            raise InvalidInput(f"at most {MAXIMUM_AT_ONCE} people can be changed at once", field="members")
        levels = {email.strip().lower(): level for email, level in wanted.items()}
        if len(levels) < len(wanted):
            raise InvalidInput("an e-mail stands there twice: capitals make no difference", field="members")
        people = await self._people(levels)
        # What the actor is at the start counts: an owner may hand the group over and step down in one change.
        is_owner = await level_in(self._work, self._actor, self._group) is GroupLevel.OWNER
        changed = [user.id for user in people if await self._set(user, levels[user.email], is_owner=is_owner)]
        await self._settle(changed)

    async def put(self, email: str, level: GroupLevel) -> None:
        """Groups.add."""
        user = (await self._people([email.strip().lower()]))[0]
        await self._pending.remove(group_id=self._group.id, user_id=user.id)
        member = await self._members.get(group_id=self._group.id, user_id=user.id)
        if member is None:
            await self._members.add(GroupMember(new_id(), self._group.id, user.id, level))
        else:
            await self._members.change(member.id, level=level)
        await self._settle([user.id])

    async def _people(self, emails: Collection[str]) -> list[User]:
        """The accounts with these addresses, by address."""
        users = await self._work.of(User, EVERYTHING).find(email=list(emails), project_id=None, order=("email",))
        if unknown := sorted(set(emails) - {user.email for user in users}):
            raise InvalidInput(f"no person here has an account with the e-mail '{unknown[0][:80]}'", field="members")
        return users

    async def _set(self, user: User, level: GroupLevel | None, *, is_owner: bool) -> bool:
        """Whether anything is different now."""
        member = await self._members.get(group_id=self._group.id, user_id=user.id)
        pending = await self._pending.get(group_id=self._group.id, user_id=user.id)
        if level is not None and pending is not None and pending.kind is PendingKind.REQUEST:
            raise StateConflict(
                f"'{user.email}' has asked to join the group '{self._group.name}': accept the request instead",
                field="members",
            )
        current = member or pending
        if current is None and level is None:
            raise InvalidInput(
                f"'{user.email}' is not in the group '{self._group.name}' and not invited to it", field="members"
            )
        before = None if current is None else current.level
        if before is level:
            return False
        if {before, level} & PRIVILEGED and not is_owner:
            raise owners_only(self._group)
        if current is None and level is not None:
            await self._invite(user, level)
        elif current is not None and level is not None:
            await (self._members if member else self._pending).change(current.id, level=level)
        else:
            await self._members.remove(group_id=self._group.id, user_id=user.id)
            await self._pending.remove(group_id=self._group.id, user_id=user.id)
        return True

    async def _invite(self, user: User, level: GroupLevel) -> None:
        now = self._clock.now()
        place = PendingMember(new_id(), self._group.id, user.id, PendingKind.INVITATION, level, now)
        await self._pending.add(place)

    async def _settle(self, changed: list[str]) -> None:
        """``changed``: ids of users."""
        if changed:
            await require_owned(self._work, self._group)
            self._work.emit(group_event(EventName.GROUP_CHANGED, self._group, self._actor, *changed))


async def require_owned(work: UnitOfWork, group: Group) -> None:
    """StateConflict when what this transaction did leaves the group without an owner."""
    if not await work.of(GroupMember, EVERYTHING).count(group_id=group.id, level=GroupLevel.OWNER):
        raise StateConflict(
            f"the group '{group.name}' would be left without an owner: make another member its owner, or delete it"
        )


def group_event(name: EventName, group: Group, actor: Actor | None, *user_ids: str) -> Event:
    """``user_ids``: whose place in the group is another now."""
    tags = (f"group:{group.id}", *(f"user:{user_id}" for user_id in user_ids))
    return Event(name, group.id, tags, None if actor is None else actor.user_id)
