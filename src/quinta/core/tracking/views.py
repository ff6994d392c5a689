"""Runs as one actor may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from quinta.core.access.model import Actor
from quinta.core.commits.model import DataJob
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project, User
from quinta.core.tracking.experiments import users_of
from quinta.core.tracking.model import Experiment, Run, RunMetric, RunParam, RunTag
from quinta.core.tracking.visibility import Shown, visible_of

Logged = TypeVar("Logged", RunMetric, RunParam, RunTag)


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with what the actor is shown of it: the latest value of each metric, parameters and tags, each by key.

    ``shown`` says how much that is of all there is; ``job`` is what made it, where one did; ``creator`` is None where
    the account is gone.
    """

    run: Run
    experiment: Experiment
    project: Project
    job: DataJob | None
    creator: User | None
    shown: Shown
    metrics: tuple[RunMetric, ...]
    params: tuple[RunParam, ...]
    tags: tuple[RunTag, ...]


async def views_of(work: UnitOfWork, actor: Actor, runs: Sequence[Run]) -> list[RunView]:
    """The runs, which the actor may know of, in their order."""
    if not runs:
        return []
    ids = [run.id for run in runs]
    shown = await visible_of(work, actor, runs)
    experiments = await work.of(Experiment, EVERYTHING).find(id={run.experiment_id for run in runs})
    projects = await work.of(Project, EVERYTHING).find(id={run.project_id for run in runs})
    job_ids = {run.job_id for run in runs if run.job_id is not None}
    jobs = await work.of(DataJob, EVERYTHING).find(id=job_ids) if job_ids else []
    creators = await users_of(work, [run.created_by for run in runs])
    metrics = await work.of(RunMetric, EVERYTHING).find(run_id=ids, latest=True, order=("key",))
    params = await work.of(RunParam, EVERYTHING).find(run_id=ids, order=("key",))
    tags = await work.of(RunTag, EVERYTHING).find(run_id=ids, order=("key",))
    of_metrics, of_params, of_tags = _by_run(metrics, shown), _by_run(params, shown), _by_run(tags, shown)
    experiment_of = {item.id: item for item in experiments}
    project_of = {item.id: item for item in projects}
    job_of = {item.id: item for item in jobs}
    return [
        RunView(
            run=run,
            experiment=experiment_of[run.experiment_id],
            project=project_of[run.project_id],
            job=job_of.get(run.job_id or ""),
            creator=creators.get(run.created_by or ""),
            shown=shown[run.id],
            metrics=tuple(of_metrics.get(run.id, ())),
            params=tuple(of_params.get(run.id, ())),
            tags=tuple(of_tags.get(run.id, ())),
        )
        for run in runs
    ]


def _by_run(items: Sequence[Logged], shown: Mapping[str, Shown]) -> dict[str, list[Logged]]:
    """What is shown, by run."""
    found: dict[str, list[Logged]] = {}
    for item in items:
        if shown[item.run_id].permits(item.source):
            found.setdefault(item.run_id, []).append(item)
    return found
