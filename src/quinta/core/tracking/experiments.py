"""Experiments: the names under which a project's runs are kept (contract dq0 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from quinta.core.access.levels import project_at, projects_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import AlreadyExists, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project, User
from quinta.core.tracking.model import Experiment, Stage
from quinta.core.tracking.rules import check_experiment_name
from quinta.kit.clock import Clock

DEFAULT_EXPERIMENT = "Default"
"""Where runs go until somebody says another: MLflow's own name for it (contract dq0 3.6)."""
SORTED_BY = frozenset({"created_at", "id", "name", "number", "updated_at"})


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """An experiment with its project and who made it, None where that account is gone."""

    experiment: Experiment
    project: Project
    creator: User | None


@dataclass(frozen=True, slots=True)
class ExperimentQuery:
    """Which experiments: of a project, made by a user (its row's id), in a stage (None: in both)."""

    paging: Paging = field(default_factory=Paging)
    project_id: str | None = None
    creator_id: str | None = None
    stage: Stage | None = None


class Experiments:
    """Use cases about experiments. Reading needs level USE on the project, writing WRITE."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, project_id: str, name: str) -> ExperimentView:
        """AlreadyExists (``experiment_name``): the project has another one of that name that is not deleted."""
        wanted = check_experiment_name(name)
        async with self._store.begin() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            await work.of(Project, EVERYTHING).lock(project.id)
            await _require_free(work, project, wanted)
            experiment = await _add(work, project, wanted, actor.user_id, self._clock)
            return await _view(work, experiment, project)

    async def get(self, actor: Actor, experiment_id: str) -> ExperimentView:
        """The experiment, deleted or not."""
        async with self._store.read() as work:
            experiment, project = await experiment_at(work, actor, experiment_id, PermissionLevel.USE)
            return await _view(work, experiment, project)

    async def numbered(self, actor: Actor, number: int) -> ExperimentView:
        """``get`` by the number."""
        async with self._store.read() as work:
            experiment, project = await experiment_numbered(work, actor, number, PermissionLevel.USE)
            return await _view(work, experiment, project)

    async def named(self, actor: Actor, project_id: str, name: str) -> ExperimentView:
        """The project's experiment of that name: the active one, else the one that was deleted last."""
        async with self._store.read() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.USE)
            experiment = await _named(work, project, name)
            if experiment is None:
                raise NotFound(f"the project '{project.name}' has no experiment named '{name[:80]}'")
            return await _view(work, experiment, project)

    async def find(self, actor: Actor, query: ExperimentQuery) -> Page[ExperimentView]:
        """Those that the actor may read, oldest first unless the paging says otherwise."""
        order = order_of(query.paging, SORTED_BY, ("created_at",))
        async with self._store.read() as work:
            projects = await readable_projects(work, actor, query.project_id)
            conditions: dict[str, Any] = {"project_id": list(projects)}
            if query.creator_id is not None:
                conditions["created_by"] = query.creator_id
            if query.stage is not None:
                conditions["stage"] = query.stage
            experiments = work.of(Experiment, EVERYTHING)
            found = await experiments.find(
                order=order, limit=query.paging.limit, offset=query.paging.offset, **conditions
            )
            creators = await users_of(work, [item.created_by for item in found])
            views = [_joined(item, projects[item.project_id], creators) for item in found]
            return Page(tuple(views), await experiments.count(**conditions))

    async def rename(self, actor: Actor, experiment_id: str, name: str) -> ExperimentView:
        """AlreadyExists as of ``create``; StateConflict for a deleted one."""
        wanted = check_experiment_name(name)
        async with self._store.begin() as work:
            experiment, project = await self._to_change(work, actor, experiment_id, PermissionLevel.WRITE)
            if experiment.stage is Stage.DELETED:
                raise StateConflict("the experiment is deleted: restore it first")
            if wanted == experiment.name:
                return await _view(work, experiment, project)
            await _require_free(work, project, wanted)
            return await self._change(work, actor, experiment, project, EventName.EXPERIMENT_CHANGED, name=wanted)

    async def delete(self, actor: Actor, experiment_id: str) -> ExperimentView:
        """Its runs stay with it, and come back with it. Deleting it again changes nothing.

        NotPermitted for who neither made it nor manages the project.
        """
        async with self._store.begin() as work:
            experiment, project = await self._to_change(work, actor, experiment_id, PermissionLevel.WRITE)
            await require_own(work, actor, experiment.created_by, project)
            if experiment.stage is Stage.DELETED:
                return await _view(work, experiment, project)
            if project.experiment_id == experiment.id:
                await work.of(Project, EVERYTHING).change(project.id, experiment_id=None)
            return await self._change(
                work, actor, experiment, project, EventName.EXPERIMENT_DELETED, stage=Stage.DELETED
            )

    async def restore(self, actor: Actor, experiment_id: str) -> ExperimentView:
        """AlreadyExists: its name was given to another one meanwhile. NotPermitted as of ``delete``."""
        async with self._store.begin() as work:
            experiment, project = await self._to_change(work, actor, experiment_id, PermissionLevel.WRITE)
            await require_own(work, actor, experiment.created_by, project)
            if experiment.stage is Stage.ACTIVE:
                return await _view(work, experiment, project)
            await _require_free(work, project, experiment.name)
            return await self._change(
                work, actor, experiment, project, EventName.EXPERIMENT_RESTORED, stage=Stage.ACTIVE
            )

    async def choose(self, actor: Actor, project_id: str, name: str) -> ExperimentView:
        """Has the project's runs go to its experiment of that name, which is made if it is not there."""
        wanted = check_experiment_name(name)
        async with self._store.begin() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            experiment = await experiment_named(work, project, wanted, actor.user_id, self._clock)
            if project.experiment_id != experiment.id:
                await work.of(Project, EVERYTHING).change(project.id, experiment_id=experiment.id)
                tags = (f"project:{project.id}",)
                work.emit(Event(EventName.PROJECT_CHANGED, project.id, tags, actor.user_id, project.id))
            return await _view(work, experiment, project)

    async def _to_change(
        self, work: UnitOfWork, actor: Actor, experiment_id: str, level: PermissionLevel
    ) -> tuple[Experiment, Project]:
        """The experiment as it is once nobody else changes the names in its project."""
        experiment, project = await experiment_at(work, actor, experiment_id, level)
        await work.of(Project, EVERYTHING).lock(project.id)
        return await work.of(Experiment, in_project(project.id)).lock(experiment.id), project

    async def _change(
        self,
        work: UnitOfWork,
        actor: Actor,
        experiment: Experiment,
        project: Project,
        event: EventName,
        **values: Any,
    ) -> ExperimentView:
        values["updated_at"] = self._clock.now()
        await work.of(Experiment, in_project(project.id)).change(experiment.id, **values)
        work.emit(Event(event, experiment.id, (), actor.user_id, project.id))
        return await _view(work, replace(experiment, **values), project)


async def experiment_at(
    work: UnitOfWork, actor: Actor, experiment_id: str, level: PermissionLevel
) -> tuple[Experiment, Project]:
    """The experiment, deleted or not, and its project, if the actor has the level on that."""
    return await _at(work, actor, await work.of(Experiment, EVERYTHING).get(id=experiment_id), level)


async def experiment_numbered(
    work: UnitOfWork, actor: Actor, number: int, level: PermissionLevel
) -> tuple[Experiment, Project]:
    """``experiment_at`` by the number."""
    return await _at(work, actor, await work.of(Experiment, EVERYTHING).get(number=number), level)


async def experiment_of_project(work: UnitOfWork, project: Project, creator_id: str | None, clock: Clock) -> Experiment:
    """The experiment that the project's runs go to: the chosen one, else the one called Default, which is made if it is
    not there."""
    if project.experiment_id is not None:
        chosen = await work.of(Experiment, in_project(project.id)).get(id=project.experiment_id, stage=Stage.ACTIVE)
        if chosen is not None:
            return chosen
    return await experiment_named(work, project, DEFAULT_EXPERIMENT, creator_id, clock)


async def experiment_named(
    work: UnitOfWork, project: Project, name: str, creator_id: str | None, clock: Clock
) -> Experiment:
    """The project's active experiment of that name, which was checked; it is made if it is not there."""
    experiments = work.of(Experiment, in_project(project.id))
    found = await experiments.get(name=name, stage=Stage.ACTIVE)
    if found is None:
        await work.of(Project, EVERYTHING).lock(project.id)  # two at once make one
        found = await experiments.get(name=name, stage=Stage.ACTIVE)
    return found or await _add(work, project, name, creator_id, clock)


async def require_own(work: UnitOfWork, actor: Actor, creator_id: str | None, project: Project) -> None:
    """NotPermitted for who neither made something in the project nor manages it: deleting needs that."""
    if creator_id != actor.user_id:
        await project_at(work, actor, project.id, PermissionLevel.MANAGE)


async def readable_projects(work: UnitOfWork, actor: Actor, project_id: str | None) -> Mapping[str, Project]:
    """The projects whose experiments and runs the actor may read, by id; only that one, where it is said. NotFound and
    NotPermitted are of that one."""
    if project_id is not None:
        return {project_id: await project_at(work, actor, project_id, PermissionLevel.USE)}
    return {project.id: project for project in await projects_at(work, actor, PermissionLevel.USE)}


async def users_of(work: UnitOfWork, ids: list[str | None]) -> Mapping[str, User]:
    """The accounts that are still there, by id."""
    wanted = {user_id for user_id in ids if user_id is not None}
    return {user.id: user for user in await work.of(User, EVERYTHING).find(id=wanted)} if wanted else {}


async def _at(
    work: UnitOfWork, actor: Actor, experiment: Experiment | None, level: PermissionLevel
) -> tuple[Experiment, Project]:
    if experiment is None:
        raise NotFound("there is no such experiment")
    try:
        return experiment, await project_at(work, actor, experiment.project_id, level)
    except NotFound as hidden:
        raise NotFound(
            "there is no such experiment", refusal=hidden.is_refusal, project_id=experiment.project_id
        ) from None


async def _named(work: UnitOfWork, project: Project, name: str) -> Experiment | None:
    found = await work.of(Experiment, in_project(project.id)).find(name=name, order=("-updated_at", "id"))
    return next((item for item in found if item.stage is Stage.ACTIVE), found[0] if found else None)


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(Experiment, in_project(project.id)).count(name=name, stage=Stage.ACTIVE):
        raise AlreadyExists(
            f"the project '{project.name}' has an experiment named '{name}' already", field="experiment_name"
        )


async def _add(work: UnitOfWork, project: Project, name: str, creator_id: str | None, clock: Clock) -> Experiment:
    now, number = clock.now(), await work.next_number(Experiment)
    experiment = Experiment(str(uuid4()), number, project.id, name, Stage.ACTIVE, creator_id, now, now)
    await work.of(Experiment, in_project(project.id)).add(experiment)
    work.emit(Event(EventName.EXPERIMENT_CREATED, experiment.id, (), creator_id, project.id))
    return experiment


async def _view(work: UnitOfWork, experiment: Experiment, project: Project) -> ExperimentView:
    return _joined(experiment, project, await users_of(work, [experiment.created_by]))


def _joined(experiment: Experiment, project: Project, creators: Mapping[str, User]) -> ExperimentView:
    return ExperimentView(experiment, project, creators.get(experiment.created_by or ""))
