"""Which members an answer has: ``include[]`` and ``exclude[]`` (contract brainstem 9.3)."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.dialects.brainstem.errors import bad_request
from quinta.dialects.brainstem.query_string import Pairs, values_of
from quinta.dialects.brainstem.vocabulary import ALL, GROUPS, Vocabulary

_GROUP_MEMBERS = ("id", "name", ALL, "")


@dataclass(frozen=True, slots=True)
class Selection:
    """The members of each record, in their order, and whether its groups stand beside the records."""

    members: tuple[str, ...]
    with_groups: bool = False


def selection_of(pairs: Pairs, words: Vocabulary) -> Selection:
    """What a query selects; an HTTPException with 400 for a name that no member has.

    ``*`` stands for all members; what is excluded is excluded, whatever else is included. ``authgroups.`` with anything
    after it brings the groups themselves.
    """
    included = [_split(name, words) for name in values_of(pairs, "include[]")]
    excluded = [_split(name, words) for name in values_of(pairs, "exclude[]")]
    named = {name for name, _ in included}
    without = {name for name, inner in excluded if inner is None}
    nothing_else = ALL in without
    members = tuple(
        name
        for name in words.members
        if name not in without and (name in named or not (nothing_else or name in words.deferred))
    )
    nested = any(name == GROUPS and inner is not None for name, inner in included)
    return Selection(members, with_groups=nested and GROUPS not in without)


def _split(name: str, words: Vocabulary) -> tuple[str, str | None]:
    """A member and what is named within it, None for nothing."""
    member, dot, inner = name.partition(".")
    if member != ALL and member not in words.members:
        raise bad_request(f'"{member[:200]}" is not a valid field name for "{words.single}".')
    if dot and member != GROUPS:
        raise bad_request(f'"{name[:200]}" is not a valid field.')
    if dot and inner not in _GROUP_MEMBERS:
        raise bad_request(f'"{inner[:200]}" is not a valid field name for "group".')
    return member, inner if dot else None
