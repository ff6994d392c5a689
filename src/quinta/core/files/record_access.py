"""Who may see and change which data records (contract brainstem 5, 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from quinta.core.access.decide import require_staff
from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotAuthenticated, NotPermitted
from quinta.core.files.model import DataRecord
from quinta.core.files.record_query import RecordQuery
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.groups import groups_of
from quinta.core.tenancy.model import Group, GroupLevel


class Portal(StrEnum):
    """Through which door a caller comes (contract brainstem 5)."""

    PUBLIC = "public"
    PRIVATE = "private"
    SUPER = "super"


async def seen_by(work: UnitOfWork, actor: Actor | None, portal: Portal, query: RecordQuery) -> RecordQuery:
    """The question, of what the actor sees through the portal."""
    if portal is Portal.PUBLIC:
        return replace(query, group_ids=None, public_only=True)
    if actor is None:
        raise NotAuthenticated("this portal is for those who have signed in", refusal=False)
    if portal is Portal.SUPER:
        require_staff(actor)
    if actor.is_staff:
        return replace(query, group_ids=None, public_only=False)
    return replace(query, group_ids=frozenset(await _levels(work, actor)), public_only=False)


def require_author(actor: Actor | None, portal: Portal) -> Actor:
    """Who changes something, if that is done through the portal and by the actor."""
    if portal is Portal.PUBLIC:
        raise NotPermitted("nothing is changed through the public portal")
    if actor is None:
        raise NotAuthenticated("this portal is for those who have signed in", refusal=False)
    if portal is Portal.SUPER:
        require_staff(actor)
    return actor


async def require_groups(work: UnitOfWork, author: Actor, numbers: Sequence[int], listed: Sequence[int]) -> list[Group]:
    """The groups with these numbers, by number; those that are not ``listed`` yet must be the author's."""
    wanted = set(numbers)
    groups = await work.of(Group, EVERYTHING).find(number=wanted, order=("number",))
    missing = sorted(wanted - {group.number for group in groups})
    if missing:
        raise InvalidInput(f"there is no group with the number {missing[0]}", field="groups")
    if not author.is_staff:
        own = await _levels(work, author)
        foreign = [its.number for its in groups if its.number not in listed and its.id not in own]
        if foreign:
            raise NotPermitted(f"only a member of the group {foreign[0]} may let it have a record", field="groups")
    return groups


async def require_publisher(work: UnitOfWork, author: Actor, record: DataRecord, groups: Sequence[Group]) -> None:
    if author.is_staff or record.created_by == author.user_id:
        return
    levels = await _levels(work, author)
    if not any(levels.get(group.id) is GroupLevel.OWNER for group in groups):
        raise NotPermitted(
            "only who made a record, or an owner of one of its groups, may make it public or private",
            field="is_public",
        )


async def _levels(work: UnitOfWork, actor: Actor) -> dict[str, GroupLevel]:
    """The actor's level in each of its groups, by their ids; a service user has none."""
    if actor.is_service_user:
        return {}
    return await groups_of(work, actor.user_id)
