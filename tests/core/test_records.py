"""Data records on both databases: who sees and changes which, and what they hold on to."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from quinta.core.access.model import Actor
from quinta.core.access.roles import DEFAULT_BY_NAME, ObjectType, RoleAssignment
from quinta.core.errors import (
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    QuintaError,
    StateConflict,
    TooLarge,
)
from quinta.core.events import EventName
from quinta.core.files.blobs import Blobs
from quinta.core.files.model import Blob, DataRecord, RecordGroup, RecordTarget, TargetKind
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordQuery, RecordView
from quinta.core.files.records import NewRecord, Portal, RecordChange, Records
from quinta.core.files.stored import EMPTY_ZIP
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.clients import Clients
from quinta.core.tenancy.model import ClientGroup, Group, GroupLevel, GroupMember, Project, User
from quinta.core.tenancy.projects import Projects
from quinta.engine.loops.housekeeping import Housekeeping
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.clocks import NOON
from tests.core.client_scene import Scene, make_scene

PRIVATE, PUBLIC, SUPER = Portal.PRIVATE, Portal.PUBLIC, Portal.SUPER


@dataclass
class Place:
    """Two groups, 1 and 2: a leader who owns the first, a developer who is its member, a stakeholder who owns the
    second. Staff belongs to none."""

    scene: Scene
    records: Records
    blobs: Blobs
    leader: Actor
    developer: Actor
    stakeholder: Actor
    staff: Actor
    groups: dict[int, Group]

    async def record(self, **values: Any) -> RecordView:
        new = NewRecord(**{"name": "record", "groups": (1,), **values})
        return await self.records.create(self.leader, PRIVATE, new)

    async def change(self, actor: Actor, view: RecordView, **values: Any) -> RecordView:
        return await self.records.change(actor, PRIVATE, view.record.uuid, RecordChange(**values))

    async def names(self, actor: Actor | None, portal: Portal) -> list[str]:
        page = await self.records.find(actor, portal, RecordQuery(limit=10))
        assert page.total == len(page.records)
        return [view.record.name for view in page.records]

    async def blob(self, content: bytes = b"data") -> Blob:
        """One in the client's project, which leaders and developers of the client may read."""
        path = self.scene.folder / new_id()
        path.write_bytes(content)
        return await self.blobs.keep(self.scene.project_id, path, "file.bin", ttl_seconds=900)

    async def rows(self, kind: type[Any]) -> int:
        async with self.scene.database.read() as work:
            return await work.of(kind, EVERYTHING).count()

    async def tidy(self) -> None:
        await Housekeeping(self.scene.database, self.scene.objects, self.scene.clock).tidy()


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> AsyncIterator[Place]:
    scene = await make_scene(database, tmp_path)
    leader, developer, stakeholder = (scene.people[group] for group in ClientGroup)
    groups = {number: Group(new_id(), number, f"group {number}", NOON) for number in (1, 2)}
    members = (
        (1, leader, GroupLevel.OWNER),
        (1, developer, GroupLevel.MEMBER),
        (2, stakeholder, GroupLevel.OWNER),
    )
    admin, editor = DEFAULT_BY_NAME["project-admin"], DEFAULT_BY_NAME["project-editor"]
    person = User(new_id(), "staff@example.com", None, None, None, True, True, NOON)
    staff = Actor(person.id, person.email, True, "", None)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(person)
        await work.of(Group, EVERYTHING).add(*groups.values())
        rows = [GroupMember(new_id(), groups[number].id, who.user_id, level) for number, who, level in members]
        await work.of(GroupMember, EVERYTHING).add(*rows)
        for who, role in ((leader, admin), (developer, editor)):
            given = RoleAssignment(
                new_id(), scene.project_id, who.user_id, role.id, ObjectType.PROJECT, scene.project_id
            )
            await work.of(RoleAssignment, in_project(scene.project_id)).add(given)
    records = Records(database, scene.clock, scene.objects)
    blobs = Blobs(database, scene.objects, scene.clock)
    yield Place(scene, records, blobs, leader, developer, stakeholder, staff, groups)
    scene.reading.close()


async def refusal(kind: type[QuintaError], call: Awaitable[object]) -> QuintaError:
    with pytest.raises(kind) as refused:
        await call
    assert type(refused.value) is kind
    return refused.value


async def test_a_record_comes_back_as_it_was_made(place: Place) -> None:
    new = {"description": "Größe", "organization": "[]", "protocols": None, "location": "shelf 1", "groups": (1, 1)}
    made = await place.record(name="  a name ", **new)
    detail = await place.records.get(place.leader, PRIVATE, made.record.uuid)
    assert detail.view == made
    assert detail.targets == ()
    record = made.record
    assert (record.name, record.description, record.location) == ("a name", "Größe", "shelf 1")
    assert (record.organization, record.protocols, record.is_public) == ("[]", None, False)
    assert (made.groups, record.created_by, record.created_at) == ((1,), place.leader.user_id, NOON)
    (event,) = place.scene.events
    assert (event.name, event.subject_id, event.actor_id) == (
        EventName.RECORD_CREATED,
        record.id,
        place.leader.user_id,
    )
    assert event.tags == (f"group:{place.groups[1].id}",)


@pytest.mark.parametrize(
    ("field", "refused", "good"),
    [
        ("name", "n" * 101, "n" * 100),
        ("name", " \n", "n"),
        ("description", "d" * 501, "d" * 500),
        ("location", "l" * 101, "l" * 100),
        ("groups", (), (1,)),
        ("groups", (1, 3), (1,)),
        ("protocols", '[{"protocol": "quinta"}]', '[{"protocol": "other"}]'),
        ("protocols", '[{"protocol": "quinta", "path": 1}]', '[{"protocol": "other", "path": 1}]'),
        ("protocols", '[{"protocol": "quinta", "path": "x"', "null"),
        (
            "protocols",
            json.dumps([{"protocol": "quinta", "path": f"{n}"} for n in range(21)]),
            '{"protocol": "quinta"}',
        ),
    ],
)
async def test_rules_of_members(place: Place, field: str, refused: object, good: object) -> None:
    view = await place.record()
    assert (await refusal(InvalidInput, place.record(**{field: refused}))).field == field
    assert (await refusal(InvalidInput, place.change(place.leader, view, **{field: refused}))).field == field
    await place.record(**{field: good})
    assert getattr(await place.change(place.leader, view, **{field: good}), "groups") == (1,)  # noqa: B009
    assert await place.rows(DataRecord) == 2


async def test_long_json_is_refused(place: Place) -> None:
    assert (await refusal(TooLarge, place.record(organization=f'"{"x" * 262_144}"'))).field == "organization"
    await place.record(organization=f'"{"x" * 262_142}"')


async def test_who_sees_what(place: Place) -> None:
    await place.record(name="of the first")
    await place.record(name="of the first, public", is_public=True)
    await place.records.create(place.staff, PRIVATE, NewRecord("of the second", groups=(2,)))
    await place.records.create(place.staff, PRIVATE, NewRecord("of both", groups=(1, 2)))
    first = ["of both", "of the first", "of the first, public"]
    assert await place.names(place.leader, PRIVATE) == first
    assert await place.names(place.developer, PRIVATE) == first
    assert await place.names(place.stakeholder, PRIVATE) == ["of both", "of the second"]
    everything = sorted([*first, "of the second"])
    assert await place.names(place.staff, PRIVATE) == await place.names(place.staff, SUPER) == everything
    for actor in (None, place.leader, place.staff):
        assert await place.names(actor, PUBLIC) == ["of the first, public"]
    service = replace(place.leader, project_id=place.scene.project_id)
    assert await place.names(service, PRIVATE) == []
    await refusal(NotAuthenticated, place.names(None, PRIVATE))
    await refusal(NotPermitted, place.names(place.leader, SUPER))


async def test_the_caller_cannot_widen_what_it_sees(place: Place) -> None:
    await place.records.create(place.staff, PRIVATE, NewRecord("of the second", groups=(2,)))
    query = RecordQuery(group_ids=frozenset({place.groups[2].id}), limit=10)
    assert (await place.records.find(place.leader, PRIVATE, query)).total == 0
    assert (await place.records.find(None, PUBLIC, query)).total == 0
    named = replace(query, filters=(Filter(RecordField.GROUPS, Operator.EXACT, (2,)),))
    assert (await place.records.find(place.leader, PRIVATE, named)).total == 0
    assert (await place.records.find(place.stakeholder, PRIVATE, named)).total == 1


async def test_what_is_not_seen_is_not_there(place: Place) -> None:
    uuid = (await place.record()).record.uuid
    records = place.records
    for actor, portal, its in (
        (place.stakeholder, PRIVATE, uuid),
        (None, PUBLIC, uuid),
        (place.leader, PRIVATE, "no uuid"),
        (place.leader, PRIVATE, new_id()),
    ):
        await refusal(NotFound, records.get(actor, portal, its))
    await refusal(NotFound, records.change(place.stakeholder, PRIVATE, uuid, RecordChange(name="other")))
    await refusal(NotFound, records.delete(place.stakeholder, PRIVATE, uuid))
    assert (await records.get(place.developer, PRIVATE, uuid)).view.record.name == "record"
    assert (await records.get(place.staff, SUPER, uuid.upper())).view.record.name == "record"


async def test_nothing_is_changed_through_the_public_portal(place: Place) -> None:
    uuid = (await place.record(is_public=True)).record.uuid
    for actor in (None, place.leader, place.staff):
        await refusal(NotPermitted, place.records.create(actor, PUBLIC, NewRecord("new", groups=(1,))))
        await refusal(NotPermitted, place.records.change(actor, PUBLIC, uuid, RecordChange()))
        await refusal(NotPermitted, place.records.delete(actor, PUBLIC, uuid))
    await refusal(NotAuthenticated, place.records.delete(None, PRIVATE, uuid))
    await refusal(NotPermitted, place.records.delete(place.leader, SUPER, uuid))
    await place.records.delete(place.developer, PRIVATE, uuid)


async def test_new_groups_must_be_ones_own(place: Place) -> None:
    refused = await refusal(NotPermitted, place.record(groups=(1, 2)))
    assert refused.field == "groups"
    both = await place.records.create(place.staff, PRIVATE, NewRecord("of both", groups=(1, 2)))
    changed = await place.change(place.developer, both, groups=(2, 1), name="still of both")
    assert changed.groups == (1, 2)
    handed_over = await place.change(place.leader, both, groups=(2,))  # without any of one's own
    assert handed_over.groups == (2,)
    await refusal(NotFound, place.change(place.leader, both, name="x"))
    await refusal(NotPermitted, place.change(place.stakeholder, both, groups=(1, 2)))
    assert (await place.records.get(place.stakeholder, PRIVATE, both.record.uuid)).view == handed_over


async def test_who_publishes(place: Place) -> None:
    view = await place.record()
    refused = await refusal(NotPermitted, place.change(place.developer, view, is_public=True))
    assert refused.field == "is_public"
    assert (await place.change(place.developer, view, is_public=False)).record.is_public is False  # no change
    own = await place.records.create(place.developer, PRIVATE, NewRecord("own", is_public=True, groups=(1,)))
    assert (await place.change(place.developer, own, is_public=False)).record.is_public is False  # who made it
    assert (await place.change(place.leader, own, is_public=True)).record.is_public is True  # an owner
    assert (await place.change(place.staff, own, is_public=False)).record.is_public is False


async def test_only_what_is_given_changes(place: Place) -> None:
    view = await place.record(description="before", organization="{}", protocols="[1]", location="here")
    place.scene.events.clear()
    place.scene.clock.move(minutes=1)
    changed = await place.change(place.developer, view, organization=None)
    assert changed.record == replace(view.record, organization=None, updated_at=place.scene.clock.now())
    assert (await place.change(place.developer, view)) == changed
    page = await place.records.find(place.leader, PRIVATE, RecordQuery(limit=1))
    assert page.records == (changed,)
    changed = await place.change(place.developer, view, name="NEW", description="NEW", location="NEW")
    by_case = Filter(RecordField.LOCATION, Operator.ICONTAINS, ("new",))
    assert (await place.records.find(place.leader, PRIVATE, RecordQuery((by_case,)))).records == (changed,)
    assert {(event.name, event.subject_id) for event in place.scene.events} == {
        (EventName.RECORD_CHANGED, view.record.id)
    }


async def test_deleting_takes_all_rows_of_a_record(place: Place) -> None:
    blob = await place.blob()
    view = await place.record(protocols=pointing(f"projects/lib-one/blobs/{blob.id}"))
    other = await place.record()
    await place.records.delete(place.developer, PRIVATE, view.record.uuid)
    await refusal(NotFound, place.records.delete(place.developer, PRIVATE, view.record.uuid))
    assert [await place.rows(kind) for kind in (DataRecord, RecordGroup, RecordTarget)] == [1, 1, 0]
    assert (await place.records.get(place.leader, PRIVATE, other.record.uuid)).view == other
    assert place.scene.events[-1].name is EventName.RECORD_DELETED


def pointing(*paths: str) -> str:
    return json.dumps([{"protocol": "quinta", "path": path} for path in paths])


async def test_a_record_tells_what_it_points_at(place: Place) -> None:
    blob, repository = await place.blob(b"content"), await place.scene.repository({"a.csv": "1"})
    empty = await place.scene.repository()
    name = place.scene.name
    paths = (
        f"projects/lib-one/blobs/{blob.id}",
        f"projects/lib-one/repositories/{repository.number}",
        f"clients/{name.organization}/{name.application}/Minha%20%C3%81rea/repositories/{empty.number}",
    )
    view = await place.record(protocols=pointing(*paths))
    found = {its.path: its for its in (await place.records.get(place.leader, PRIVATE, view.record.uuid)).targets}
    assert list(found) == sorted(paths)
    download = await place.scene.repositories.input(place.leader, name, repository.number)
    archive = b"".join([piece async for piece in download.content])
    for path, kind, content, item in (
        (paths[0], TargetKind.BLOB, b"content", blob),
        (paths[1], TargetKind.REPOSITORY, archive, repository),
        (paths[2], TargetKind.REPOSITORY, EMPTY_ZIP, empty),
    ):
        target = found[path]
        assert (target.kind, target.target_id, target.changed_at) == (kind, item.id, item.created_at)
        assert (target.size, target.checksum) == (len(content), hashlib.sha256(content).hexdigest())
    assert zipfile.ZipFile(io.BytesIO(EMPTY_ZIP)).namelist() == []


async def test_targets_are_what_the_caller_may_read(place: Place) -> None:
    blob, repository = await place.blob(), await place.scene.repository()
    paths = [f"projects/lib-one/blobs/{blob.id}", f"projects/lib-one/repositories/{repository.number}"]
    missing = [f"projects/lib-one/blobs/{new_id()}", "projects/lib-one/repositories/000000000000000000", "a path", "/"]
    missing += [f"projects/none/blobs/{blob.id}", f"projects/lib-two/blobs/{blob.id}", "projects/lib-one/blobs/x"]

    async def refused(actor: Actor, path: str, groups: tuple[int, ...]) -> str:
        new = NewRecord("name", groups=groups, protocols=pointing(path))
        error = await refusal(InvalidInput, place.records.create(actor, PRIVATE, new))
        assert error.field == "protocols"
        return error.message.replace(f"'{path}'", "PATH")

    words = {await refused(place.leader, path, (1,)) for path in missing}
    words |= {await refused(place.staff, path, (1,)) for path in paths}  # a stranger to the organization
    words |= {await refused(place.stakeholder, paths[0], (2,))}  # has no role in the project
    assert len(words) == 1
    new = NewRecord("name", groups=(2,), protocols=pointing(paths[1]))
    await place.records.create(place.stakeholder, PRIVATE, new)  # reads repositories (contract vbrain 7)
    await place.record(protocols=pointing(*paths))
    place.scene.clock.move(hours=1)
    late = await place.blob()
    place.scene.clock.move(hours=1)
    assert await refused(place.leader, f"projects/lib-one/blobs/{late.id}", (1,)) in words  # expired, not yet removed


async def test_who_may_not_read_a_target_may_leave_it_in_place(place: Place) -> None:
    blob = await place.blob()
    protocols = pointing(f"projects/lib-one/blobs/{blob.id}")
    view = await place.record(protocols=protocols, groups=(1,))
    view = await place.records.change(place.staff, PRIVATE, view.record.uuid, RecordChange(groups=(1, 2)))
    with_more = json.dumps([*json.loads(protocols), {"protocol": "nas", "path": "x"}])
    await place.change(place.stakeholder, view, protocols=with_more)
    assert await place.rows(RecordTarget) == 1
    await place.change(place.stakeholder, view, protocols=None)
    await refusal(InvalidInput, place.change(place.stakeholder, view, protocols=protocols))
    await place.change(place.leader, view, protocols=protocols)


async def test_a_blob_stays_while_records_point_at_it(place: Place) -> None:
    blob, path = await place.blob(), ""
    path = f"projects/lib-one/blobs/{blob.id}"
    first, second = await place.record(protocols=pointing(path)), await place.record(protocols=pointing(path))
    refused = await refusal(StateConflict, place.blobs.delete(place.leader, "lib-one", blob.id))
    assert "2 data records point at the blob" in refused.message
    place.scene.clock.move(days=30)
    await place.tidy()
    download = await place.blobs.open(place.leader, "lib-one", blob.id)
    assert b"".join([piece async for piece in download.content]) == b"data"
    await place.records.delete(place.leader, PRIVATE, first.record.uuid)
    refused = await refusal(StateConflict, place.blobs.delete(place.leader, "lib-one", blob.id))
    assert "a data record points at the blob" in refused.message
    await place.change(place.leader, second, protocols="[]")
    await place.tidy()  # its time was over long ago
    assert await place.rows(Blob) == 0
    assert await place.scene.keys() == []


async def test_a_repository_stays_while_records_point_at_it(place: Place) -> None:
    repository, name = await place.scene.repository({"a.csv": "1"}), place.scene.name
    view = await place.record(protocols=pointing(f"projects/lib-one/repositories/{repository.number}"))
    job = await place.scene.job(repository)
    await refusal(StateConflict, place.scene.repositories.delete(place.leader, name, repository.number))
    assert (await place.scene.jobs.get(place.leader, name, job.number)).job.number == job.number
    await place.change(place.leader, view, protocols=None)
    await place.scene.repositories.delete(place.leader, name, repository.number)
    assert await place.scene.keys() == []


async def test_no_record_comes_to_point_at_what_is_being_deleted(place: Place) -> None:
    repository = await place.scene.repository({"a.csv": "1"})
    protocols = pointing(f"projects/lib-one/repositories/{repository.number}")
    assert repository.archive_key is not None
    blocked = place.scene.block(repository.archive_key)
    with pytest.raises(QuintaError):
        await place.scene.repositories.delete(place.leader, place.scene.name, repository.number)
    await refusal(InvalidInput, place.record(protocols=protocols))
    (blocked / "in the way").rmdir()
    blocked.rmdir()
    await place.scene.repositories.delete(place.leader, place.scene.name, repository.number)


async def test_projects_and_clients_stay_while_records_point_into_them(place: Place) -> None:
    blob, database = await place.blob(), place.scene.database
    view = await place.record(protocols=pointing(f"projects/lib-one/blobs/{blob.id}"))
    projects, clients = Projects(database, place.scene.clock), Clients(database, place.scene.clock)
    await refusal(StateConflict, projects.delete(place.leader, "lib-one"))
    await refusal(StateConflict, clients.delete(None, place.scene.name))
    await place.records.delete(place.leader, PRIVATE, view.record.uuid)
    await clients.delete(None, place.scene.name)
    async with database.read() as work:
        assert await work.of(Project, EVERYTHING).get(name="lib-one") is None


Deletion = Callable[[Place, Blob], Awaitable[None]]
DELETIONS: dict[str, Deletion] = {
    "blob": lambda place, blob: place.blobs.delete(place.leader, "lib-one", blob.id),
    "project": lambda place, _: Clients(place.scene.database, place.scene.clock).delete(None, place.scene.name),
    "expiry": lambda place, _: place.tidy(),
}


@pytest.mark.parametrize("deletion", DELETIONS)
async def test_a_record_made_while_its_target_is_deleted_does_not_dangle(place: Place, deletion: str) -> None:
    for _ in range(5):
        if deletion == "project" and await place.rows(Project) < 3:
            break
        blob = await place.blob()
        if deletion == "expiry":
            place.scene.clock.move(seconds=899.9)
        made = place.record(protocols=pointing(f"projects/lib-one/blobs/{blob.id}"))
        if deletion == "expiry":
            asyncio.get_running_loop().call_soon(lambda: place.scene.clock.move(seconds=1))
        outcomes = await asyncio.gather(made, DELETIONS[deletion](place, blob), return_exceptions=True)
        for outcome in outcomes:
            assert outcome is None or isinstance(outcome, (RecordView, InvalidInput, StateConflict)), outcome
        async with place.scene.database.read() as work:
            blobs = set(await work.of(Blob, EVERYTHING).values("id"))
            assert set(await work.of(RecordTarget, EVERYTHING).values("target_id")) <= blobs
            keys = set(await work.of(Blob, EVERYTHING).values("object_key"))
        assert keys <= set(await place.scene.keys())
