"""From names to versions, within a model the caller was let into; and a version as it is run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from quinta.core.errors import NotFound
from quinta.core.models.environment import DEFAULT_MODEL_FILE, environment_of
from quinta.core.models.model import Build, Model, ModelVersion, RunnableVersion
from quinta.core.models.scaling import scaled
from quinta.core.ports import Secrets, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def version_of(work: UnitOfWork, model: Model, name: str) -> ModelVersion:
    version = await work.of(ModelVersion, in_project(model.project_id)).get(model_id=model.id, name=name)
    if version is None:
        raise NotFound(f"there is no version named '{name}' of model '{model.name}'")
    return version


def runnable(
    project: Project, model: Model, version: ModelVersion, build: Build, environment: Mapping[str, str]
) -> RunnableVersion:
    """What the engine needs to run ``version`` as ``build`` made it, with the variables ``environment``. The build must
    have succeeded.

    The revision is the sum of the moments of the last changes of version, model, build and variables, in microseconds:
    it grows with each of them in whatever order they are committed, where the newest moment alone would not.
    """
    if build.package_digest is None or build.environment_digest is None:
        raise ValueError(f"build {build.id} has not succeeded")
    moments = (version.updated_at, model.updated_at, build.updated_at, project.variables_changed_at or _EPOCH)
    return RunnableVersion(
        version_id=version.id,
        organization_id=project.organization_id,
        project_id=project.id,
        project_name=project.name,
        model_name=model.name,
        version_name=version.name,
        revision=sum((moment - _EPOCH) // timedelta(microseconds=1) for moment in moments),
        language=version.language,
        package_digest=build.package_digest,
        environment_digest=build.environment_digest,
        model_file=build.model_file or DEFAULT_MODEL_FILE,
        memory_megabytes=version.memory_megabytes,
        minimum_instances=version.minimum_instances,
        maximum_instances=version.maximum_instances,
        maximum_idle_seconds=version.maximum_idle_seconds,
        input_type=model.input_type,
        output_type=model.output_type,
        input_fields=model.input_fields,
        output_fields=model.output_fields,
        environment_variables=environment,
    )


async def live(
    work: UnitOfWork, secrets: Secrets, project: Project, model: Model, version: ModelVersion
) -> RunnableVersion | None:
    """The version as it serves now; None while no build of it has become available. StateConflict when a secret
    variable of it does not open.

    While a rollout's choice makes it the model's live version, the project's configuration says how many instances it
    has. That is no part of the revision: instances are not replaced for it."""
    if version.live_build_id is None:
        return None
    build = await work.of(Build, in_project(project.id)).get(id=version.live_build_id)
    if build is None:
        return None
    environment = await environment_of(work, secrets, project.id, model.id, version.id)
    found = runnable(project, model, version, build, environment)
    return scaled(found, project.config) if model.live_version_id == version.id else found
