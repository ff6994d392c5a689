"""Where the packages of applications are kept: ordinary models in a project of their organization (decision 0022)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from quinta.core.events import Event, EventName
from quinta.core.models.model import Application, Model, ModelVersion, ValueType, VersionStatus
from quinta.core.models.versions import check_version
from quinta.core.names import MAXIMUM_NAME, name_from, numbered
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.model import Client, Organization, Project
from quinta.kit.ids import new_id

_PROJECT_SUFFIX = "-applications"
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class NewPackage:
    """The zip of an application, and what a run of it gets."""

    path: Path
    file_name: str
    memory_megabytes: int = 2_048
    language: str = "python3.8"


async def applications_project(work: UnitOfWork, organization: Organization, now: datetime) -> Project:
    """The organization's project for applications: the first of its name that is free or its own, and no client's.
    A client's members may change what is in its project."""
    wanted = organization.name[: MAXIMUM_NAME - len(_PROJECT_SUFFIX)].rstrip("-") + _PROJECT_SUFFIX
    number = 1
    while (project := await work.of(Project, EVERYTHING).get(name=numbered(wanted, number))) is not None:
        own = project.organization_id == organization.id
        if own and not await work.of(Client, EVERYTHING).count(project_id=project.id):
            return project
        number += 1
    project = Project(new_id(), organization.id, numbered(wanted, number), now)
    await work.of(Project, in_organization(organization.id)).add(project)
    tags = (f"project:{project.id}",)
    work.emit(Event(EventName.PROJECT_CREATED, project.id, tags, None, project.id))
    return project


async def model_for_packages(
    work: UnitOfWork, organization: Organization, project: Project, name: str, now: datetime
) -> Model:
    """The model that keeps the application's packages: the one it runs, else the first of its name, in the project and
    run by no other application."""
    models, applications = work.of(Model, in_project(project.id)), work.of(Application, EVERYTHING)
    application = await applications.get(organization_id=organization.id, name=name)
    own = None if application is None else application.model_id
    present = None if own is None else await models.get(id=own)
    if present is not None and await applications.count(model_id=own) == 1:
        return present
    wanted, number = name_from(name, "application"), 1
    while (found := await models.get(name=numbered(wanted, number))) is not None:
        if await applications.count(model_id=found.id) == 0:
            return found
        number += 1
    model = Model(
        id=new_id(),
        project_id=project.id,
        name=numbered(wanted, number),
        description="",
        input_type=ValueType.STRUCTURED,
        output_type=ValueType.STRUCTURED,
        input_fields=(),
        output_fields=(),
        created_at=now,
        updated_at=now,
    )
    await models.add(model)
    work.emit(Event(EventName.MODEL_CREATED, model.id, (f"model:{model.id}",), None, project.id))
    return model


async def version_for_package(work: UnitOfWork, model: Model, package: NewPackage, now: datetime) -> ModelVersion:
    """The version that the package is for, with its settings; InvalidInput when these break the limits."""
    versions = work.of(ModelVersion, in_project(model.project_id))
    version = await versions.get(model_id=model.id, name=_VERSION)
    if version is None:
        version = _new_version(model, package, now)
        check_version(version)
        await versions.add(version)
        name = EventName.VERSION_CREATED
    else:
        settings = {"memory_megabytes": package.memory_megabytes, "language": package.language}
        version = replace(version, **settings, file_updated_at=now, updated_at=now)  # type: ignore[arg-type]  # own
        check_version(version)
        await versions.change(version.id, **settings, file_updated_at=now, updated_at=now)
        name = EventName.VERSION_CHANGED
    work.emit(Event(name, version.id, (f"version:{version.id}",), None, model.project_id))
    return version


def _new_version(model: Model, package: NewPackage, now: datetime) -> ModelVersion:
    return ModelVersion(
        id=new_id(),
        project_id=model.project_id,
        model_id=model.id,
        name=_VERSION,
        description="",
        language=package.language,
        status=VersionStatus.INITIALISED,
        error_message="",
        memory_megabytes=package.memory_megabytes,
        minimum_instances=0,
        maximum_instances=5,
        maximum_idle_seconds=300,
        created_at=now,
        updated_at=now,
        file_updated_at=now,
    )
