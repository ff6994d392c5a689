"""Applications: models that an organization's clients run as jobs (contract vbrain 9, decision 0022)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from quinta.core.access.clients import application_named, organization_named
from quinta.core.errors import InvalidInput, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.application_packages import (
    NewPackage,
    applications_project,
    model_for_packages,
    version_for_package,
)
from quinta.core.models.builds import request_build
from quinta.core.models.find import live, version_of
from quinta.core.models.live_version import live_version_of
from quinta.core.models.model import Application, Model, ModelVersion, RunnableVersion, VersionStatus
from quinta.core.names import check_header_name
from quinta.core.ports import ObjectStore, Secrets, Store, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.model import Client, Organization, OrganizationStatus, Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

DEFAULT_TIME_LIMIT_SECONDS = 3_600
_MOST_TIME_LIMIT_SECONDS = 86_400
_FAILED = frozenset({VersionStatus.BUILDING_FAILED, VersionStatus.DEPLOYING_FAILED})
_UNDER_WAY = frozenset({VersionStatus.BUILDING, VersionStatus.DEPLOYING})
_CODES: dict[str | None, Reason] = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class NewApplication:
    """``time_limit_seconds`` bounds one run of the code."""

    organization: str
    name: str
    time_limit_seconds: int = DEFAULT_TIME_LIMIT_SECONDS


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An application with the names of what it runs. ``version`` is the pinned one; ``status`` is of the version that
    the next job would run, or of the newest while none serves, None while there is none; ``clients`` counts them."""

    organization: str
    name: str
    project: str
    model: str
    version: str | None
    status: VersionStatus | None
    time_limit_seconds: int
    clients: int


class Applications:
    """The operator's use cases about applications; no plan limits them.

    ``check_archive`` is the engine's quick look at an upload: InvalidInput for what is no archive at all.
    """

    def __init__(self, store: Store, objects: ObjectStore, clock: Clock, check_archive: Callable[[Path], None]) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._check_archive = check_archive

    async def add_package(self, new: NewApplication, package: NewPackage) -> ApplicationView:
        """Builds the package for the application, which is made if the organization has none of that name. What runs
        goes on running until the build serves.

        The package becomes the version ``v1`` of an ordinary model, in the organization's project for applications.
        """
        _check(new)
        size = package.path.stat().st_size
        await asyncio.to_thread(self._check_archive, package.path)
        async with self._store.begin() as work:
            organization = await organization_named(work, new.organization)
            project = await applications_project(work, organization, self._clock.now())
        key = f"projects/{project.id}/packages/{new_id()}.zip"
        await self._objects.put_file(key, package.path)
        async with self._store.begin() as work:
            now = self._clock.now()
            model = await model_for_packages(work, organization, project, new.name, now)
            version = await version_for_package(work, model, package, now)
            await request_build(
                work, version, None, now=now, archive_key=key, archive_name=package.file_name, archive_size=size
            )
            application = await self._put(work, organization, new, model, version)
            return await _view(work, organization, application)

    async def add_model(self, new: NewApplication, model_name: str, version_name: str | None) -> ApplicationView:
        """Lets the application run a model that is there, ``PROJECT/MODEL``: that version of it, or with None the
        live one. The application is made if the organization has none of that name."""
        _check(new)
        async with self._store.begin() as work:
            organization = await organization_named(work, new.organization)
            model = await _model_named(work, model_name)
            version = None if version_name is None else await version_of(work, model, version_name)
            application = await self._put(work, organization, new, model, version)
            return await _view(work, organization, application)

    async def find(self, organization_name: str | None) -> list[ApplicationView]:
        """Those of the organization, or of the server with None, by names."""
        async with self._store.read() as work:
            if organization_name is None:
                organizations = await work.of(Organization, EVERYTHING).find(order=("name",))
            else:
                organizations = [await organization_named(work, organization_name)]
            return [
                await _view(work, organization, application)
                for organization in organizations
                for application in await work.of(Application, in_organization(organization.id)).find(order=("name",))
            ]

    async def remove(self, organization_name: str, name: str) -> None:
        """Takes the application away; its model stays where it is. StateConflict while it has clients, whose
        repositories and jobs would go with it."""
        async with self._store.begin() as work:
            organization = await organization_named(work, organization_name)
            application = await application_named(work, organization, name)
            scope = in_organization(organization.id)
            clients = await work.of(Client, scope).find(application_id=application.id, order=("name",), limit=4)
            if clients:
                names = ", ".join(f"'{client.name}'" for client in clients[:3]) + (" …" if len(clients) > 3 else "")
                raise StateConflict(f"the application '{name}' has clients ({names}): delete them first")
            await work.of(Application, scope).remove(id=application.id)
            work.emit(_event(EventName.APPLICATION_DELETED, application))

    async def _put(
        self,
        work: UnitOfWork,
        organization: Organization,
        new: NewApplication,
        model: Model,
        version: ModelVersion | None,
    ) -> Application:
        applications = work.of(Application, in_organization(organization.id))
        values: dict[str, object] = {
            "project_id": model.project_id,
            "model_id": model.id,
            "version_id": None if version is None else version.id,
            "time_limit_seconds": new.time_limit_seconds,
        }
        found = await applications.get(name=new.name)
        if found is None:
            found = Application(
                id=new_id(),
                organization_id=organization.id,
                name=new.name,
                created_at=self._clock.now(),
                **values,  # type: ignore[arg-type]  # its own fields, above
            )
            await applications.add(found)
            work.emit(_event(EventName.APPLICATION_CREATED, found))
        else:
            await applications.change(found.id, **values)
            found = replace(found, **values)  # type: ignore[arg-type]  # its own fields, above
            work.emit(_event(EventName.APPLICATION_CHANGED, found))
        return found


async def application_version(
    work: UnitOfWork, secrets: Secrets, application: Application
) -> RunnableVersion | Failure | None:
    """What a job of the application runs: its pinned version, else the model's live one (core.models.live_version).

    None while there is nothing to run yet, and while its organization runs nothing. A Failure when waiting is in vain:
    nothing serves or is being built, and the newest build failed; or a secret variable does not open.
    """
    organization = await work.of(Organization, EVERYTHING).get(id=application.organization_id)
    model = await work.of(Model, EVERYTHING).get(id=application.model_id)
    project = None if model is None else await work.of(Project, EVERYTHING).get(id=model.project_id)
    if organization is None or model is None or project is None or organization.status is not OrganizationStatus.ACTIVE:
        return None
    versions = await _that_may_run(work, application, model)
    for version in versions:
        try:
            found = await live(work, secrets, project, model, version)
        except StateConflict as conflict:
            return Failure(conflict.reason or Reason.SECRET_UNREADABLE, conflict.message)
        if found is not None:
            return found
    return _why_none(versions)


async def _that_may_run(work: UnitOfWork, application: Application, model: Model) -> list[ModelVersion]:
    """The one that it runs: the pinned or the live one; all of the model, newest first, while none serves."""
    versions = work.of(ModelVersion, in_project(model.project_id))
    if application.version_id is not None:
        return await versions.find(model_id=model.id, id=application.version_id)
    one = await live_version_of(work, model)
    return [one] if one is not None else await versions.find(model_id=model.id, order=("-id",))


def _why_none(versions: Sequence[ModelVersion]) -> Failure | None:
    if any(version.status in _UNDER_WAY for version in versions):
        return None
    failed = [version for version in versions if version.status in _FAILED]
    if not failed:
        return None
    reason = _CODES.get(failed[0].reason, Reason.BUILD_GIVEN_UP)  # none, or one that a later release stored
    return Failure(reason, f"the application's newest build failed: {failed[0].error_message}")


def _check(new: NewApplication) -> None:
    check_header_name(new.name, "an application")
    if not 1 <= new.time_limit_seconds <= _MOST_TIME_LIMIT_SECONDS:
        raise InvalidInput(
            f"the time limit must be from 1 to {_MOST_TIME_LIMIT_SECONDS} seconds, not {new.time_limit_seconds}",
            field="time_limit",
        )


async def _model_named(work: UnitOfWork, name: str) -> Model:
    project_name, slash, model_name = name.partition("/")
    if not slash or not project_name or not model_name:
        raise InvalidInput(f"'{name[:80]}' names no model: write PROJECT/MODEL", field="model")
    project = await work.of(Project, EVERYTHING).get(name=project_name)
    if project is None:
        raise NotFound(f"there is no project named '{project_name}'", field="model")
    model = await work.of(Model, in_project(project.id)).get(name=model_name)
    if model is None:
        raise NotFound(f"there is no model named '{model_name}' in project '{project_name}'", field="model")
    return model


async def _view(work: UnitOfWork, organization: Organization, application: Application) -> ApplicationView:
    project = await work.of(Project, EVERYTHING).get(id=application.project_id)
    model = await work.of(Model, in_project(application.project_id)).get(id=application.model_id)
    if project is None or model is None:
        raise NotFound(f"what the application '{application.name}' runs does not exist any more")
    versions = await _that_may_run(work, application, model)
    next_one = versions[0] if versions else None
    return ApplicationView(
        organization=organization.name,
        name=application.name,
        project=project.name,
        model=model.name,
        version=next_one.name if next_one is not None and application.version_id is not None else None,
        status=None if next_one is None else next_one.status,
        time_limit_seconds=application.time_limit_seconds,
        clients=await work.of(Client, in_organization(organization.id)).count(application_id=application.id),
    )


def _event(name: EventName, application: Application) -> Event:
    return Event(name, application.id, (f"model:{application.model_id}",), None, application.project_id)
