"""Applications: models that an organization's clients run as jobs (contract vbrain 9, decision 0022)."""

from __future__ import annotations

from collections.abc import Sequence

from quinta.core.errors import StateConflict
from quinta.core.models.find import live
from quinta.core.models.model import Application, Model, ModelVersion, RunnableVersion, VersionStatus
from quinta.core.ports import Secrets, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project

_FAILED = frozenset({VersionStatus.BUILDING_FAILED, VersionStatus.DEPLOYING_FAILED})
_UNDER_WAY = frozenset({VersionStatus.BUILDING, VersionStatus.DEPLOYING})
_CODES: dict[str | None, Reason] = {reason.value: reason for reason in Reason}


async def application_version(
    work: UnitOfWork, secrets: Secrets, application: Application
) -> RunnableVersion | Failure | None:
    """What a job of the application runs: its pinned version, else the newest one that serves.

    None while there is nothing to run yet, and while its organization runs nothing. A Failure when waiting is in vain:
    nothing serves or is being built, and the newest build failed; or a secret variable does not open.
    """
    organization = await work.of(Organization, EVERYTHING).get(id=application.organization_id)
    model = await work.of(Model, EVERYTHING).get(id=application.model_id)
    project = None if model is None else await work.of(Project, EVERYTHING).get(id=model.project_id)
    if organization is None or model is None or project is None or organization.status is not OrganizationStatus.ACTIVE:
        return None
    versions = await _newest_first(work, application, model)
    for version in versions:
        try:
            found = await live(work, secrets, project, model, version)
        except StateConflict as conflict:
            return Failure(conflict.reason or Reason.SECRET_UNREADABLE, conflict.message)
        if found is not None:
            return found
    return _why_none(versions)


async def _newest_first(work: UnitOfWork, application: Application, model: Model) -> list[ModelVersion]:
    versions = work.of(ModelVersion, in_project(model.project_id))
    if application.version_id is not None:
        return await versions.find(model_id=model.id, id=application.version_id)
    return await versions.find(model_id=model.id, order=("-id",))


def _why_none(versions: Sequence[ModelVersion]) -> Failure | None:
    if any(version.status in _UNDER_WAY for version in versions):
        return None
    failed = [version for version in versions if version.status in _FAILED]
    if not failed:
        return None
    reason = _CODES.get(failed[0].reason, Reason.BUILD_GIVEN_UP)  # none, or one that a later release stored
    return Failure(reason, f"the application's newest build failed: {failed[0].error_message}")
