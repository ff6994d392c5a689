"""The use cases of this room together, as faces are handed them."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.datasets.budgets import Budgets
from quinta.core.ports import ObjectStore, Store
from quinta.core.tracking.artifacts import Artifacts
from quinta.core.tracking.experiments import Experiments
from quinta.core.tracking.logging import RunLogging
from quinta.core.tracking.named_models import NamedModels
from quinta.core.tracking.named_versions import NamedVersions
from quinta.core.tracking.outside import OutsideExperiments
from quinta.core.tracking.outside_projects import OutsideProjects
from quinta.core.tracking.registry import RegisteredModels
from quinta.core.tracking.runs import Runs
from quinta.core.tracking.search import RunSearch
from quinta.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class Tracking:
    experiments: Experiments
    outside: OutsideExperiments
    runs: Runs
    logging: RunLogging
    search: RunSearch
    artifacts: Artifacts
    models: RegisteredModels
    names: NamedModels
    versions: NamedVersions


def make_tracking(store: Store, objects: ObjectStore, clock: Clock, budgets: Budgets) -> Tracking:
    experiments, projects = Experiments(store, clock), OutsideProjects(store, clock)
    models, names = RegisteredModels(store, clock, budgets), NamedModels(store, clock, projects)
    return Tracking(
        experiments=experiments,
        outside=OutsideExperiments(store, clock, experiments, projects),
        runs=Runs(store, clock),
        logging=RunLogging(store),
        search=RunSearch(store),
        artifacts=Artifacts(store, objects, clock),
        models=models,
        names=names,
        versions=NamedVersions(store, clock, models, names),
    )
