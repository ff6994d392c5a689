"""Experiments for MLflow's clients, which know names and numbers and no projects (docs/dialects/mlflow.md).

``PROJECT/NAME`` is the experiment NAME of a project; a name without a slash is of the caller's own project: one that is
made for it when it is needed first, or the project that a service user belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.pages import MOST_ON_PAGE, Page, Paging
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.core.tracking.conditions import Kind, Subject, holds, sort_key
from quinta.core.tracking.experiments import (
    DEFAULT_EXPERIMENT,
    ExperimentQuery,
    Experiments,
    ExperimentView,
    experiment_named,
)
from quinta.core.tracking.filters import Language, parse_filter, parse_order
from quinta.core.tracking.model import Stage
from quinta.core.tracking.outside_projects import OutsideProjects, own_name
from quinta.core.tracking.search import milliseconds
from quinta.kit.clock import Clock

DEFAULT_NUMBER: Final = 0
"""What MLflow's clients ask for where nobody named an experiment."""
_ATTRIBUTES = {"name": "name", "creation_time": "creation_time", "last_update_time": "last_update_time"}
EXPERIMENTS = Language(_ATTRIBUTES, frozenset({"creation_time", "last_update_time"}), frozenset({Kind.TAG}))
_MOST_EXPERIMENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class NamedExperiment:
    """``name`` is what MLflow's clients call it."""

    name: str
    view: ExperimentView


@dataclass(frozen=True, slots=True)
class OutsideQuery:
    """In MLflow's language; without orders, those come first that were made last."""

    filter: str = ""
    orders: Sequence[str] = ()
    stage: Stage | None = Stage.ACTIVE
    limit: int = 1_000
    offset: int = 0


class OutsideExperiments:
    """Use cases about experiments by their full names, and by numbers of which 0 is the caller's own default."""

    def __init__(self, store: Store, clock: Clock, experiments: Experiments, projects: OutsideProjects) -> None:
        self._store = store
        self._clock = clock
        self._experiments = experiments
        self._projects = projects

    async def create(self, actor: Actor, name: str) -> NamedExperiment:
        """NotFound for a project that the actor may not know of; else as of ``Experiments.create``."""
        project_name, own = _parts(name)
        project = (
            await self._projects.own(actor) if project_name is None else await self._projects.named(actor, project_name)
        )
        return self._named(actor, await self._experiments.create(actor, project.id, own))

    async def named(self, actor: Actor, name: str) -> NamedExperiment:
        """The experiment, an active one rather than a deleted one of the same name."""
        project_name, own = _parts(name)
        missing = NotFound(f"there is no experiment named '{name[:80]}'")
        async with self._store.read() as work:
            wanted = own_name(actor) if project_name is None else project_name
            known = {"id": actor.project_id} if wanted is None else {"name": wanted}
            project = await work.of(Project, EVERYTHING).get(**known)
        if project is None:
            raise missing
        try:
            return self._named(actor, await self._experiments.named(actor, project.id, own))
        except NotFound as hidden:
            missing.is_refusal = hidden.is_refusal
            raise missing from None

    async def get(self, actor: Actor, number: int) -> NamedExperiment:
        """By its number; 0 is the one called Default of the actor's own project."""
        if number == DEFAULT_NUMBER:
            return await self.named(actor, DEFAULT_EXPERIMENT)
        return self._named(actor, await self._experiments.numbered(actor, number))

    async def to_log_to(self, actor: Actor, number: int) -> NamedExperiment:
        """``get``, but the one called Default is made if it is not there."""
        if number != DEFAULT_NUMBER:
            return await self.get(actor, number)
        project = await self._projects.own(actor)
        async with self._store.begin() as work:
            made = await experiment_named(work, project, DEFAULT_EXPERIMENT, actor.user_id, self._clock)
        return await self.get(actor, made.number)

    async def rename(self, actor: Actor, number: int, name: str) -> NamedExperiment:
        """InvalidInput (``new_name``): a name of another project; an experiment stays where it is."""
        before = await self.get(actor, number)
        project_name, own = _parts(name)
        prefix, slash, _ = before.name.partition("/")
        if project_name != (prefix if slash else None):
            raise InvalidInput(f"the experiment '{before.name}' stays in its project", field="new_name")
        return self._named(actor, await self._experiments.rename(actor, before.view.experiment.id, own))

    async def search(self, actor: Actor, query: OutsideQuery) -> Page[NamedExperiment]:
        """Those that the actor may read and the filter holds for. InvalidInput (``filter``, ``order_by``,
        ``max_results``): what breaks a rule."""
        conditions = parse_filter(query.filter, EXPERIMENTS)
        orders = [parse_order(text, EXPERIMENTS) for text in query.orders]
        if not 1 <= query.limit <= MOST_ON_PAGE or query.offset < 0:
            raise InvalidInput(f"max_results must be from 1 to {MOST_ON_PAGE}", field="max_results")
        found: list[tuple[tuple[tuple[object, ...], ...], NamedExperiment]] = []
        for offset in range(0, _MOST_EXPERIMENTS, MOST_ON_PAGE):
            paging = Paging(MOST_ON_PAGE, offset, ("-created_at", "-id"))
            page = await self._experiments.find(actor, ExperimentQuery(paging, stage=query.stage))
            for view in page.items:
                named = self._named(actor, view)
                subject = _subject(named)
                if holds(conditions, subject):
                    found.append((sort_key(orders, subject), named))
            if len(page.items) < MOST_ON_PAGE:
                break
        if orders:
            found.sort(key=lambda item: item[0])
        shown = found[query.offset : query.offset + query.limit]
        return Page(tuple(named for _, named in shown), len(found))

    def _named(self, actor: Actor, view: ExperimentView) -> NamedExperiment:
        own = view.project.id == actor.project_id if actor.is_service_user else view.project.name == own_name(actor)
        short = own and "/" not in view.experiment.name
        name = view.experiment.name if short else f"{view.project.name}/{view.experiment.name}"
        return NamedExperiment(name, view)


def _parts(name: str) -> tuple[str | None, str]:
    """The project's name, None for the actor's own, and the experiment's name in it."""
    project_name, slash, own = name.partition("/")
    if not slash:
        return None, name
    if not project_name:
        raise InvalidInput(
            "an experiment is called PROJECT/NAME, or NAME: it does not begin with a slash", field="name"
        )
    return project_name, own


def _subject(named: NamedExperiment) -> Subject:
    experiment = named.view.experiment
    return Subject(
        {
            "name": named.name,
            "creation_time": float(milliseconds(experiment.created_at)),
            "last_update_time": float(milliseconds(experiment.updated_at)),
        }
    )
