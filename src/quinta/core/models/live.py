"""Versions as they serve now, by id, from memory where it can: for loops that meet a version again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.applications import application_version
from quinta.core.models.find import live
from quinta.core.models.model import Application, Model, ModelVersion, RunnableVersion
from quinta.core.ports import Secrets, Store
from quinta.core.reasons import Failure
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.kit.cache import TaggedCache

_OF_APPLICATIONS = frozenset(
    {
        EventName.APPLICATION_CHANGED,
        EventName.APPLICATION_CREATED,
        EventName.APPLICATION_DELETED,
        EventName.BUILD_ENDED,
        EventName.BUILD_REQUESTED,
        EventName.DEPLOYMENT_COMPLETED,
        EventName.MODEL_CHANGED,
        EventName.MODEL_DELETED,
        EventName.ORGANIZATION_CHANGED,
        EventName.PROJECT_CHANGED,
        EventName.PROJECT_DELETED,
        EventName.VARIABLE_CHANGED,
        EventName.VARIABLE_CREATED,
        EventName.VARIABLE_DELETED,
        EventName.VERSION_CHANGED,
        EventName.VERSION_DELETED,
    }
)
_ALL = ("all",)


class LiveVersions:
    """Answers what the engine needs to run a version; None for one that is gone, has no build serving, belongs to an
    organization that runs nothing now, or has a secret variable that does not open (a direct request says so)."""

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store = store
        self._secrets = secrets
        self._versions: TaggedCache[str, RunnableVersion | None] = TaggedCache()
        store.subscribe(self._forget)

    async def get(self, version_id: str) -> RunnableVersion | None:
        return await self._versions.load(version_id, lambda: self._load(version_id))

    async def kept_warm(self) -> list[RunnableVersion]:
        """Every version that serves and wants instances without requests, by its own number or, where a rollout made it
        live, by its project's."""
        async with self._store.read() as work:
            versions = await work.of(ModelVersion, EVERYTHING).find()
            chosen = set(await work.of(Model, EVERYTHING).distinct("live_version_id"))
        serving = [version for version in versions if version.live_build_id]
        wanted = [version.id for version in serving if version.minimum_instances > 0 or version.id in chosen]
        found = [await self.get(version_id) for version_id in wanted]
        return [version for version in found if version is not None and version.minimum_instances > 0]

    async def serving_ids(self, **owner: Any) -> list[str]:
        """The ids of the versions with a build that serves, of the model ``model_id`` or the project ``project_id``."""
        async with self._store.read() as work:
            versions = await work.of(ModelVersion, EVERYTHING).find(**owner)
        return [version.id for version in versions if version.live_build_id]

    async def chosen_ids(self, project_id: str) -> list[str]:
        """The ids of the versions that rollouts made live in the project: those that its configuration scales."""
        async with self._store.read() as work:
            return await work.of(Model, in_project(project_id)).distinct("live_version_id")

    async def _load(self, version_id: str) -> tuple[RunnableVersion | None, Iterable[str]]:
        tags = [f"version:{version_id}"]
        async with self._store.read() as work:
            version = await work.of(ModelVersion, EVERYTHING).get(id=version_id)
            if version is None:
                return None, tags
            model = await work.of(Model, EVERYTHING).get(id=version.model_id)
            project = await work.of(Project, EVERYTHING).get(id=version.project_id)
            if model is None or project is None:
                return None, tags
            tags += [f"model:{model.id}", f"project:{project.id}", f"organization:{project.organization_id}"]
            organization = await work.of(Organization, EVERYTHING).get(id=project.organization_id)
            if organization is None or organization.status is not OrganizationStatus.ACTIVE:
                return None, tags
            try:
                return await live(work, self._secrets, project, model, version), tags
            except StateConflict:
                return None, tags

    def _forget(self, event: Event) -> None:
        self._versions.forget(event.tags)


class LiveApplications:
    """Answers what a job of an application runs, as ``application_version`` says; None also for one that is gone.

    Any event that could change an answer drops them all: which version is the live one may hang on versions that an
    answer has not seen, and these events are rare beside jobs.
    """

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store = store
        self._secrets = secrets
        self._applications: TaggedCache[str, RunnableVersion | Failure | None] = TaggedCache()
        store.subscribe(self._forget)

    async def get(self, application_id: str) -> RunnableVersion | Failure | None:
        return await self._applications.load(application_id, lambda: self._load(application_id))

    async def _load(self, application_id: str) -> tuple[RunnableVersion | Failure | None, Iterable[str]]:
        async with self._store.read() as work:
            application = await work.of(Application, EVERYTHING).get(id=application_id)
            if application is None:
                return None, _ALL
            return await application_version(work, self._secrets, application), _ALL

    def _forget(self, event: Event) -> None:
        if event.name in _OF_APPLICATIONS:
            self._applications.forget(_ALL)
