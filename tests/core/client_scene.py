"""A client with its people, on a real database and a folder of objects."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from quinta.core.access.clients import ClientName
from quinta.core.access.model import Actor
from quinta.core.events import Event
from quinta.core.files.model import Repository
from quinta.core.files.repositories import Repositories
from quinta.core.files.stored import StoredArchives
from quinta.core.jobs.jobs import Jobs
from quinta.core.jobs.model import Job
from quinta.core.models.model import Application
from quinta.core.models.packages import Download
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Client, ClientGroup, ClientMember, Membership, Project, User
from quinta.engine.archives.archives import ZipArchives
from quinta.engine.reading_process import ReadingProcess
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import Objects, open_objects
from tests.clocks import NOON, SteppedClock
from tests.engine.builds.archives import archive
from tests.storage.rows import Tenant, add_tenant

STRANGER = Actor(new_id(), "stranger@example.com", False, "", None)


@dataclass
class Scene:
    """``name`` is the client; ``other`` another of the same application, with the same leader."""

    database: Database
    objects: Objects
    folder: Path
    tenant: Tenant
    application: Application
    clock: SteppedClock
    name: ClientName
    other: ClientName
    project_id: str
    people: dict[ClientGroup, Actor]
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.staging = self.folder / "staging"
        self.staging.mkdir()
        self.stored = StoredArchives(self.objects, ZipArchives(), self.staging)
        self.reading = ReadingProcess()
        self.jobs = Jobs(self.database, self.stored, Reader(self.reading), self.clock)
        self.repositories = self.repositories_in(UTC)
        self.leader = self.people[ClientGroup.LEADER]
        self.database.subscribe(self.events.append)

    def repositories_in(self, zone: tzinfo) -> Repositories:
        return Repositories(self.database, self.stored, self.clock, zone)

    def upload(self, files: Mapping[str, bytes | str]) -> Path:
        return archive(self.folder / f"{new_id()}.zip", *files.items())

    async def repository(
        self,
        files: Mapping[str, bytes | str] | None = None,
        *,
        params: str | None = None,
        metadata: str = "{}",
        client: ClientName | None = None,
    ) -> Repository:
        upload = None if files is None else self.upload(files)
        return await self.repositories.create(
            self.leader, client or self.name, params=params, metadata=metadata, upload=upload, file_name="a.zip"
        )

    async def job(
        self, repository: Repository, files: Mapping[str, bytes | str] | None = None, *, params: str | None = None
    ) -> Job:
        upload = None if files is None else self.upload(files)
        return await self.jobs.create(
            self.leader, self.name, repository.number, params=params, metadata="{}", upload=upload, file_name="a.zip"
        )

    async def change(self, job: Job, **values: object) -> None:
        async with self.database.begin() as work:
            await work.of(Job, in_project(job.project_id)).change(job.id, **values)

    async def keys(self) -> list[str]:
        return sorted([key async for key, _ in self.objects.keys("")])

    async def rows(self) -> tuple[int, int]:
        """How many repositories and jobs there are."""
        async with self.database.read() as work:
            return await work.of(Repository, EVERYTHING).count(), await work.of(Job, EVERYTHING).count()

    async def put(self, key: str, content: bytes = b"content") -> None:
        path = self.folder / new_id()
        path.write_bytes(content)
        await self.objects.put_file(key, path)

    def block(self, key: str) -> Path:
        """Puts something in an object's place that the store cannot remove."""
        path = self.folder / "objects" / key
        path.unlink(missing_ok=True)
        (path / "in the way").mkdir(parents=True)
        return path


async def make_scene(database: Database, folder: Path) -> Scene:
    tenant = await add_tenant(database)
    organization, model = tenant.organization, tenant.model
    application = Application(new_id(), organization.id, tenant.project.id, model.id, None, "Tutorial", 60, NOON)
    project, other = (Project(new_id(), organization.id, name, NOON) for name in ("lib-one", "lib-two"))
    clients = [
        Client(new_id(), organization.id, application.id, its.id, name, NOON)
        for its, name in ((project, "Minha Área"), (other, "Outra"))
    ]
    people: dict[ClientGroup, Actor] = {}
    async with database.begin() as work:
        await work.of(Application, EVERYTHING).add(application)
        await work.of(Project, EVERYTHING).add(project, other)
        await work.of(Client, EVERYTHING).add(*clients)
        for group in ClientGroup:
            user = User(new_id(), f"{group}@example.com", None, None, None, False, True, NOON)
            people[group] = Actor(user.id, user.email, False, "", None)
            await work.of(User, EVERYTHING).add(user)
            await work.of(Membership, EVERYTHING).add(Membership(new_id(), organization.id, user.id, is_admin=False))
            await work.of(ClientMember, EVERYTHING).add(ClientMember(new_id(), clients[0].id, user.id, group))
        leader = people[ClientGroup.LEADER]
        await work.of(ClientMember, EVERYTHING).add(
            ClientMember(new_id(), clients[1].id, leader.user_id, ClientGroup.LEADER)
        )
    return Scene(
        database,
        open_objects((folder / "objects").as_uri()),
        folder,
        tenant,
        application,
        SteppedClock(),
        ClientName(organization.name, application.name, clients[0].name),
        ClientName(organization.name, application.name, clients[1].name),
        project.id,
        people,
    )


async def files_in(download: Download) -> dict[str, bytes]:
    """What is in a zip that is handed out."""
    content = b"".join([piece async for piece in download.content])
    assert len(content) == download.size
    assert download.content_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
