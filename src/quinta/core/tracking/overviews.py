"""What stands beside a project, a commit or an experiment wherever it is shown: the datasets in use, the newest model,
how the latest run went (contract dq0 4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quinta.core.access.levels import projects_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.datasets.model import Dataset, DatasetAttachment
from quinta.core.datasets.sight import sight_of, visible_ids
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project, User
from quinta.core.tracking.model import Experiment, RegisteredModel, Run, Stage
from quinta.core.tracking.surroundings import Surroundings, surroundings_of


@dataclass(frozen=True, slots=True)
class Subject:
    """What an overview is of: a project, or a commit or an experiment of it."""

    project_id: str
    commit_id: str | None = None
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """All but the project is None or empty for who may not read the project, and for what is not there.

    ``datasets`` are those that the actor may know of, in the order that they were attached in. ``model`` is the newest,
    of the runs of the commit or experiment where it is of one; ``run`` the latest of them, of a project in its current
    experiment; ``experiment`` the run's, or the subject's own.
    """

    project: Project
    datasets: tuple[Dataset, ...] = ()
    model: RegisteredModel | None = None
    experiment: Experiment | None = None
    run: Run | None = None


class Overviews:
    """Use cases of faces, about what their callers were shown already."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, actor: Actor, subjects: Sequence[Subject]) -> list[Overview]:
        """In the order of ``subjects``; their projects are ones that the actor may know of."""
        async with self._store.read() as work:
            ids = {subject.project_id for subject in subjects}
            projects = {project.id: project for project in await work.of(Project, EVERYTHING).find(id=ids)}
            readable = ids & {project.id for project in await projects_at(work, actor, PermissionLevel.USE)}
            datasets = await _datasets(work, actor, readable)
            models = await _models(work, readable)
            return [
                Overview(projects[subject.project_id])
                if subject.project_id not in readable
                else await _overview(work, projects[subject.project_id], subject, datasets[subject.project_id], models)
                for subject in subjects
            ]

    async def around(
        self,
        *,
        users: Iterable[str | None] = (),
        projects: Iterable[str | None] = (),
        commits: Iterable[str | None] = (),
        experiments: Iterable[str | None] = (),
    ) -> Surroundings:
        """The names of what was shown."""
        async with self._store.read() as work:
            return await surroundings_of(work, users=users, projects=projects, commits=commits, experiments=experiments)

    async def user_id(self, number: int) -> str | None:
        """Whose number it is; None if it is nobody's."""
        async with self._store.read() as work:
            user = await work.of(User, EVERYTHING).get(number=number)
        return None if user is None else user.id


@dataclass(frozen=True, slots=True)
class _Made:
    """A model, and what the run belongs to that has left it."""

    model: RegisteredModel
    experiment_id: str | None
    commit_id: str | None


async def _overview(
    work: UnitOfWork, project: Project, subject: Subject, datasets: tuple[Dataset, ...], models: Sequence[_Made]
) -> Overview:
    fitting = (
        made.model
        for made in models
        if made.model.project_id == project.id
        and subject.commit_id in (None, made.commit_id)
        and subject.experiment_id in (None, made.experiment_id)
    )
    run = await _latest_run(work, project, subject)
    experiments = work.of(Experiment, in_project(project.id))
    shown = subject.experiment_id or (project.experiment_id if run is None else run.experiment_id)
    experiment = None if shown is None else await experiments.get(id=shown)
    return Overview(project, datasets, next(fitting, None), experiment, run)


async def _latest_run(work: UnitOfWork, project: Project, subject: Subject) -> Run | None:
    runs = work.of(Run, in_project(project.id))
    if subject.commit_id is not None:
        jobs = work.of(DataJob, in_project(project.id))
        found = await jobs.find(
            commit_id=subject.commit_id, kind=DataJobKind.RUN, order=("-created_at", "-id"), limit=1
        )
        return await runs.get(id=found[0].number, stage=Stage.ACTIVE) if found else None
    experiment_id = subject.experiment_id or project.experiment_id
    in_experiment: dict[str, Any] = {} if experiment_id is None else {"experiment_id": experiment_id}
    latest = await runs.find(stage=Stage.ACTIVE, order=("-created_at", "-id"), limit=1, **in_experiment)
    return latest[0] if latest else None


async def _datasets(work: UnitOfWork, actor: Actor, project_ids: set[str]) -> Mapping[str, tuple[Dataset, ...]]:
    attachments = await work.of(DatasetAttachment, EVERYTHING).find(project_id=project_ids, order=("id",))
    ids = {attachment.dataset_id for attachment in attachments}
    seen = await visible_ids(work, await sight_of(work, actor), PermissionLevel.LIST, ("id",), id=ids)
    datasets = {dataset.id: dataset for dataset in await work.of(Dataset, EVERYTHING).find(id=seen)}
    return {
        project_id: tuple(
            datasets[attachment.dataset_id]
            for attachment in attachments
            if attachment.project_id == project_id and attachment.dataset_id in datasets
        )
        for project_id in project_ids
    }


async def _models(work: UnitOfWork, project_ids: set[str]) -> list[_Made]:
    """Newest first."""
    models = await work.of(RegisteredModel, EVERYTHING).find(project_id=project_ids, order=("-created_at", "-id"))
    run_ids = {model.run_id for model in models}
    runs = {run.id: run for run in await work.of(Run, EVERYTHING).find(id=run_ids)}
    jobs = {job.number: job for job in await work.of(DataJob, EVERYTHING).find(number=run_ids)}
    return [
        _Made(
            model,
            runs[model.run_id].experiment_id if model.run_id in runs else None,
            jobs[model.run_id].commit_id if model.run_id in jobs else None,
        )
        for model in models
    ]
