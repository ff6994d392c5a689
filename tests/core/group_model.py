"""Groups as plain dictionaries: who may do what, and what it changes, for generated sequences to compare with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

from quinta.core.errors import InvalidInput, NotFound, NotPermitted, QuintaError, StateConflict
from quinta.core.tenancy.model import GroupLevel, PendingKind

PEOPLE = "abcms"
"""``a`` owns the first group, ``b`` manages it, ``c`` is a member; ``m`` is nothing yet, nor is ``s``, who is staff."""
STAFF = "s"
OWNER, MANAGER = GroupLevel.OWNER, GroupLevel.MANAGER
PRIVILEGED = (OWNER, MANAGER)
INVITATION, REQUEST = PendingKind


@dataclass
class ModelGroup:
    members: dict[str, GroupLevel]
    pending: dict[str, tuple[PendingKind, GroupLevel]] = field(default_factory=dict)
    records: int = 0
    gone: bool = False

    def level(self, actor: str) -> GroupLevel | None:
        return OWNER if actor == STAFF else self.members.get(actor)

    @property
    def owned(self) -> bool:
        return OWNER in self.members.values()


class GroupModel:
    """Each method raises what the use case of its name has to raise, or changes the dictionaries."""

    def __init__(self) -> None:
        self.groups = [ModelGroup({"a": OWNER, "b": MANAGER, "c": GroupLevel.MEMBER})]
        self.closed: set[str] = set()

    def create(self, actor: str) -> None:
        self.groups.append(ModelGroup({actor: OWNER}))

    def change(self, actor: str, number: int, wanted: Mapping[str, GroupLevel | None]) -> None:
        group = self._there(number)
        level = group.level(actor)
        _require(level is not None, NotFound)
        _require(level in PRIVILEGED, NotPermitted)
        _require(not self.closed & set(wanted), InvalidInput)
        changed = copy.deepcopy(group)
        for person in sorted(wanted):
            self._set(changed, person, wanted[person], is_owner=level is OWNER)
        _require(changed.owned or changed == group, StateConflict)
        self.groups[number] = changed

    def _set(self, group: ModelGroup, person: str, level: GroupLevel | None, *, is_owner: bool) -> None:
        kind, before = group.pending.get(person, (None, group.members.get(person)))
        _require(kind is not REQUEST or level is None, StateConflict)
        _require(before is not None or level is not None, InvalidInput)
        _require(before is level or is_owner or (before not in PRIVILEGED and level not in PRIVILEGED), NotPermitted)
        if level is None:
            group.members.pop(person, None)
            group.pending.pop(person, None)
        elif person in group.members:
            group.members[person] = level
        else:
            group.pending[person] = INVITATION, level

    def add(self, number: int, person: str, level: GroupLevel) -> None:
        group = self._there(number)
        _require(person not in self.closed, InvalidInput)
        _require(OWNER in (group.members | {person: level}).values(), StateConflict)
        group.members[person] = level
        group.pending.pop(person, None)

    def leave(self, actor: str, number: int) -> None:
        group = self._there(number)
        _require(actor in group.members, NotFound)
        rest = {person: level for person, level in group.members.items() if person != actor}
        _require(OWNER in rest.values(), StateConflict)
        group.members = rest

    def delete(self, actor: str, number: int) -> None:
        group = self._there(number)
        _require(group.level(actor) is not None, NotFound)
        _require(group.level(actor) is OWNER, NotPermitted)
        _require(not group.records, StateConflict)
        group.gone = True

    def join(self, actor: str, number: int) -> None:
        group = self._there(number)
        _require(actor not in group.members, StateConflict)
        _require(group.pending.get(actor, (REQUEST, None))[0] is REQUEST, StateConflict)
        group.pending[actor] = REQUEST, GroupLevel.MEMBER

    def accept(self, actor: str, number: int, kind: PendingKind, person: str) -> None:
        self._decide(actor, number, kind, person, own=kind is INVITATION)
        group = self.groups[number]
        group.members[person] = group.pending.pop(person)[1]

    def reject(self, actor: str, number: int, kind: PendingKind, person: str) -> None:
        self._decide(actor, number, kind, person, own=kind is INVITATION)
        del self.groups[number].pending[person]

    def cancel(self, actor: str, number: int, kind: PendingKind, person: str) -> None:
        self._decide(actor, number, kind, person, own=kind is REQUEST)
        del self.groups[number].pending[person]

    def _decide(self, actor: str, number: int, kind: PendingKind, person: str, *, own: bool) -> None:
        group = self._there(number)
        found, level = group.pending.get(person, (None, None))
        _require(found is kind, NotFound)
        _require(actor == person or group.level(actor) in PRIVILEGED, NotFound)
        if own:
            _require(actor == person, NotPermitted)
        else:
            _require(group.level(actor) in ((OWNER,) if level in PRIVILEGED else PRIVILEGED), NotPermitted)

    def close(self, actor: str) -> None:
        """The account is deleted."""
        left = copy.deepcopy(self.groups)
        for group in left:
            group.pending.pop(actor, None)
            if group.members.pop(actor, None) is None:
                continue
            if not group.members and not group.records:
                group.gone = True
            _require(group.gone or group.owned, StateConflict)
        self.groups = left
        self.closed.add(actor)

    def list_in_record(self, number: int) -> None:
        self._there(number).records += 1

    def seen_by(self, actor: str | None) -> dict[int, dict[str, GroupLevel]]:
        """Members of each group that the actor sees; None: the operator."""
        return {
            number: group.members
            for number, group in enumerate(self.groups)
            if not group.gone and (actor is None or group.level(actor) is not None)
        }

    def places_seen_by(self, actor: str, kind: PendingKind) -> set[tuple[int, str, GroupLevel]]:
        return {
            (number, person, level)
            for number, group in enumerate(self.groups)
            for person, (its_kind, level) in group.pending.items()
            if not group.gone and its_kind is kind and (person == actor or group.level(actor) in PRIVILEGED)
        }

    def _there(self, number: int) -> ModelGroup:
        group = self.groups[number]
        _require(not group.gone, NotFound)
        return group


def _require(kept: bool, error: type[QuintaError]) -> None:
    if not kept:
        raise error("as the model has it")
