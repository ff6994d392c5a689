"""Keeps what runs in step with what is stored: minimum instances, revisions, variables, deletions, suspensions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from quinta.core.events import Event, EventName
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import ModelVersion, RunnableVersion
from quinta.core.ports import ModelRunner, Store
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project

logger = structlog.get_logger(__name__)

_CHANGES = frozenset(
    {
        EventName.BUILD_ENDED,
        EventName.DEPLOYMENT_COMPLETED,
        EventName.ORGANIZATION_CHANGED,
        EventName.PROJECT_CHANGED,
        EventName.VARIABLE_CHANGED,
        EventName.VARIABLE_CREATED,
        EventName.VARIABLE_DELETED,
        EventName.VERSION_CHANGED,
        EventName.VERSION_DELETED,
    }
)


class Instances:
    """Hears of changes to versions and what they hang on, and hands the versions to the runner, if ``runs_here``: this
    server has what was built."""

    def __init__(
        self, store: Store, versions: LiveVersions, runner: ModelRunner, runs_here: Callable[[RunnableVersion], bool]
    ) -> None:
        self._store = store
        self._versions = versions
        self._runs_here = runs_here
        self._runner = runner
        self._changed: asyncio.Queue[tuple[EventName, str, str]] = asyncio.Queue()
        store.subscribe(self._hear)

    async def run(self) -> None:
        """Starts what must be warm, then follows changes until cancelled."""
        for version in await self._versions.kept_warm():
            if self._runs_here(version):
                self._runner.apply(version)
        while True:
            name, kind, identifier = await self._changed.get()
            try:
                await self._follow(name, kind, identifier)
            except Exception:
                logger.exception("instances.not_followed", change=name.value, **{kind: identifier})

    async def _follow(self, name: EventName, kind: str, identifier: str) -> None:
        """``kind`` is what the event's tag names: a variable of a model or project reaches all versions of it. Of a
        rollout that has switched, only the versions that it made live, and those that were before, matter."""
        if name is EventName.VERSION_DELETED:
            await self._runner.retire(identifier, Reason.VERSION_DELETED)
        elif kind == "version":
            await self._follow_version(identifier)
            if name is EventName.DEPLOYMENT_COMPLETED:
                self._runner.let_go(identifier, serves=True)
        elif name is EventName.PROJECT_CHANGED:  # its configuration scales the live versions
            for version_id in await self._versions.chosen_ids(identifier):
                await self._follow_version(version_id)
        elif kind == "organization":
            await self._follow_organization(identifier)
        else:
            for version_id in await self._versions.serving_ids(**{f"{kind}_id": identifier}):
                await self._follow_version(version_id)

    async def _follow_version(self, version_id: str) -> None:
        version = await self._versions.get(version_id)
        if version is not None and self._runs_here(version):
            self._runner.apply(version)

    async def _follow_organization(self, organization_id: str) -> None:
        """An organization that is not active runs nothing; one that is again gets back what it keeps warm."""
        async with self._store.read() as work:
            organization = await work.of(Organization, EVERYTHING).get(id=organization_id)
            projects = await work.of(Project, in_organization(organization_id)).find()
            ids = {project.id for project in projects}
            versions = await work.of(ModelVersion, EVERYTHING).find(project_id=ids) if ids else []
        if organization is None:
            return
        if organization.status is not OrganizationStatus.ACTIVE:
            ends = [self._runner.retire(version.id, Reason.ORGANIZATION_SUSPENDED) for version in versions]
            await asyncio.gather(*ends)
            return
        for kept in await self._versions.kept_warm():
            if kept.project_id in ids and self._runs_here(kept):
                self._runner.apply(kept)

    def _hear(self, event: Event) -> None:
        if event.name in _CHANGES:
            for tag in event.tags:
                kind, _, identifier = tag.partition(":")
                if kind == "version" or event.name is not EventName.DEPLOYMENT_COMPLETED:
                    self._changed.put_nowait((event.name, kind, identifier))
