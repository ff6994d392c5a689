"""Data records: where data lies, told to groups and to the public (contract brainstem 5, 6, 10; decision 0026)."""

from __future__ import annotations

import uuid as random_ids
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotFound, TooLarge, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.files.model import DataRecord, RecordGroup, RecordTarget, fold, group_bits
from quinta.core.files.record_access import Portal, require_author, require_groups, require_publisher, seen_by
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordPage, RecordQuery, RecordView
from quinta.core.files.targets import Targets, exchange, paths_in
from quinta.core.ports import ObjectStore, Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group
from quinta.core.unset import UNSET, Unset
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

__all__ = ["NewRecord", "Portal", "RecordChange", "RecordDetail", "Records"]

MAXIMUM_NAME = 100
MAXIMUM_DESCRIPTION = 500
MAXIMUM_LOCATION = 100
MAXIMUM_JSON = 262_144
"""Characters of ``organization`` and of ``protocols``: they say where data lies, they do not hold it."""


@dataclass(frozen=True, slots=True)
class NewRecord:
    """``organization`` and ``protocols`` are texts of JSON values, None for null; ``groups`` are numbers."""

    name: str
    description: str = ""
    is_public: bool = False
    organization: str | None = None
    protocols: str | None = None
    location: str = ""
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordChange:
    """The members of NewRecord that become other ones."""

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    is_public: bool | Unset = UNSET
    organization: str | Unset | None = UNSET
    protocols: str | Unset | None = UNSET
    location: str | Unset = UNSET
    groups: tuple[int, ...] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class RecordDetail:
    """A record with what it points at of our data, by path."""

    view: RecordView
    targets: tuple[RecordTarget, ...]


class Records:
    """Use cases about data records.

    Through each portal: NotAuthenticated without an actor, except on the public one; NotPermitted on the super portal
    for all but staff, and on the public one for what would change something; NotFound for a record that is not seen
    there.
    """

    def __init__(self, store: Store, clock: Clock, objects: ObjectStore) -> None:
        self._store = store
        self._clock = clock
        self._targets = Targets(objects, clock)

    async def find(self, actor: Actor | None, portal: Portal, query: RecordQuery) -> RecordPage:
        """A page of the records that the actor sees through the portal; what ``query`` says of groups and publicity is
        set here."""
        async with self._store.read() as work:
            return await work.records(await seen_by(work, actor, portal, query))

    async def get(self, actor: Actor | None, portal: Portal, uuid: str) -> RecordDetail:
        async with self._store.read() as work:
            view = await _visible(work, actor, portal, uuid)
            targets = await work.of(RecordTarget, EVERYTHING).find(record_id=view.record.id, order=("path", "id"))
        return RecordDetail(view, tuple(targets))

    async def create(self, actor: Actor | None, portal: Portal, new: NewRecord) -> RecordView:
        """InvalidInput by field for what breaks a rule, a group that does not exist, and a path of the protocol
        ``quinta`` at which there is nothing that the actor may read; NotPermitted for a group that is not the actor's
        (contract brainstem 10). The content of what is pointed at is read once."""
        author = require_author(actor, portal)
        new = _checked(new)
        paths = paths_in(new.protocols)
        async with self._store.read() as work:
            await require_groups(work, author, new.groups, ())
            found = await self._targets.find(work, author, paths)
        targets = await self._targets.measure(found)
        async with self._store.begin() as work:
            groups = await require_groups(work, author, new.groups, ())
            now = self._clock.now()
            record = DataRecord(
                id=new_id(),
                uuid=str(random_ids.uuid4()),
                **_folded(new),
                is_public=new.is_public,
                organization=new.organization,
                protocols=new.protocols,
                group_bits=group_bits(group.number for group in groups),
                created_by=author.user_id,
                created_at=now,
                updated_at=now,
            )
            await work.of(DataRecord, EVERYTHING).add(record)
            await _list(work, record, groups)
            await exchange(work, (), [replace(target, record_id=record.id) for target in targets])
            work.emit(_event(EventName.RECORD_CREATED, record, author, groups))
        return _view(record, groups)

    async def change(self, actor: Actor | None, portal: Portal, uuid: str, change: RecordChange) -> RecordView:
        """Errors as in ``create``; only groups and paths that are new to the record are checked. NotPermitted for
        making it public or private without being who made it, an owner of one of its groups, or staff."""
        author = require_author(actor, portal)
        paths = None if change.protocols is UNSET else paths_in(change.protocols)
        async with self._store.read() as work:
            view = await _visible(work, author, portal, uuid)
            await self._require_change(work, author, view, change)
            old = await _targets_of(work, view.record)
            found = await self._targets.find(work, author, [p for p in paths or () if p not in old])
        measured = {target.path: target for target in await self._targets.measure(found)}
        async with self._store.begin() as work:
            await work.of(DataRecord, EVERYTHING).lock((await _visible(work, author, portal, uuid)).record.id)
            view = await _visible(work, author, portal, uuid)  # as it is now that nobody else changes it
            record, groups = await self._require_change(work, author, view, change)
            if paths is not None:
                await _point(work, record, paths, measured)
            if record != view.record:
                record = replace(record, updated_at=self._clock.now())
                await work.of(DataRecord, EVERYTHING).change(record.id, **_differences(view.record, record))
            if {group.number for group in groups} != set(view.groups):
                await work.of(RecordGroup, EVERYTHING).remove(record_id=record.id)
                await _list(work, record, groups)
            work.emit(_event(EventName.RECORD_CHANGED, record, author, groups))
        return _view(record, groups)

    async def delete(self, actor: Actor | None, portal: Portal, uuid: str) -> None:
        """What it points at stays, and may be deleted from then on."""
        author = require_author(actor, portal)
        async with self._store.begin() as work:
            view = await _visible(work, author, portal, uuid)
            if not await work.of(DataRecord, EVERYTHING).lock_all(id=view.record.id):
                raise _no_record(uuid)
            await exchange(work, tuple((await _targets_of(work, view.record)).values()), ())
            groups = await work.of(Group, EVERYTHING).find(number=list(view.groups))
            await work.of(DataRecord, EVERYTHING).remove(id=view.record.id)
            work.emit(_event(EventName.RECORD_DELETED, view.record, author, groups))

    async def _require_change(
        self, work: UnitOfWork, author: Actor, view: RecordView, change: RecordChange
    ) -> tuple[DataRecord, list[Group]]:
        """The record as it will be, and its groups."""
        record = view.record
        new = NewRecord(
            name=record.name if change.name is UNSET else change.name,
            description=record.description if change.description is UNSET else change.description,
            is_public=record.is_public if change.is_public is UNSET else change.is_public,
            organization=record.organization if change.organization is UNSET else change.organization,
            protocols=record.protocols if change.protocols is UNSET else change.protocols,
            location=record.location if change.location is UNSET else change.location,
            groups=view.groups if change.groups is UNSET else change.groups,
        )
        new = _checked(new)
        groups = await require_groups(work, author, new.groups, view.groups)
        if new.is_public != record.is_public:
            await require_publisher(work, author, record, groups)
        changed = replace(
            record,
            **_folded(new),
            is_public=new.is_public,
            organization=new.organization,
            protocols=new.protocols,
            group_bits=group_bits(group.number for group in groups),
        )
        return changed, groups


async def _visible(work: UnitOfWork, actor: Actor | None, portal: Portal, uuid: str) -> RecordView:
    known = parse_id(uuid)
    wanted = RecordQuery(filters=(Filter(RecordField.ID, Operator.EXACT, (known or "",)),))
    page = await work.records(await seen_by(work, actor, portal, wanted))
    if known is None or not page.records:
        raise _no_record(uuid, hidden=known is not None and await work.of(DataRecord, EVERYTHING).count(uuid=known) > 0)
    return page.records[0]


async def _list(work: UnitOfWork, record: DataRecord, groups: Sequence[Group]) -> None:
    """Writes down that these are the record's groups; nobody deletes one of them from here on."""
    there = await work.of(Group, EVERYTHING).lock_all(sharing=True, id=[group.id for group in groups])
    for group in groups:
        if group.id not in there:
            raise InvalidInput(f"there is no group with the number {group.number}", field="groups")
    rows = [RecordGroup(f"{record.id}/{group.id}", record.id, group.id) for group in groups]
    await work.of(RecordGroup, EVERYTHING).add(*rows)


async def _targets_of(work: UnitOfWork, record: DataRecord) -> dict[str, RecordTarget]:
    targets = await work.of(RecordTarget, EVERYTHING).find(record_id=record.id)
    return {target.path: target for target in targets}


async def _point(work: UnitOfWork, record: DataRecord, paths: Sequence[str], measured: dict[str, RecordTarget]) -> None:
    """Makes the record point at exactly these paths."""
    old = await _targets_of(work, record)
    added = [path for path in paths if path not in old]
    if not measured.keys() >= set(added):
        raise Unavailable("the record was changed at the same moment: try again")
    gone = [target for path, target in old.items() if path not in paths]
    await exchange(work, gone, [replace(measured[path], record_id=record.id) for path in added])


def _checked(new: NewRecord) -> NewRecord:
    """With the name trimmed and each group once; InvalidInput and TooLarge by field."""
    name = new.name.strip()
    if not name:
        raise InvalidInput("a record needs a name", field="name")
    limits = (
        ("name", name, MAXIMUM_NAME),
        ("description", new.description, MAXIMUM_DESCRIPTION),
        ("location", new.location, MAXIMUM_LOCATION),
    )
    for field, text, limit in limits:
        if len(text) > limit:
            raise InvalidInput(f"the {field} has {len(text)} characters; at most {limit} are kept", field=field)
    for field, json in (("organization", new.organization), ("protocols", new.protocols)):
        if json is not None and len(json) > MAXIMUM_JSON:
            raise TooLarge(f"the {field} has {len(json)} characters; at most {MAXIMUM_JSON} are kept", field=field)
    if not new.groups:
        raise InvalidInput("a record needs a group: nobody would see it", field="groups")
    return replace(new, name=name, groups=tuple(sorted(set(new.groups))))


def _folded(new: NewRecord) -> dict[str, Any]:
    """The texts of a record, and what searches without regard to case look at."""
    return {
        "name": new.name,
        "folded_name": fold(new.name),
        "description": new.description,
        "folded_description": fold(new.description),
        "location": new.location,
        "folded_location": fold(new.location),
    }


def _differences(old: DataRecord, new: DataRecord) -> dict[str, object]:
    names = DataRecord.__dataclass_fields__
    return {name: getattr(new, name) for name in names if getattr(new, name) != getattr(old, name)}


def _view(record: DataRecord, groups: Sequence[Group]) -> RecordView:
    return RecordView(record, tuple(group.number for group in groups))


def _no_record(uuid: str, *, hidden: bool = False) -> NotFound:
    return NotFound(f"there is no data record with the id '{uuid[:80]}'", refusal=hidden)


def _event(name: EventName, record: DataRecord, author: Actor, groups: Sequence[Group]) -> Event:
    return Event(name, record.id, tuple(f"group:{group.id}" for group in groups), author.user_id)
