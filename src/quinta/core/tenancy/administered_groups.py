"""Groups as the administrators of the quarantine keep them, who need not be in one (contract dq0 4.2, 4.3).

They are the same groups that their owners and managers keep elsewhere (decision 0025).
"""

from __future__ import annotations

from dataclasses import replace

from quinta.core.access.levels import require_administrator
from quinta.core.access.model import Actor
from quinta.core.access.references import Reference, group_of, person_of
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.groups import Groups
from quinta.core.tenancy.model import Group, GroupLevel, User

_SORTED_BY = frozenset({"number", "name", "created_at"})


class AdministeredGroups:
    """Use cases of administrators; NotPermitted for everybody else. A group is named by number, by name or both."""

    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups

    async def find(self, actor: Actor, paging: Paging) -> Page[Group]:
        """All groups, by number where no order is asked for."""
        order = order_of(paging, _SORTED_BY, ("number",))
        async with self._store.read() as work:
            await require_administrator(work, actor)
            groups = work.of(Group, EVERYTHING)
            found = await groups.find(order=order, limit=paging.limit, offset=paging.offset)
            return Page(tuple(found), await groups.count())

    async def get(self, actor: Actor, group: Reference) -> Group:
        async with self._store.read() as work:
            await require_administrator(work, actor)
            return await group_of(work, group)

    async def create(self, actor: Actor, name: str) -> Group:
        """A group whose owner is the administrator; raises what ``Groups.create`` does."""
        async with self._store.read() as work:
            await require_administrator(work, actor)
        return (await self._groups.create(actor, name)).group

    async def rename(self, actor: Actor, group: Reference, name: str) -> Group:
        found = await self.get(actor, group)
        return (await self._groups.change(_as_staff(actor), found.number, name=name)).group

    async def delete(self, actor: Actor, group: Reference) -> None:
        """StateConflict while a data record lists it."""
        found = await self.get(actor, group)
        await self._groups.delete(_as_staff(actor), found.number)

    async def add_user(self, actor: Actor, group: Reference, user: Reference) -> None:
        """Puts the person in as a member, without asking; who is in already stays what it is."""
        found, person, level = await self._place(actor, group, user)
        if level is None:
            await self._groups.add(_as_staff(actor), found.number, person.email, GroupLevel.MEMBER)

    async def remove_user(self, actor: Actor, group: Reference, user: Reference) -> None:
        """Takes the person out; nothing happens where it is not in. StateConflict for the group's last owner."""
        found, person, level = await self._place(actor, group, user)
        if level is not None:
            await self._groups.change(_as_staff(actor), found.number, members={person.email: None})

    async def _place(self, actor: Actor, group: Reference, user: Reference) -> tuple[Group, User, GroupLevel | None]:
        found = await self.get(actor, group)
        async with self._store.read() as work:
            person = await person_of(work, user)
        members = dict((await self._groups.get(_as_staff(actor), found.number)).members)
        return found, person, members.get(person.email)


def _as_staff(actor: Actor) -> Actor:
    """An administrator of the quarantine, whom this room has checked, may with groups what the server's staff may."""
    return replace(actor, is_staff=True)
