"""What callers name by number or by name, as it suits them (contract dq0 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from quinta.core.access.platform_roles import PlatformRole
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group, User

T = TypeVar("T")

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Reference:
    """A thing by its number, its name or both. 0 and an empty text say nothing."""

    number: int | None = None
    name: str | None = None


async def role_of(work: UnitOfWork, reference: Reference) -> PlatformRole:
    """The role; NotFound when there is none, InvalidInput (``role_id``) when nothing is said or number and name are of
    two different ones."""
    return await _referred(work, PlatformRole, reference, "role")


async def group_of(work: UnitOfWork, reference: Reference) -> Group:
    """The group, as ``role_of``."""
    return await _referred(work, Group, reference, "group")


async def person_of(work: UnitOfWork, reference: Reference) -> User:
    """The person, whose name is the e-mail, as ``role_of``. Service users have no number and are none."""
    name = None if reference.name is None else reference.name.strip().lower()
    return await _referred(work, User, Reference(reference.number, name), "user", named="email", project_id=None)


async def _referred(
    work: UnitOfWork, kind: type[T], reference: Reference, noun: str, *, named: str = "name", **conditions: Any
) -> T:
    wanted: dict[str, Any] = {}
    if reference.number:
        wanted["number"] = reference.number
    if reference.name:
        wanted[named] = reference.name
    if not wanted:
        raise InvalidInput(f"say which {noun}: {noun}_id or {noun}_{named} is needed", field=f"{noun}_id")
    items = work.of(kind, EVERYTHING)
    found: T | None = None
    for field, value in wanted.items():
        shown = f"'{value[:80]}'" if isinstance(value, str) else f"number {value}"
        possible = isinstance(value, str) or 0 < value <= _LARGEST
        item = await items.get(**{field: value}, **conditions) if possible else None
        if item is None:
            raise NotFound(f"there is no {noun} {shown}")
        if found is not None and item != found:
            raise InvalidInput(f"{noun}_id and {noun}_{named} are of two different {noun}s", field=f"{noun}_id")
        found = item
    assert found is not None
    return found
