"""Packages: uploading the zip of a version, and getting it back (contract ubiops 2, 4.1, 7.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import NotFound
from quinta.core.models.builds import request_build
from quinta.core.models.find import version_of
from quinta.core.models.model import Build, Model, ModelVersion
from quinta.core.ports import ObjectStore, Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way out. ``size`` is in bytes."""

    file_name: str
    content_type: str
    size: int
    content: AsyncIterator[bytes]


class Packages:
    """Use cases about the files of versions.

    ``check_archive`` is the engine's quick look at an upload: InvalidInput for what is no archive at all.
    """

    def __init__(self, store: Store, objects: ObjectStore, clock: Clock, check_archive: Callable[[Path], None]) -> None:
        self._check_archive = check_archive
        self._store = store
        self._objects = objects
        self._clock = clock

    async def check_upload(self, actor: Actor, project_name: str, model_name: str, version_name: str) -> None:
        """Raises what ``upload`` would raise before it looks at the file: to be asked before a body is received, so
        that nobody fills the disk with what is refused in the end."""
        async with self._store.read() as work:
            await self._for_upload(work, actor, project_name, model_name, version_name)

    async def upload(
        self, actor: Actor, project_name: str, model_name: str, version_name: str, path: Path, file_name: str
    ) -> None:
        """Takes the archive at ``path`` as the version's newest and asks for a build; the caller keeps ``path``.

        InvalidInput when it is no readable zip. What is wrong inside the archive shows in the version's status.
        """
        async with self._store.read() as work:
            project, model = await self._for_upload(work, actor, project_name, model_name, version_name)
        size = path.stat().st_size
        await asyncio.to_thread(self._check_archive, path)
        key = f"projects/{project.id}/packages/{new_id()}.zip"
        await self._objects.put_file(key, path)
        now = self._clock.now()
        async with self._store.begin() as work:
            version = await version_of(work, model, version_name)
            await work.of(ModelVersion, in_project(project.id)).change(version.id, file_updated_at=now)
            await request_build(
                work, version, actor, now=now, archive_key=key, archive_name=file_name, archive_size=size
            )

    async def download(self, actor: Actor, project_name: str, model_name: str, version_name: str) -> Download:
        """The archive as it was uploaded last; NotFound before the first upload (contract ubiops 10.45)."""
        async with self._store.read() as work:
            project, model = await object_for(
                work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_FILES_GET
            )
            version = await version_of(work, model, version_name)
            builds = work.of(Build, in_project(project.id))
            build = None if version.latest_build_id is None else await builds.get(id=version.latest_build_id)
        if build is None:
            raise NotFound(f"no file was uploaded yet for version '{version_name}' of model '{model_name}'")
        content = self._objects.stream(build.archive_key)
        return Download(build.archive_name, "application/zip", build.archive_size, content)

    async def _for_upload(
        self, work: UnitOfWork, actor: Actor, project_name: str, model_name: str, version_name: str
    ) -> tuple[Project, Model]:
        project, model = await object_for(
            work, actor, project_name, Model, model_name, Permission.MODELS_VERSIONS_FILES_CREATE
        )
        await version_of(work, model, version_name)
        return project, model
