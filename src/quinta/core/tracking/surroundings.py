"""The names of what things belong to, for whoever was shown the things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from quinta.core.commits.model import Commit
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project, User
from quinta.core.tracking.model import Experiment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Users, projects, commits and experiments by their ids. What is None, or not there any more, has no name: ""."""

    users: Mapping[str, User]
    projects: Mapping[str, Project]
    commits: Mapping[str, Commit]
    experiments: Mapping[str, Experiment]

    def user(self, user_id: str | None) -> tuple[int, str]:
        """The number and the e-mail."""
        user = self.users.get(user_id or "")
        return (0, "") if user is None else (user.number or 0, user.email)

    def project(self, project_id: str | None) -> str:
        """The title, or the name of a project without one."""
        project = self.projects.get(project_id or "")
        return "" if project is None else project.title or project.name

    def commit(self, commit_id: str | None) -> str:
        commit = self.commits.get(commit_id or "")
        return "" if commit is None else commit.name

    def experiment(self, experiment_id: str | None) -> str:
        experiment = self.experiments.get(experiment_id or "")
        return "" if experiment is None else experiment.name


async def surroundings_of(
    work: UnitOfWork,
    *,
    users: Iterable[str | None] = (),
    projects: Iterable[str | None] = (),
    commits: Iterable[str | None] = (),
    experiments: Iterable[str | None] = (),
) -> Surroundings:
    return Surroundings(
        users={user.id: user for user in await _found(work, User, users)},
        projects={project.id: project for project in await _found(work, Project, projects)},
        commits={commit.id: commit for commit in await _found(work, Commit, commits)},
        experiments={experiment.id: experiment for experiment in await _found(work, Experiment, experiments)},
    )


async def _found(work: UnitOfWork, kind: type[T], ids: Iterable[str | None]) -> list[T]:
    wanted = {item for item in ids if item}
    return await work.of(kind, EVERYTHING).find(id=wanted) if wanted else []
