"""From the core's types to bodies: projects, and what shares their struct."""

from __future__ import annotations

from typing import Any

from quinta.core.tenancy.model import Project
from quinta.core.tracking.model import ModelPermission
from quinta.core.tracking.overviews import Overview
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.convert import seconds


def project_members(overview: Overview) -> dict[str, Any]:
    """The members that projects, commits and experiments share. Of several datasets the first stands alone
    (contract dq0 9.12)."""
    project, model = overview.project, overview.model
    first = overview.datasets[0] if overview.datasets else None
    permissions = () if model is None else model.permissions
    return {
        "project_uuid": project.id,
        "project_name": title_of(project),
        "data_uuid": "" if first is None else first.id,
        "data_name": "" if first is None else first.name,
        "datasets": {dataset.name: dataset.id for dataset in overview.datasets},
        "model_uuid": "" if model is None else model.id,
        "model_name": "" if model is None else model.name,
        "model_checker_status": "" if model is None else model.checker_status,
        "predict_allowed": ModelPermission.PREDICT in permissions,
        "predict_proba_allowed": ModelPermission.PREDICT_PROBABILITIES in permissions,
        "latest_experiment_uuid": "" if overview.experiment is None else overview.experiment.id,
        "latest_experiment_name": "" if overview.experiment is None else overview.experiment.name,
        "latest_experiment_result": "" if overview.run is None else overview.run.status,
    }


def project_body(overview: Overview) -> shapes.Project:
    project = overview.project
    return shapes.Project(
        **project_members(overview),
        created_at=seconds(project.created_at),
        updated_at=seconds(project.updated_at or project.created_at),
    )


def title_of(project: Project) -> str:
    """The project's name as its people write it."""
    return project.title or project.name
