"""The face as an ASGI app."""

from __future__ import annotations

from pathlib import Path

from starlette.types import ASGIApp

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.base.uploads import Limits
from quinta.dialects.mlflow import (
    routes_artifacts,
    routes_experiments,
    routes_logging,
    routes_models,
    routes_registry,
    routes_runs,
    routes_versions,
)
from quinta.dialects.mlflow.errors import ANSWERS
from quinta.dialects.mlflow.shapes import REFUSALS

PREFIX = "/mlflow"
_HEADING = Heading(
    title="Quinta: MLflow",
    version="2.0",
    description="Experiments, runs and artifacts for clients of MLflow: the part of its REST interface that they use.",
    prefix=PREFIX,
)
_ROUTERS = (
    routes_experiments.router,
    routes_runs.router,
    routes_logging.router,
    routes_artifacts.router,
    routes_models.router,
    routes_registry.router,
    routes_versions.router,
)
_MOST_BODY_BYTES = 2 << 20
"""A batch of the largest parameters and tags that MLflow allows has 1.4 MB."""


def create_app(services: Services, *, staging: Path, maximum_upload_bytes: int, maximum_body_bytes: int) -> ASGIApp:
    """The MLflow face, to be mounted at ``PREFIX``. Uploads wait in ``staging``."""
    limits = Limits(staging, maximum_upload_bytes, min(maximum_body_bytes, _MOST_BODY_BYTES))
    api = create_api(_HEADING, ANSWERS, _ROUTERS, REFUSALS, services=services, limits=limits)
    return create_face(api, ANSWERS)
