"""Groups of people (contract brainstem 10, decision 0025). Rights: core/access/groups.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from quinta.core.access.decide import require_person
from quinta.core.access.groups import (
    administers_all,
    group_numbered,
    group_to_manage,
    group_to_see,
    groups_numbered,
    no_such_group,
    require_owner,
)
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, NotPermitted, StateConflict
from quinta.core.events import EventName
from quinta.core.files.model import RecordGroup
from quinta.core.names import check_group_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.group_members import MembersOfGroup, group_event, require_owned
from quinta.core.tenancy.model import Group, GroupLevel, GroupMember, User
from quinta.core.unset import UNSET, Unset
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with its members, e-mail and level, by e-mail. Who is only invited is none."""

    group: Group
    members: tuple[tuple[str, GroupLevel], ...]


class Groups:
    """Use cases about groups, which are known by their numbers. Who is not in one may not know of it: NotFound."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def known(self, numbers: Collection[int]) -> dict[int, Group]:
        """Those of ``numbers`` that there are, by number, whoever asks: a group's name is no secret to who has its
        number."""
        async with self._store.read() as work:
            return await groups_numbered(work, numbers)

    async def find(self, actor: Actor | None) -> list[GroupView]:
        """The groups that the actor is in, by number; all for the operator and staff."""
        async with self._store.read() as work:
            groups = work.of(Group, EVERYTHING)
            if actor is None or administers_all(actor):
                return await _views(work, await groups.find(order=("number",)))
            mine = await groups_of(work, actor.user_id)
            return await _views(work, await groups.find(id=list(mine), order=("number",)))

    async def get(self, actor: Actor | None, number: int) -> GroupView:
        async with self._store.read() as work:
            return await _view(work, await group_to_see(work, actor, number))

    async def create(self, actor: Actor, name: str) -> GroupView:
        """A new group with the actor as its owner and only member.

        InvalidInput: a name against the rule; AlreadyExists: one that is taken. Both with the field ``name``.
        """
        require_person(actor)
        name = check_group_name(name)
        async with self._store.begin() as work:
            await _require_free(work, name)
            group = Group(new_id(), await work.next_number(Group), name, self._clock.now())
            await work.of(Group, EVERYTHING).add(group)
            owner = GroupMember(new_id(), group.id, actor.user_id, GroupLevel.OWNER)
            await work.of(GroupMember, EVERYTHING).add(owner)
            work.emit(group_event(EventName.GROUP_CREATED, group, actor, actor.user_id))
            return await _view(work, group)

    async def change(
        self,
        actor: Actor | None,
        number: int,
        *,
        name: str | Unset = UNSET,
        members: Mapping[str, GroupLevel | None] | Unset = UNSET,
    ) -> GroupView:
        """Renames the group, which is its owners' to do, and changes who is in it, which is its managers' too.

        ``members`` has e-mails: a member gets the level, who is none is invited, None takes out; everybody else stays.
        InvalidInput with the field ``members`` for an address without an account, or of somebody to be taken out who is
        not in; NotPermitted where managers or owners would be made or unmade by who is no owner; StateConflict when no
        owner would be left, or for who has asked to join.
        """
        async with self._store.begin() as work:
            group = await group_to_manage(work, actor, number)
            if not isinstance(name, Unset) and (wanted := check_group_name(name)) != group.name:
                await require_owner(work, actor, group)
                await _require_free(work, wanted)
                await work.of(Group, EVERYTHING).change(group.id, name=wanted)
                work.emit(group_event(EventName.GROUP_CHANGED, group, actor))
            if not isinstance(members, Unset):
                await MembersOfGroup(work, group, actor, self._clock).change(members)
            return await _view(work, await group_numbered(work, number))

    async def add(self, actor: Actor | None, number: int, email: str, level: GroupLevel) -> GroupView:
        """The way of the operator and of staff, who ask nobody: puts the owner of the address into the group at once; a
        member gets the level.

        InvalidInput with the field ``members`` for an address without an account; StateConflict when no owner would be
        left.
        """
        if not administers_all(actor):
            raise NotPermitted("only the server's own staff puts people into groups without asking them")
        async with self._store.begin() as work:
            group = await group_to_manage(work, actor, number)
            await MembersOfGroup(work, group, actor, self._clock).put(email, level)
            return await _view(work, group)

    async def leave(self, actor: Actor, number: int) -> None:
        """Takes the actor out of the group; StateConflict for the last owner."""
        require_person(actor)
        async with self._store.begin() as work:
            group = await work.of(Group, EVERYTHING).lock((await group_numbered(work, number)).id)
            if not await work.of(GroupMember, of_user(actor.user_id)).remove(group_id=group.id):
                raise no_such_group(number, hidden=True)
            await require_owned(work, group)
            work.emit(group_event(EventName.GROUP_CHANGED, group, actor, actor.user_id))

    async def delete(self, actor: Actor | None, number: int) -> None:
        """Removes the group, which is its owners' to do; StateConflict while a data record lists it."""
        async with self._store.begin() as work:
            group = await group_numbered(work, number)
            await require_owner(work, actor, group)
            # Also against records that are about to list it: their foreign key waits for this lock.
            if not await work.of(Group, EVERYTHING).lock_all(id=group.id):
                raise no_such_group(number)
            if count := await _records(work, group):
                raise StateConflict(
                    f"the group '{group.name}' is listed by data records ({count}), which nobody could reach without "
                    "it: give them to another group or delete them first"
                )
            gone = await work.of(GroupMember, EVERYTHING).values("user_id", group_id=group.id)
            await work.of(Group, EVERYTHING).remove(id=group.id)
            work.emit(group_event(EventName.GROUP_DELETED, group, actor, *gone))


async def groups_of(work: UnitOfWork, user_id: str) -> dict[str, GroupLevel]:
    """What the user is in each of its groups, by the group's id."""
    return {member.group_id: member.level for member in await work.of(GroupMember, of_user(user_id)).find()}


async def leave_all_groups(work: UnitOfWork, user_id: str, actor: Actor) -> None:
    """Before an account goes: takes it out of its groups, in the actor's name. One with nobody else and no data records
    goes too.

    StateConflict where it is the last owner of a group that has others in it or is listed by records.
    """
    await work.of(User, EVERYTHING).lock_all(id=user_id)  # so that nobody puts it into another one meanwhile
    ids = list(await groups_of(work, user_id))
    await work.of(Group, EVERYTHING).lock_all(id=ids)
    for group in await work.of(Group, EVERYTHING).find(id=ids, order=("number",)):
        members = work.of(GroupMember, EVERYTHING)
        await members.remove(group_id=group.id, user_id=user_id)
        name = EventName.GROUP_CHANGED
        if await members.count(group_id=group.id) or await _records(work, group):
            await require_owned(work, group)
        else:
            name = EventName.GROUP_DELETED
            await work.of(Group, EVERYTHING).remove(id=group.id)
        work.emit(group_event(name, group, actor, user_id))


async def _records(work: UnitOfWork, group: Group) -> int:
    """How many data records list the group."""
    return await work.of(RecordGroup, EVERYTHING).count(group_id=group.id)


async def _require_free(work: UnitOfWork, name: str) -> None:
    if await work.of(Group, EVERYTHING).get(name=name) is not None:
        raise AlreadyExists(f"there is a group named '{name}' already", field="name")


async def _view(work: UnitOfWork, group: Group) -> GroupView:
    return (await _views(work, [group]))[0]


async def _views(work: UnitOfWork, groups: Sequence[Group]) -> list[GroupView]:
    ids = [group.id for group in groups]
    members = await work.of(GroupMember, EVERYTHING).find(group_id=ids)
    users = await work.of(User, EVERYTHING).find(id={member.user_id for member in members})
    emails = {user.id: user.email for user in users}
    of_group: dict[str, list[tuple[str, GroupLevel]]] = {group_id: [] for group_id in ids}
    for member in members:
        of_group[member.group_id].append((emails[member.user_id], member.level))
    return [GroupView(group, tuple(sorted(of_group[group.id]))) for group in groups]
