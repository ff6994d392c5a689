"""What the faces of the quarantine are handed: its use cases together (design 2; contract dq0)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quinta.core.access.actions import Actions
from quinta.core.access.grants import ProjectGrants
from quinta.core.access.sealed_calls import SealedCalls
from quinta.core.access.server_roles import ServerRoles
from quinta.core.access.sign_in import SignIn
from quinta.core.commits.commits import Commits
from quinta.core.commits.jobs import DataJobs
from quinta.core.commits.models import ModelJobs
from quinta.core.datasets.budgets import Budgets
from quinta.core.datasets.datasets import Datasets
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.masks import Masks
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.thresholds import Thresholds
from quinta.core.observation.owners_audit import OwnersAudit
from quinta.core.ports import Archives, ObjectStore, Passwords, QueryEngine, Secrets, Snapshots, Store
from quinta.core.queries.queries import Queries
from quinta.core.queries.questions import Questions
from quinta.core.queries.spending import Spendings
from quinta.core.tenancy.administered_groups import AdministeredGroups
from quinta.core.tenancy.groups import Groups
from quinta.core.tenancy.people import People
from quinta.core.tenancy.profiles import Profiles
from quinta.core.tenancy.quarantine_projects import QuarantineProjects
from quinta.core.tenancy.registration import Registration
from quinta.core.tenancy.release_projects import ReleaseProjects
from quinta.core.tracking.overviews import Overviews
from quinta.core.tracking.tracking import Tracking, make_tracking
from quinta.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Quarantine:
    registration: Registration
    sealed_calls: SealedCalls
    people: People
    profiles: Profiles
    server_roles: ServerRoles
    actions: Actions
    project_grants: ProjectGrants
    groups: AdministeredGroups
    projects: QuarantineProjects
    overviews: Overviews
    datasets: Datasets
    budgets: Budgets
    spendings: Spendings
    masks: Masks
    thresholds: Thresholds
    commits: Commits
    jobs: DataJobs
    model_jobs: ModelJobs
    queries: Queries
    tracking: Tracking
    audit: OwnersAudit


@dataclass(frozen=True, slots=True)
class Ground:
    """What it stands on. ``staging`` is a folder for files on their way; ``default_budget`` that of datasets whose
    metadata say none, in 1e-9 epsilon."""

    store: Store
    clock: Clock
    objects: ObjectStore
    archives: Archives
    snapshots: Snapshots
    passwords: Passwords
    secrets: Secrets
    metadata: MetadataKeeper
    files: FileRules
    questions: Questions
    queries: QueryEngine
    staging: Path
    default_budget: int


def make_quarantine(ground: Ground, sign_in: SignIn, groups: Groups, projects: ReleaseProjects) -> Quarantine:
    store, clock, objects, metadata = ground.store, ground.clock, ground.objects, ground.metadata
    budgets = Budgets(store, clock)
    tracking = make_tracking(store, objects, clock, budgets)
    return Quarantine(
        registration=Registration(store, clock, ground.passwords, sign_in),
        sealed_calls=SealedCalls(store, clock, ground.secrets),
        people=People(store, clock),
        profiles=Profiles(store),
        server_roles=ServerRoles(store, clock),
        actions=Actions(store, clock),
        project_grants=ProjectGrants(store, clock),
        groups=AdministeredGroups(store, groups),
        projects=QuarantineProjects(store, projects),
        overviews=Overviews(store),
        datasets=Datasets(store, clock, metadata, ground.files, ground.default_budget),
        budgets=budgets,
        spendings=Spendings(store, ground.queries, clock),
        masks=Masks(store, clock, metadata),
        thresholds=Thresholds(store, clock, metadata),
        commits=Commits(store, objects, ground.archives, ground.snapshots, ground.staging, clock),
        jobs=DataJobs(store, objects, budgets, clock),
        queries=Queries(store, ground.questions, ground.queries, budgets, clock),
        model_jobs=ModelJobs(store, objects, ground.staging, clock, tracking.models),
        tracking=tracking,
        audit=OwnersAudit(store),
    )
