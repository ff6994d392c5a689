"""From the core's types to MLflow's messages as JSON (mlflow 3.17, protos/service.proto)."""

from __future__ import annotations

import json
import math
from typing import Any

from quinta.core.tracking.model import RunMetric
from quinta.core.tracking.named_models import NamedModelView, VersionView
from quinta.core.tracking.outside import NamedExperiment
from quinta.core.tracking.search import milliseconds
from quinta.core.tracking.views import RunView

_NAME_TAG = "mlflow.runName"
"""MLflow keeps a run's name in this tag too."""


def experiment(named: NamedExperiment) -> dict[str, Any]:
    row = named.view.experiment
    return {
        "experiment_id": str(row.number),
        "name": named.name,
        "artifact_location": f"mlflow-artifacts:/{row.number}",
        "lifecycle_stage": row.stage.value,
        "creation_time": milliseconds(row.created_at),
        "last_update_time": milliseconds(row.updated_at),
        "tags": [],
    }


def run(view: RunView) -> dict[str, Any]:
    tags = [{"key": tag.key, "value": view.run.name if tag.key == _NAME_TAG else tag.value} for tag in view.tags]
    data = {
        "metrics": [metric(item) for item in view.metrics],
        "params": [{"key": param.key, "value": param.value} for param in view.params],
        "tags": tags,
    }
    return {"info": run_info(view), "data": data, "inputs": {"dataset_inputs": []}}


def run_info(view: RunView) -> dict[str, Any]:
    row = view.run
    info = {
        "run_id": row.id,
        "run_uuid": row.id,
        "run_name": row.name,
        "experiment_id": str(view.experiment.number),
        "user_id": "" if view.creator is None else view.creator.email,
        "status": row.status.value,
        "start_time": milliseconds(row.started_at),
        "artifact_uri": f"mlflow-artifacts:/{artifact_root(view.experiment.number, row.id)}",
        "lifecycle_stage": row.stage.value,
    }
    if row.ended_at is not None:
        info["end_time"] = milliseconds(row.ended_at)
    return info


def artifact_root(number: int, run_id: str) -> str:
    """Where the artifacts of a run are among all that the proxy of artifacts has."""
    return f"{number}/{run_id}/artifacts"


def metric(item: RunMetric) -> dict[str, Any]:
    value = float(item.value)
    return {
        "key": item.key,
        "value": value if math.isfinite(value) else _WORDS[item.value],
        "timestamp": item.timestamp,
        "step": item.step,
    }


def registered_model(view: NamedModelView) -> dict[str, Any]:
    row = view.model
    return {
        "name": view.name,
        "creation_timestamp": milliseconds(row.created_at),
        "last_updated_timestamp": milliseconds(row.updated_at),
        "description": row.description,
        "latest_versions": [model_version(version) for version in view.newest],
        "tags": tags(row.tags),
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in view.aliases.items()],
    }


def model_version(view: VersionView) -> dict[str, Any]:
    row, registered = view.version, view.model
    return {
        "name": view.name,
        "version": str(row.number),
        "creation_timestamp": milliseconds(registered.model.created_at),
        "last_updated_timestamp": milliseconds(row.updated_at),
        "user_id": "" if registered.creator is None else registered.creator.email,
        "current_stage": row.stage.value,
        "description": registered.model.description,
        "source": model_source(view),
        "run_id": registered.run.run.id,
        "status": "READY",
        "tags": tags(row.tags),
        "aliases": list(view.aliases),
    }


def model_source(view: VersionView) -> str:
    """Where the version's files are."""
    run = view.model.run
    return f"mlflow-artifacts:/{artifact_root(run.experiment.number, run.run.id)}/{view.model.model.location}"


def tags(text: str) -> list[dict[str, str]]:
    """Of a JSON object of texts."""
    return [{"key": key, "value": value} for key, value in json.loads(text).items()]


_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""How protocol buffers write what JSON has no numbers for."""
