"""How much there is of what a plan limits (contract ubiops 2, 3.1, 10.26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quinta.core.access.decide import organization_for, project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.connectors.model import Connector
from quinta.core.models.model import Model, ModelVersion
from quinta.core.pipelines.model import Pipeline
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Project
from quinta.core.tenancy.places import places_of


@dataclass(frozen=True, slots=True)
class ProjectResources:
    models: int
    versions: int
    connectors: int
    pipelines: int


@dataclass(frozen=True, slots=True)
class OrganizationResources:
    """``users`` counts invitations too, as the plan does."""

    projects: int
    users: int
    within: ProjectResources


class Resources:
    """Use cases: counting."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of_organization(self, actor: Actor, name: str) -> OrganizationResources:
        """For any member (contract ubiops 10.26)."""
        async with self._store.read() as work:
            organization = await organization_for(work, actor, name)
            projects = await work.of(Project, in_organization(organization.id)).find()
            users = await places_of(work, organization.id)
            within = await count_within(work, [project.id for project in projects])
        return OrganizationResources(len(projects), users, within)

    async def of_project(self, actor: Actor, name: str) -> ProjectResources:
        async with self._store.read() as work:
            project = await project_for(work, actor, name, Permission.PROJECTS_RESOURCES_GET)
            return await count_within(work, [project.id])


async def count_within(work: UnitOfWork, project_ids: Sequence[str]) -> ProjectResources:
    """What the projects have together."""
    return ProjectResources(
        models=await work.of(Model, EVERYTHING).count(project_id=project_ids),
        versions=await work.of(ModelVersion, EVERYTHING).count(project_id=project_ids),
        connectors=await work.of(Connector, EVERYTHING).count(project_id=project_ids),
        pipelines=await work.of(Pipeline, EVERYTHING).count(project_id=project_ids),
    )
