"""Keeps what runs in step with what is stored: minimum instances, new revisions, deleted versions, suspensions."""

from __future__ import annotations

import asyncio

import structlog

from quinta.core.events import Event, EventName
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import ModelVersion
from quinta.core.ports import ModelRunner, Store
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project

logger = structlog.get_logger(__name__)

_CHANGES = frozenset({EventName.VERSION_CHANGED, EventName.BUILD_ENDED})


class Instances:
    """Hears of changes to versions and organizations and hands them to the runner."""

    def __init__(self, store: Store, versions: LiveVersions, runner: ModelRunner) -> None:
        self._store = store
        self._versions = versions
        self._runner = runner
        self._changed: asyncio.Queue[tuple[EventName, str]] = asyncio.Queue()
        store.subscribe(self._hear)

    async def run(self) -> None:
        """Starts what must be warm, then follows changes until cancelled."""
        for version in await self._versions.kept_warm():
            self._runner.apply(version)
        while True:
            name, identifier = await self._changed.get()
            try:
                if name is EventName.ORGANIZATION_CHANGED:
                    await self._follow_organization(identifier)
                elif name is EventName.VERSION_DELETED:
                    await self._runner.retire(identifier)
                else:
                    await self._follow_version(identifier)
            except Exception:
                logger.exception("instances.not_followed", change=name.value, subject=identifier)

    async def _follow_version(self, version_id: str) -> None:
        version = await self._versions.get(version_id)
        if version is not None:
            self._runner.apply(version)

    async def _follow_organization(self, organization_id: str) -> None:
        """An organization that is not active runs nothing; one that is again gets back what it keeps warm."""
        async with self._store.read() as work:
            organization = await work.of(Organization, EVERYTHING).get(id=organization_id)
            projects = await work.of(Project, in_organization(organization_id)).find()
            ids = [project.id for project in projects]
            versions = await work.of(ModelVersion, EVERYTHING).find(project_id=ids) if ids else []
        if organization is None:
            return
        if organization.status is not OrganizationStatus.ACTIVE:
            await asyncio.gather(*(self._runner.retire(version.id) for version in versions))
            return
        for version in versions:
            if version.minimum_instances > 0:
                await self._follow_version(version.id)

    def _hear(self, event: Event) -> None:
        if event.name is EventName.ORGANIZATION_CHANGED:
            self._changed.put_nowait((event.name, event.subject_id))
        elif event.name is EventName.VERSION_DELETED or event.name in _CHANGES:
            for tag in event.tags:
                kind, _, identifier = tag.partition(":")
                if kind == "version":
                    self._changed.put_nowait((event.name, identifier))
