"""Places in groups that somebody has yet to say yes to: invitations and requests (contract brainstem 9.5, 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quinta.core.access.decide import require_person
from quinta.core.access.groups import (
    PRIVILEGED,
    administers_all,
    group_numbered,
    require_manager,
    require_owner,
)
from quinta.core.access.model import Actor
from quinta.core.errors import NotFound, NotPermitted, StateConflict
from quinta.core.events import EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.group_members import group_event
from quinta.core.tenancy.groups import groups_of
from quinta.core.tenancy.model import Group, GroupLevel, GroupMember, PendingKind, PendingMember, User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id


@dataclass(frozen=True, slots=True)
class PlaceView:
    """An invitation or a request: ``number`` is the group's, ``email`` that of who is to become a member."""

    place: PendingMember
    number: int
    email: str


class GroupPlaces:
    """Use cases of who is yet to become a member. A place is seen by its user, by who manages the group, and by staff;
    for anybody else it does not exist: NotFound.

    An invitation is made by Groups.change; its user accepts or rejects it, the group's managers cancel it. With a
    request it is the other way round.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def join(self, actor: Actor, number: int) -> PlaceView:
        """Asks to become a member; who has asked already is answered the same request.

        NotFound: no such group; StateConflict: a member already, or invited.
        """
        require_person(actor)
        async with self._store.begin() as work:
            group = await work.of(Group, EVERYTHING).lock((await group_numbered(work, number)).id)
            if await work.of(GroupMember, of_user(actor.user_id)).get(group_id=group.id) is not None:
                raise StateConflict(f"you are a member of the group '{group.name}' already")
            pending = work.of(PendingMember, of_user(actor.user_id))
            place = await pending.get(group_id=group.id)
            if place is not None and place.kind is PendingKind.INVITATION:
                raise StateConflict(f"you are invited to the group '{group.name}': accept the invitation {place.id}")
            if place is None:
                now = self._clock.now()
                place = PendingMember(new_id(), group.id, actor.user_id, PendingKind.REQUEST, GroupLevel.MEMBER, now)
                await pending.add(place)
                work.emit(group_event(EventName.GROUP_CHANGED, group, actor, actor.user_id))
            return PlaceView(place, group.number, actor.email)

    async def find(self, actor: Actor, kind: PendingKind) -> list[PlaceView]:
        """The actor's own, and those of groups that it manages, in the order they came; for staff all."""
        async with self._store.read() as work:
            pending = work.of(PendingMember, EVERYTHING)
            if administers_all(actor):
                return await _views(work, await pending.find(kind=kind, order=("id",)))
            groups = await groups_of(work, actor.user_id)
            managed = [group_id for group_id, level in groups.items() if level in PRIVILEGED]
            found = await pending.find(kind=kind, group_id=managed)
            found += await pending.find(kind=kind, user_id=actor.user_id)
            return await _views(work, sorted(found, key=lambda place: place.id))

    async def get(self, actor: Actor, kind: PendingKind, place_id: str) -> PlaceView:
        async with self._store.read() as work:
            return (await _views(work, [await _place(work, actor, kind, place_id)]))[0]

    async def accept(self, actor: Actor, kind: PendingKind, place_id: str) -> PlaceView:
        """Makes the place a member's; answers it as it was."""
        async with self._store.begin() as work:
            place, group = await _decide(work, actor, kind, place_id, own=kind is PendingKind.INVITATION)
            view = (await _views(work, [place]))[0]
            await work.of(GroupMember, EVERYTHING).add(GroupMember(new_id(), group.id, place.user_id, place.level))
            await _end(work, actor, place, group)
            return view

    async def reject(self, actor: Actor, kind: PendingKind, place_id: str) -> None:
        """The no of who was asked."""
        async with self._store.begin() as work:
            place, group = await _decide(work, actor, kind, place_id, own=kind is PendingKind.INVITATION)
            await _end(work, actor, place, group)

    async def cancel(self, actor: Actor, kind: PendingKind, place_id: str) -> None:
        """Takes back what was asked."""
        async with self._store.begin() as work:
            place, group = await _decide(work, actor, kind, place_id, own=kind is PendingKind.REQUEST)
            await _end(work, actor, place, group)


async def _decide(
    work: UnitOfWork, actor: Actor, kind: PendingKind, place_id: str, *, own: bool
) -> tuple[PendingMember, Group]:
    """The place and its group, locked, if the actor may decide: ``own``, its user; else the group's side, which is an
    owner's where the place is a manager's or an owner's."""
    seen = await _place(work, actor, kind, place_id)
    group = await work.of(Group, EVERYTHING).lock(seen.group_id)
    place = await _place(work, actor, kind, place_id)  # somebody may have decided while this waited for the lock
    if own and place.user_id != actor.user_id:
        raise NotPermitted(f"only who the {kind} is for may do this")
    if not own:
        await _require_group_side(work, actor, group, place)
    return place, group


async def _require_group_side(work: UnitOfWork, actor: Actor, group: Group, place: PendingMember) -> None:
    if place.user_id == actor.user_id and not await _manages(work, actor, place):
        raise NotPermitted(f"only managers and owners of the group '{group.name}' may do this")
    await (require_owner if place.level in PRIVILEGED else require_manager)(work, actor, group)


async def _place(work: UnitOfWork, actor: Actor, kind: PendingKind, place_id: str) -> PendingMember:
    """The place, if the actor may see it."""
    require_person(actor)
    known = parse_id(place_id)
    place = None if known is None else await work.of(PendingMember, EVERYTHING).get(id=known, kind=kind)
    if place is None or not (place.user_id == actor.user_id or await _manages(work, actor, place)):
        raise NotFound(f"there is no {kind} with the id '{place_id[:80]}'", refusal=place is not None)
    return place


async def _manages(work: UnitOfWork, actor: Actor, place: PendingMember) -> bool:
    if administers_all(actor):
        return True
    member = await work.of(GroupMember, of_user(actor.user_id)).get(group_id=place.group_id)
    return member is not None and member.level in PRIVILEGED


async def _end(work: UnitOfWork, actor: Actor, place: PendingMember, group: Group) -> None:
    await work.of(PendingMember, EVERYTHING).remove(id=place.id)
    work.emit(group_event(EventName.GROUP_CHANGED, group, actor, place.user_id))


async def _views(work: UnitOfWork, places: Sequence[PendingMember]) -> list[PlaceView]:
    groups = await work.of(Group, EVERYTHING).find(id={place.group_id for place in places})
    users = await work.of(User, EVERYTHING).find(id={place.user_id for place in places})
    numbers = {group.id: group.number for group in groups}
    emails = {user.id: user.email for user in users}
    return [PlaceView(place, numbers[place.group_id], emails[place.user_id]) for place in places]
