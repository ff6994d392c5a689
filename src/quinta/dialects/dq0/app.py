"""The face as one ASGI app."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.types import ASGIApp

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.base.uploads import Limits
from quinta.dialects.dq0 import (
    routes_artifacts,
    routes_audits,
    routes_commits,
    routes_data,
    routes_experiments,
    routes_groups,
    routes_jobs,
    routes_models,
    routes_privacy,
    routes_projects,
    routes_queries,
    routes_roles,
    routes_runs,
    routes_sessions,
    routes_users,
    sealed,
)
from quinta.dialects.dq0.documentation import REFUSALS
from quinta.dialects.dq0.errors import ANSWERS
from quinta.kit.clock import Clock

PREFIX = "/dq0/api"
_HEADING = Heading(
    title="Quinta: DQ0",
    version="1.0",
    description="The quarantine: datasets, projects, runs, models, and who may do what. Gateways call it sealed.",
    prefix=PREFIX,
)
_ROUTERS: tuple[APIRouter, ...] = (
    sealed.router,
    routes_sessions.router,
    routes_users.router,
    routes_groups.router,
    routes_roles.router,
    routes_projects.router,
    routes_data.router,
    routes_commits.router,
    routes_experiments.router,
    routes_jobs.router,
    routes_runs.router,
    routes_artifacts.router,
    routes_models.router,
    routes_queries.router,
    routes_privacy.router,
    routes_audits.router,
)


def create_app(
    services: Services, *, clock: Clock, staging: Path, maximum_upload_bytes: int, maximum_body_bytes: int
) -> ASGIApp:
    """The DQ0 face, to be mounted at ``PREFIX``.

    ``staging`` is an existing folder where uploads wait for the core to store them; files in it are removed when their
    request ends. A deployed project above ``maximum_upload_bytes``, or a body above ``maximum_body_bytes``, is refused.
    """
    api = create_api(
        _HEADING,
        ANSWERS,
        _ROUTERS,
        REFUSALS,
        services=services,
        clock=clock,
        limits=Limits(staging, maximum_upload_bytes, maximum_body_bytes),
    )
    face = api.state.face = create_face(api, ANSWERS)
    return face
