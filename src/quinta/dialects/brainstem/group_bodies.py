"""Bodies that make or change a group (contract brainstem 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quinta.core.tenancy.groups import GroupView
from quinta.core.tenancy.model import GroupLevel
from quinta.core.unset import UNSET, Unset
from quinta.dialects.brainstem.calls import Visit
from quinta.dialects.brainstem.fields import Fields

LONGEST_NAME = 150
WRAPPER = "group"
_FLAGS = ("is_manager", "is_owner", "remove")

Members = dict[str, GroupLevel | None]
"""Levels by e-mail; None takes out."""


async def read_name(visit: Visit) -> str:
    """The name of a new group. Its users are passed over: whoever makes it is the only member."""
    texts = await visit.texts(("name",), wrapper=WRAPPER)
    fields = Fields(await visit.values(texts))
    name = fields.text("name", required=True, most=LONGEST_NAME)
    fields.check()
    return str(name)


async def read_change(visit: Visit, view: GroupView, *, whole: bool) -> tuple[str | Unset, Members | Unset]:
    """What is to change of ``view``: its name, and those of its members that are named. ``whole``: as a PUT has it,
    with the name."""
    texts = await visit.texts(("name", "users"), wrapper=WRAPPER, json_members=("users",))
    fields = Fields(await visit.values(texts))
    name = fields.text("name", required=whole, most=LONGEST_NAME)
    users = fields.value("users")
    members = UNSET if isinstance(users, Unset) else _members(fields, users, dict(view.members))
    fields.check()
    return name, members


def _members(fields: Fields, users: object, present: Mapping[str, GroupLevel]) -> Members:
    if not isinstance(users, dict):
        fields.refuse("users", f'Expected a dictionary of items but got type "{type(users).__name__}".')
        return {}
    members: Members = {}
    for email, flags in users.items():
        if not isinstance(flags, dict) or not all(isinstance(flags.get(flag, False), bool) for flag in _FLAGS):
            fields.refuse("users", f'"{email[:80]}" needs an object with is_manager and is_owner, true or false.')
            continue
        members[email] = None if flags.get("remove", False) else _level(flags, present.get(email.strip().lower()))
    return members


def _level(flags: Mapping[str, Any], present: GroupLevel | None) -> GroupLevel:
    """A contributor has no flag of its own: who sends a whole group back leaves it what it is."""
    if flags.get("is_owner", False):
        return GroupLevel.OWNER
    if flags.get("is_manager", False):
        return GroupLevel.MANAGER
    return GroupLevel.CONTRIBUTOR if present is GroupLevel.CONTRIBUTOR else GroupLevel.MEMBER
