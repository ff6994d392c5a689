"""From names to versions, within a model the caller was let into; and a version as it is run."""

from __future__ import annotations

from quinta.core.errors import NotFound
from quinta.core.models.model import Build, Model, ModelVersion, RunnableVersion
from quinta.core.ports import UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project

DEFAULT_MODEL_FILE = "model"


async def version_of(work: UnitOfWork, model: Model, name: str) -> ModelVersion:
    version = await work.of(ModelVersion, in_project(model.project_id)).get(model_id=model.id, name=name)
    if version is None:
        raise NotFound(f"there is no version named '{name}' of model '{model.name}'")
    return version


def runnable(project: Project, model: Model, version: ModelVersion, build: Build) -> RunnableVersion:
    """What the engine needs to run ``version`` as ``build`` made it. The build must have succeeded.

    The revision is the moment of the newest change among version, model and build, in microseconds.
    """
    if build.package_digest is None or build.environment_digest is None:
        raise ValueError(f"build {build.id} has not succeeded")
    newest = max(version.updated_at, model.updated_at, build.updated_at)
    return RunnableVersion(
        version_id=version.id,
        project_id=project.id,
        project_name=project.name,
        model_name=model.name,
        version_name=version.name,
        revision=int(newest.timestamp() * 1_000_000),
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
    )


async def live(work: UnitOfWork, project: Project, model: Model, version: ModelVersion) -> RunnableVersion | None:
    """The version as it serves now; None while no build of it has become available."""
    if version.live_build_id is None:
        return None
    build = await work.of(Build, in_project(project.id)).get(id=version.live_build_id)
    return None if build is None else runnable(project, model, version, build)
