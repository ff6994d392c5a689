"""Deployments: a release is rolled out, or back (contract versiontwo 5.3, decision 0030)."""

from __future__ import annotations

import json
from typing import Any, Final

from quinta.core.access.decide import project_by_id
from quinta.core.access.model import Actor, Permission
from quinta.core.deployments.environments import environment_of, long_name
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.model import Model, ModelVersion
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.core.tenancy.release_config import check_config, config_text, merged
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

MAXIMUM_VERSION: Final = 128
_MOST_EARLIER: Final = 50
"""Deployments among which the one before the live one is looked for: those in front of it return to the same one."""
_IN_FLIGHT: Final = (DeploymentStatus.PENDING, DeploymentStatus.IN_PROGRESS)
_ONCE_COMPLETED: Final = frozenset({DeploymentStatus.COMPLETED, DeploymentStatus.ROLLED_BACK})


class Deployments:
    """Use cases about deployments. The work itself is done by engine/loops/rollouts.py."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_id: str, version: str, config: dict[str, Any]) -> Deployment:
        """Begins the rollout of the release ``version`` to every model of the project that has a version of that name.

        ``config`` is merged over the project's for this deployment. InvalidInput, with the field ``version``, when the
        project has models and none has that version; StateConflict while another deployment is in flight.
        """
        async with self._store.begin() as work:
            project = await project_by_id(work, actor, project_id, Permission.MODELS_VERSIONS_UPDATE)
            _check_version(version)
            whole = merged(json.loads(project.config), config)
            check_config(whole)
            await _require_release(work, project, version)
            return await self._add(work, actor, project, version, environment_of(whole), config_text(whole))

    async def roll_back(self, actor: Actor, project_id: str, deployment_id: str) -> Deployment:
        """Begins the return to a deployment: its version and its configuration again. The live one's own id means the
        one before it.

        StateConflict when it never completed, when nothing is before the live one, or while one is in flight.
        """
        async with self._store.begin() as work:
            project = await project_by_id(work, actor, project_id, Permission.MODELS_VERSIONS_UPDATE)
            asked = await _deployment(work, project.id, deployment_id)
            await _require_none_in_flight(work, project, asked.environment)
            if asked.status not in _ONCE_COMPLETED:
                raise StateConflict(
                    f"the deployment of {asked.version} never completed: there is nothing to return to",
                    field="deployment",
                )
            live = await _live_one(work, asked)
            target = asked
            if live is not None and live.id == asked.id:
                target = await _before(work, live)
            return await self._add(
                work,
                actor,
                project,
                target.version,
                target.environment,
                target.config,
                rollback_of=target.id,
                replaces=None if live is None else live.id,
            )

    async def get(self, actor: Actor, project_id: str, deployment_id: str) -> Deployment:
        async with self._store.read() as work:
            project = await project_by_id(work, actor, project_id, Permission.PROJECTS_GET)
            return await _deployment(work, project.id, deployment_id)

    async def find(
        self,
        actor: Actor,
        project_id: str,
        *,
        status: DeploymentStatus | None = None,
        environment: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Deployment]:
        """Up to ``limit`` deployments, newest first; with ``before`` those that are older than the one of that id."""
        conditions: dict[str, Any] = {}
        if status is not None:
            conditions["status"] = status
        if environment is not None:
            conditions["environment"] = long_name(environment)
        if before is not None:
            conditions["id"] = Between(end=before)
        async with self._store.read() as work:
            project = await project_by_id(work, actor, project_id, Permission.PROJECTS_GET)
            return await work.of(Deployment, in_project(project.id)).find(order=("-id",), limit=limit, **conditions)

    async def _add(
        self,
        work: UnitOfWork,
        actor: Actor,
        project: Project,
        version: str,
        environment: str,
        config: str,
        *,
        rollback_of: str | None = None,
        replaces: str | None = None,
    ) -> Deployment:
        await _require_none_in_flight(work, project, environment)
        now = self._clock.now()
        deployment = Deployment(
            id=new_id(),
            project_id=project.id,
            version=version,
            environment=environment,
            status=DeploymentStatus.PENDING,
            config=config,
            created_by=actor.user_id,
            created_at=now,
            updated_at=now,
            rollback_of=rollback_of,
            replaces=replaces,
        )
        try:
            await work.of(Deployment, in_project(project.id)).add(deployment)
        except AlreadyExists:  # another call was quicker: the database lets one be in flight
            raise _in_flight(environment) from None
        tags = (f"deployment:{deployment.id}",)
        work.emit(Event(EventName.DEPLOYMENT_CREATED, deployment.id, tags, actor.user_id, project.id))
        return deployment


def _check_version(version: str) -> None:
    if not 1 <= len(version) <= MAXIMUM_VERSION or not version.isprintable() or version != version.strip():
        raise InvalidInput(
            f"version must be 1 to {MAXIMUM_VERSION} printable characters without a blank at either end",
            field="version",
        )


async def _require_release(work: UnitOfWork, project: Project, version: str) -> None:
    """A project without models takes any version: the deployment is a record then."""
    scope = in_project(project.id)
    if await work.of(ModelVersion, scope).count(name=version) or not await work.of(Model, scope).count():
        return
    raise InvalidInput(f"no model of the project has a version named '{version}'", field="version")


async def _require_none_in_flight(work: UnitOfWork, project: Project, environment: str) -> None:
    rows = work.of(Deployment, in_project(project.id))
    if await rows.count(environment=environment, status=_IN_FLIGHT):
        raise _in_flight(environment)


def _in_flight(environment: str) -> StateConflict:
    return StateConflict(
        f"another deployment to {environment} is in flight: wait until it has ended", field="deployment"
    )


async def _deployment(work: UnitOfWork, project_id: str, deployment_id: str) -> Deployment:
    found = await work.of(Deployment, in_project(project_id)).get(id=deployment_id)
    if found is None:
        raise NotFound("the project has no such deployment")
    return found


async def _live_one(work: UnitOfWork, asked: Deployment) -> Deployment | None:
    """The newest completed deployment of the environment: the one that the models run."""
    newest = await work.of(Deployment, in_project(asked.project_id)).find(
        environment=asked.environment, status=DeploymentStatus.COMPLETED, order=("-id",), limit=1
    )
    return newest[0] if newest else None


async def _before(work: UnitOfWork, live: Deployment) -> Deployment:
    """The newest completed deployment before the live one. A rollback stands for the deployment that it returned to: to
    return to that once more would change nothing."""
    rows = work.of(Deployment, in_project(live.project_id))
    earlier = await rows.find(
        environment=live.environment,
        status=DeploymentStatus.COMPLETED,
        id=Between(end=live.id),
        order=("-id",),
        limit=_MOST_EARLIER,
    )
    stands_for = await _origin(work, live)
    for deployment in earlier:
        if await _origin(work, deployment) != stands_for:
            return deployment
    raise StateConflict(
        f"the deployment of {live.version} is live, and no other one completed before it: nothing to return to",
        field="deployment",
    )


async def _origin(work: UnitOfWork, deployment: Deployment) -> str:
    """The id of the deployment that is no rollback at the end of the chain."""
    origin = deployment
    while origin.rollback_of is not None:
        origin = await _deployment(work, origin.project_id, origin.rollback_of)
    return origin.id
