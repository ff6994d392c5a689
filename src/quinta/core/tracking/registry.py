"""Registered models: what a run left, kept under a name, with leave to predict (contract dq0 4.2, 5.4, 5.7)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from quinta.core.access.levels import is_administrator, project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.epsilon import cost_of
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.names import check_description, check_title
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project, User
from quinta.core.tracking.artifacts import files_below, shown_artifacts
from quinta.core.tracking.experiments import readable_projects, require_own, users_of
from quinta.core.tracking.model import (
    CheckerStatus,
    ModelPermission,
    RegisteredModel,
    Run,
    RunMetric,
    Source,
)
from quinta.core.tracking.rules import check_path
from quinta.core.tracking.views import RunView, views_of
from quinta.core.tracking.visibility import Shown, active_run_at, may_release
from quinta.kit.clock import Clock

DEFAULT_LOCATION = "pyfunc_model"
SORTED_BY = frozenset({"created_at", "id", "name", "updated_at"})


@dataclass(frozen=True, slots=True)
class ModelView:
    """A registered model with its run as the actor may see it, and who registered it (None: the account is gone)."""

    model: RegisteredModel
    run: RunView
    creator: User | None


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """Which models: of a project, of a commit's runs, registered by a user (its row's id)."""

    paging: Paging = field(default_factory=Paging)
    project_id: str | None = None
    commit_id: str | None = None
    creator_id: str | None = None


class RegisteredModels:
    """Use cases about registered models. Reading needs level USE on the project, writing WRITE."""

    def __init__(self, store: Store, clock: Clock, budgets: Budgets) -> None:
        self._store = store
        self._clock = clock
        self._budgets = budgets

    async def register(
        self, actor: Actor, run_id: str, location: str = DEFAULT_LOCATION, name: str | None = None
    ) -> ModelView:
        """Keeps the artifact folder ``location`` of a run as a model; what its training cost is spent then.

        A model of public data may be used at once, another one when the checker or the data's owners say so; what these
        said of a model of the run holds for each that is registered from it later. NotFound
        (``model_path``): the run has no such folder, or none that is shown before its owners approve the run.
        StateConflict: its data are private and its training was not, and they have not approved it.
        """
        async with self._store.begin() as work:
            model = await self.add(work, actor, run_id, location, name)
            return (await model_views(work, actor, [model]))[0]

    async def add(
        self, work: UnitOfWork, actor: Actor, run_id: str, location: str, name: str | None = None
    ) -> RegisteredModel:
        """``register`` within a transaction."""
        check_path(location)
        run = await active_run_at(work, actor, run_id, PermissionLevel.WRITE)
        run = await work.of(Run, EVERYTHING).lock(run.id)
        job = None if run.job_id is None else await work.of(DataJob, EVERYTHING).get(id=run.job_id)
        model = await self._model(work, actor, run, location, name)
        if run.withheld:
            if model.epsilon is None and run.approved_at is None:
                raise StateConflict(
                    "the model was not trained privately: the owners of its data must approve the run first"
                )
            if job is not None:
                await self._budgets.settle(work, job.id)
        else:
            model = replace(model, permissions=tuple(ModelPermission))
        if run.decided is not None:
            model = replace(model, permissions=run.decided)
        await work.of(RegisteredModel, in_project(run.project_id)).add(model)
        work.emit(_event(EventName.REGISTERED_MODEL_CREATED, model, actor))
        return model

    async def get(self, actor: Actor, model_id: str) -> ModelView:
        async with self._store.read() as work:
            model = await model_at(work, actor, model_id, PermissionLevel.USE)
            return (await model_views(work, actor, [model]))[0]

    async def find(self, actor: Actor, query: ModelQuery) -> Page[ModelView]:
        """Those that the actor may read, oldest first unless the paging says otherwise."""
        order = order_of(query.paging, SORTED_BY, ("created_at",))
        async with self._store.read() as work:
            conditions: dict[str, Any] = {"project_id": list(await readable_projects(work, actor, query.project_id))}
            if query.commit_id is not None:
                numbers = await work.of(DataJob, EVERYTHING).values("number", commit_id=query.commit_id)
                conditions["run_id"] = numbers
            if query.creator_id is not None:
                conditions["created_by"] = query.creator_id
            models = work.of(RegisteredModel, EVERYTHING)
            found = await models.find(order=order, limit=query.paging.limit, offset=query.paging.offset, **conditions)
            return Page(tuple(await model_views(work, actor, found)), await models.count(**conditions))

    async def change(
        self,
        actor: Actor,
        model_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        permissions: Collection[str] | None = None,
    ) -> ModelView:
        """Changes what is given. ``permissions`` replaces all of them, whatever a check says later: for owners of all
        data that the model learnt from, and for administrators; of public data, for who manages the project. Name and
        description are for who may write in the project."""
        async with self._store.begin() as work:
            only_permissions = name is None and description is None
            if only_permissions and await is_administrator(work, actor):
                model = await _known_model(work, model_id)
            else:
                least = PermissionLevel.USE if only_permissions else PermissionLevel.WRITE
                model = await model_at(work, actor, model_id, least)
            values: dict[str, Any] = {}
            if name is not None:
                values["name"] = check_title(name, "a model")
            if description is not None:
                values["description"] = check_description(description)
            if permissions is not None:
                await _require_owner(work, actor, model)
                values["permissions"] = _permissions(permissions)
                await work.of(Run, EVERYTHING).change(model.run_id, decided=values["permissions"])
            return await self._change(work, actor, model, values)

    async def unregister(self, actor: Actor, model_id: str) -> None:
        """The run keeps its artifacts. NotPermitted for who neither registered it nor manages the project."""
        async with self._store.begin() as work:
            model = await model_at(work, actor, model_id, PermissionLevel.WRITE)
            project = await work.of(Project, EVERYTHING).get(id=model.project_id)
            assert project is not None  # the model's row refers to it
            await require_own(work, actor, model.created_by, project)
            await self.remove(work, actor, model)

    async def remove(self, work: UnitOfWork, actor: Actor, model: RegisteredModel) -> None:
        """Within a transaction, for who may."""
        await work.of(RegisteredModel, in_project(model.project_id)).remove(id=model.id)
        work.emit(_event(EventName.REGISTERED_MODEL_DELETED, model, actor))

    async def set_check(
        self, work: UnitOfWork, model_id: str, status: CheckerStatus, report: str, allowed: Collection[ModelPermission]
    ) -> None:
        """Writes what the checker found, whoever asks: ``allowed`` is what the model may be used for from then on,
        unless its owners have said that themselves. A model that is gone is no error."""
        model = await work.of(RegisteredModel, EVERYTHING).get(id=model_id)
        if model is not None:
            run = await work.of(Run, EVERYTHING).get(id=model.run_id)
            permissions = model.permissions
            if run is None or run.decided is None:
                permissions = tuple(item for item in ModelPermission if item in {*permissions, *allowed})
            values = {"checker_status": status, "checker_report": report, "permissions": permissions}
            await self._write(work, model, values, None)

    async def _change(
        self, work: UnitOfWork, actor: Actor, model: RegisteredModel, values: Mapping[str, Any]
    ) -> ModelView:
        changed = await self._write(work, model, values, actor.user_id)
        return (await model_views(work, actor, [changed]))[0]

    async def _write(
        self, work: UnitOfWork, model: RegisteredModel, values: Mapping[str, Any], actor_id: str | None
    ) -> RegisteredModel:
        """The model with those values; nothing is written where they are there already."""
        if all(getattr(model, name) == value for name, value in values.items()):
            return model
        changes = {**values, "updated_at": self._clock.now()}
        await work.of(RegisteredModel, in_project(model.project_id)).change(model.id, **changes)
        work.emit(Event(EventName.REGISTERED_MODEL_CHANGED, model.id, (), actor_id, model.project_id))
        return replace(model, **changes)

    async def _model(
        self, work: UnitOfWork, actor: Actor, run: Run, location: str, name: str | None
    ) -> RegisteredModel:
        """The row to write, without permissions. Of a run that withholds something only the platform's own files make a
        model: what user code left there may be the data themselves."""
        shown = Shown.PLATFORM if run.withheld and run.approved_at is None else Shown.EVERYTHING
        if not files_below(await shown_artifacts(work, run, shown), location):
            raise NotFound("model location does not exist")
        project = await work.of(Project, EVERYTHING).get(id=run.project_id)
        assert project is not None  # the run's row refers to it
        said = await _said_by_platform(work, run)
        epsilon, delta, now = said.get("epsilon"), said.get("delta"), self._clock.now()
        return RegisteredModel(
            id=str(uuid4()),
            project_id=run.project_id,
            run_id=run.id,
            name=check_title(name, "a model") if name else project.title or project.name,
            description="",
            location=location,
            permissions=(),
            checker_status=CheckerStatus.NONE,
            checker_report="",
            created_by=actor.user_id,
            created_at=now,
            updated_at=now,
            epsilon=None if epsilon is None else cost_of(epsilon),
            delta=delta,
        )


async def model_at(work: UnitOfWork, actor: Actor, model_id: str, level: PermissionLevel) -> RegisteredModel:
    """The model, if the actor has the level on its project; for reading, who answers for all data that it learnt from
    has it too. NotFound or NotPermitted else."""
    model = await _known_model(work, model_id)
    if level <= PermissionLevel.USE and await _answers_for(work, actor, model):
        return model
    try:
        await project_at(work, actor, model.project_id, level)
    except NotFound as hidden:
        raise NotFound("there is no such model", refusal=hidden.is_refusal, project_id=model.project_id) from None
    return model


async def _known_model(work: UnitOfWork, model_id: str) -> RegisteredModel:
    model = await work.of(RegisteredModel, EVERYTHING).get(id=model_id)
    if model is None:
        raise NotFound("there is no such model")
    return model


async def _answers_for(work: UnitOfWork, actor: Actor, model: RegisteredModel) -> bool:
    job = await work.of(DataJob, EVERYTHING).get(number=model.run_id)
    return job is not None and await may_release(work, actor, job)


async def _require_owner(work: UnitOfWork, actor: Actor, model: RegisteredModel) -> None:
    """NotPermitted for who may not say what a model may be used for (contract dq0 5.6)."""
    if await is_administrator(work, actor):
        return
    run = await work.of(Run, EVERYTHING).get(id=model.run_id)
    if run is not None and run.withheld:
        if not await _answers_for(work, actor, model):
            raise NotPermitted(
                "what a model may be used for is for the owners of all its data to say", project_id=model.project_id
            )
    else:
        await project_at(work, actor, model.project_id, PermissionLevel.MANAGE)


async def _said_by_platform(work: UnitOfWork, run: Run) -> dict[str, float]:
    """The finite metrics that the platform itself wrote into the run, by name. What user code logged is believed
    nothing, nor are parameters: who starts a run chooses them."""
    found = await work.of(RunMetric, EVERYTHING).find(
        run_id=run.id, source=Source.PLATFORM, key=("epsilon", "delta"), latest=True
    )
    numbers = {metric.key: float(metric.value) for metric in found}
    return {key: value for key, value in numbers.items() if math.isfinite(value)}


async def model_views(work: UnitOfWork, actor: Actor, models: Sequence[RegisteredModel]) -> list[ModelView]:
    """Of those that the actor may read, each with its run and who registered it."""
    runs = await work.of(Run, EVERYTHING).find(id={model.run_id for model in models}) if models else []
    views = {view.run.id: view for view in await views_of(work, actor, runs)}
    creators = await users_of(work, [model.created_by for model in models])
    return [ModelView(model, views[model.run_id], creators.get(model.created_by or "")) for model in models]


def _permissions(names: Collection[str]) -> tuple[ModelPermission, ...]:
    """InvalidInput (``permissions``): a name of none."""
    known = {item.value for item in ModelPermission}
    for name in names:
        if name not in known:
            raise InvalidInput(
                f"'{name[:80]}' is no permission of a model: {', '.join(sorted(known))} are", field="permissions"
            )
    return tuple(item for item in ModelPermission if item.value in names)


def _event(name: EventName, model: RegisteredModel, actor: Actor) -> Event:
    return Event(name, model.id, (), actor.user_id, model.project_id)
