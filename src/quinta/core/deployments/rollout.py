"""What a rollout needs, and what its end changes: the transactions of engine/loops/rollouts.py (decision 0030)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.find import live
from quinta.core.models.model import Model, ModelVersion, RunnableVersion, VersionStatus
from quinta.core.ports import Secrets, UnitOfWork
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.core.webhooks.announce import announce
from quinta.core.webhooks.model import WebhookEvent

_UNDER_WAY = frozenset({VersionStatus.BUILDING, VersionStatus.DEPLOYING, VersionStatus.AVAILABLE_BUILDING})
_CODES: dict[str | None, Reason] = {reason.value: reason for reason in Reason}


class Trouble(NamedTuple):
    """Why a rollout fails; ``reason`` where the catalogue has one."""

    message: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A model, and the version of it that becomes the live one."""

    model_id: str
    version: RunnableVersion

    @property
    def name(self) -> str:
        return f"{self.version.model_name}/{self.version.version_name}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollout switches, by names of models; nothing in a project without models. ``waiting`` are the models
    whose versions are being built: nothing can begin before."""

    targets: tuple[Target, ...] = ()
    waiting: tuple[str, ...] = ()


async def plan_of(work: UnitOfWork, secrets: Secrets, deployment: Deployment) -> Plan | Trouble:
    """What the deployment is to switch as things are now, or why it cannot."""
    scope = in_project(deployment.project_id)
    project = await work.of(Project, EVERYTHING).get(id=deployment.project_id)
    if project is None:
        return Trouble("the project does not exist any more")
    organization = await work.of(Organization, EVERYTHING).get(id=project.organization_id)
    if organization is None or organization.status is not OrganizationStatus.ACTIVE:
        return Trouble("the project's organization runs nothing now", Reason.ORGANIZATION_SUSPENDED)
    models = await work.of(Model, scope).find(order=("name",))
    versions = {item.model_id: item for item in await work.of(ModelVersion, scope).find(name=deployment.version)}
    if models and not versions:
        return Trouble(f"no model of the project has a version named '{deployment.version}'")
    targets, waiting = [], []
    for model in models:
        version = versions.get(model.id)
        if version is None:
            continue
        found = await _target(work, secrets, project, model, version, deployment)
        if isinstance(found, Trouble):
            return Trouble(f"model '{model.name}': {found.message}", found.reason)
        if found is None:
            waiting.append(model.name)
        else:
            targets.append(found)
    return Plan(tuple(targets), tuple(waiting))


async def _target(
    work: UnitOfWork, secrets: Secrets, project: Project, model: Model, version: ModelVersion, deployment: Deployment
) -> Target | Trouble | None:
    """None while the version is being built. A rollback returns to what serves, whatever was uploaded since."""
    returns = deployment.rollback_of is not None and version.live_build_id is not None
    if not returns and version.status in _UNDER_WAY:
        return None
    if not returns and version.status is VersionStatus.INITIALISED:
        return Trouble(f"nothing was uploaded for its version '{version.name}' yet")
    if not returns and version.status is not VersionStatus.AVAILABLE:
        text = f"the build of its version '{version.name}' failed: {version.error_message}"
        return Trouble(text, _CODES.get(version.reason, Reason.BUILD_GIVEN_UP))
    try:
        found = await live(work, secrets, project, model, version)
    except StateConflict as conflict:
        return Trouble(conflict.message, conflict.reason or Reason.SECRET_UNREADABLE)
    return None if found is None else Target(model.id, found)


async def begin(work: UnitOfWork, deployment: Deployment, now: datetime) -> None:
    """Notes that the work has begun; it begins once, however often servers take it up."""
    await work.of(Deployment, in_project(deployment.project_id)).change(deployment.id, started_at=now)
    started = replace(deployment, started_at=now)
    work.emit(_event(EventName.DEPLOYMENT_STARTED, started))
    await announce(work, deployment.project_id, WebhookEvent.DEPLOYMENT_STARTED, started, now)


async def complete(work: UnitOfWork, deployment: Deployment, targets: Sequence[Target], now: datetime) -> None:
    """Makes the targets the live versions, all in this transaction, and the deployment a completed one. Should one of
    them have been deleted meanwhile, nothing is switched and the deployment has failed."""
    scope = in_project(deployment.project_id)
    models = work.of(Model, scope)
    await models.lock_all(id=[target.model_id for target in targets])  # who deletes a version locks its model too
    there = await work.of(ModelVersion, scope).distinct("id", id=[target.version.version_id for target in targets])
    gone = [target.name for target in targets if target.version.version_id not in there]
    if gone:
        await fail(work, deployment, Trouble(f"{', '.join(gone)} was deleted", Reason.VERSION_DELETED), now)
        return
    before = await models.distinct("live_version_id", id=[target.model_id for target in targets])
    for target in targets:
        await models.change(target.model_id, live_version_id=target.version.version_id)
    done = await _end(work, deployment, now, status=DeploymentStatus.COMPLETED)
    # The switch empties what is remembered of the project, in one step; of its instances only these are concerned.
    concerned = sorted({*before, *(target.version.version_id for target in targets)})
    tags = (f"project:{deployment.project_id}", *(f"version:{version_id}" for version_id in concerned))
    work.emit(_event(EventName.DEPLOYMENT_COMPLETED, done, tags))
    await announce(work, deployment.project_id, WebhookEvent.DEPLOYMENT_COMPLETED, done, now)
    if deployment.replaces is not None:
        await _replace(work, deployment, deployment.replaces, now)


async def fail(work: UnitOfWork, deployment: Deployment, trouble: Trouble, now: datetime) -> None:
    """Makes the deployment a failed one; the live versions stay as they are."""
    failed = await _end(
        work,
        deployment,
        now,
        status=DeploymentStatus.FAILED,
        error_message=trouble.message,
        reason=None if trouble.reason is None else trouble.reason.value,
    )
    work.emit(_event(EventName.DEPLOYMENT_FAILED, failed))
    await announce(work, deployment.project_id, WebhookEvent.DEPLOYMENT_FAILED, failed, now)


async def _replace(work: UnitOfWork, deployment: Deployment, replaced_id: str, now: datetime) -> None:
    rows = work.of(Deployment, in_project(deployment.project_id))
    replaced = await rows.get(id=replaced_id)
    if replaced is None or replaced.status is not DeploymentStatus.COMPLETED:
        return
    await rows.change(replaced.id, status=DeploymentStatus.ROLLED_BACK, updated_at=now)
    replaced = replace(replaced, status=DeploymentStatus.ROLLED_BACK, updated_at=now)
    work.emit(_event(EventName.DEPLOYMENT_ROLLED_BACK, replaced))
    await announce(work, deployment.project_id, WebhookEvent.DEPLOYMENT_ROLLED_BACK, replaced, now)


async def _end(work: UnitOfWork, deployment: Deployment, now: datetime, **values: object) -> Deployment:
    """The row as it is from now on; the lease was ended by the caller, whose it was."""
    rows = work.of(Deployment, in_project(deployment.project_id))
    await rows.change(deployment.id, **values, finished_at=now, updated_at=now)
    return await rows.lock(deployment.id)


def _event(name: EventName, deployment: Deployment, tags: tuple[str, ...] | None = None) -> Event:
    return Event(name, deployment.id, tags or (f"deployment:{deployment.id}",), None, deployment.project_id)
