"""Who may do what with a group (contract brainstem 10, decision 0025).

``actor`` is whose rights count; None is the operator, who may do all, as the server's own staff may. Everything that
changes a group locks its row first, so that two at once never leave it without an owner.
"""

from __future__ import annotations

from collections.abc import Collection

from quinta.core.access.decide import require_person
from quinta.core.access.model import Actor
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import Group, GroupLevel, GroupMember

PRIVILEGED = frozenset({GroupLevel.MANAGER, GroupLevel.OWNER})
"""Levels that administer a group. Only an owner gives or takes them."""
_LARGEST = 2**63 - 1
_AT_ONCE = 1_000  # parameters of one statement; SQLite and PostgreSQL take some 32,000


def administers_all(actor: Actor | None) -> bool:
    """Whether every group is open to the actor. NotPermitted for a service user, which is in none."""
    if actor is None:
        return True
    require_person(actor)
    return actor.is_staff


async def groups_numbered(work: UnitOfWork, numbers: Collection[int]) -> dict[int, Group]:
    """Those of ``numbers`` that there are. What the database cannot hold is the number of none."""
    possible = sorted({number for number in numbers if 0 < number <= _LARGEST})
    found: dict[int, Group] = {}
    for start in range(0, len(possible), _AT_ONCE):
        groups = await work.of(Group, EVERYTHING).find(number=possible[start : start + _AT_ONCE])
        found |= {group.number: group for group in groups}
    return found


async def group_numbered(work: UnitOfWork, number: int) -> Group:
    """The group, whoever asks; NotFound when there is none."""
    found = await groups_numbered(work, [number])
    if not found:
        raise no_such_group(number)
    return found[number]


async def group_to_see(work: UnitOfWork, actor: Actor | None, number: int) -> Group:
    """The group, if the actor is in it; else NotFound."""
    group = await group_numbered(work, number)
    await level_in(work, actor, group)
    return group


async def group_to_manage(work: UnitOfWork, actor: Actor | None, number: int) -> Group:
    """The group, locked, if the actor is a manager or an owner; else NotPermitted, or NotFound for who is not in it."""
    group = await work.of(Group, EVERYTHING).lock((await group_numbered(work, number)).id)
    await require_manager(work, actor, group)
    return group


async def require_manager(work: UnitOfWork, actor: Actor | None, group: Group) -> None:
    if await level_in(work, actor, group) not in PRIVILEGED:
        raise NotPermitted(f"only managers and owners of the group '{group.name}' may do this")


async def require_owner(work: UnitOfWork, actor: Actor | None, group: Group) -> None:
    if await level_in(work, actor, group) is not GroupLevel.OWNER:
        raise owners_only(group)


async def level_in(work: UnitOfWork, actor: Actor | None, group: Group) -> GroupLevel:
    """What the actor is in the group; NotFound for who is not in it. Operator and staff count as owners."""
    if actor is None or administers_all(actor):
        return GroupLevel.OWNER
    member = await work.of(GroupMember, of_user(actor.user_id)).get(group_id=group.id)
    if member is None:
        raise no_such_group(group.number, hidden=True)
    return member.level


def owners_only(group: Group) -> NotPermitted:
    return NotPermitted(
        f"only an owner of the group '{group.name}' renames or deletes it, or makes and unmakes managers and owners"
    )


def no_such_group(number: int, *, hidden: bool = False) -> NotFound:
    """In the same words whether there is none, or one that is ``hidden`` from the caller."""
    return NotFound(f"there is no group with the number {number}", refusal=hidden)
