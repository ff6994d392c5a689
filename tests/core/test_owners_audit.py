"""What owners and administrators read of the audit trail, on both databases (contract dq0 5.6)."""

from __future__ import annotations

from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel
from quinta.core.datasets.model import DatasetAttachment
from quinta.core.events import Event, EventName
from quinta.core.pages import Paging
from quinta.core.scope import EVERYTHING
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from tests.clocks import NOON
from tests.core.quarantine_scene import Scene, make_scene


async def happen(scene: Scene, name: EventName, subject_id: str, project_id: str | None = None) -> None:
    async with scene.database.begin() as work:
        work.emit(Event(name, subject_id, project_id=project_id))


async def test_owners_see_what_concerns_their_data(database: Database) -> None:
    scene = await make_scene(database)
    keeper, other = [await scene.person(name, BaseRole.OWNER) for name in ("keeper", "other")]
    dataset, foreign = await scene.dataset("census", keeper), await scene.dataset("foreign", other)
    project, elsewhere = await scene.project("study", other), await scene.project("elsewhere", other)
    async with database.begin() as work:
        await work.of(DatasetAttachment, EVERYTHING).add(DatasetAttachment(new_id(), project.id, dataset.id, NOON))
    for name, subject, place in (
        (EventName.DATASET_CREATED, dataset.id, None),
        (EventName.DATASET_CREATED, foreign.id, None),
        (EventName.DATASET_ATTACHED, dataset.id, project.id),
        (EventName.PROJECT_CHANGED, project.id, project.id),
        (EventName.PROJECT_CHANGED, elsewhere.id, elsewhere.id),
    ):
        await happen(scene, name, subject, place)
    await scene.grant(keeper, "user", GrantKind.DATASET, dataset.id, PermissionLevel.NONE)
    page = await scene.audit.find(keeper, Paging())
    assert [entry.description for entry in page.items] == [
        "keeper@example.com changed the levels of role 'user: level 0 on dataset census'",
        "system changed project 'study'",
        "system attached dataset 'census' in project 'study'",
        "system created dataset 'census'",
        "keeper@example.com changed the levels of role 'owner: level 2 on dataset census'",
        "keeper@example.com changed the levels of role 'user: level 2 on dataset census'",
    ]
    assert page.total == 6
    part = await scene.audit.find(keeper, Paging(limit=2, offset=1))
    assert (part.items, part.total) == (page.items[1:3], 6)
    assert (await scene.audit.find(keeper, Paging(offset=6))).items == ()


async def test_administrators_see_everything(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    owner = await scene.person("owner", BaseRole.OWNER)
    trail = await scene.trail()
    page = await scene.audit.find(admin, Paging(limit=2))
    assert (list(page.items), page.total) == (trail[:-3:-1], len(trail))
    nothing = await scene.audit.find(owner, Paging())
    assert (nothing.items, nothing.total) == ((), 0)
