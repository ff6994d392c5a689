"""The face as one ASGI app."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from fastapi import APIRouter
from starlette.types import ASGIApp

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.base.uploads import Limits
from quinta.dialects.vbrain import routes_jobs, routes_repositories
from quinta.dialects.vbrain.documentation import REFUSALS
from quinta.dialects.vbrain.errors import ANSWERS
from quinta.dialects.vbrain.shapes import Interface

PREFIX = "/api/v1"
_HEADING = Heading(
    title="Quinta: VBrain",
    version="1",
    description="Repositories of inputs, and executions of applications on them.",
    prefix=PREFIX,
)
_root = APIRouter()


def create_app(
    services: Services, *, staging: Path, maximum_upload_bytes: int, maximum_body_bytes: int, zone: tzinfo
) -> ASGIApp:
    """The VBrain face, to be mounted at ``PREFIX``.

    ``staging`` is an existing folder where uploads wait for the core to store them; files in it are removed when their
    request ends. A file above ``maximum_upload_bytes``, or fields and other bodies above ``maximum_body_bytes``, are
    refused. Times on the wire are in ``zone``.
    """
    api = create_api(
        _HEADING,
        ANSWERS,
        (_root, routes_repositories.router, routes_jobs.router),
        REFUSALS,
        services=services,
        limits=Limits(staging, maximum_upload_bytes, maximum_body_bytes),
        zone=zone,
    )
    return create_face(api, ANSWERS)


@_root.get("/", name="interface")
async def _interface() -> Interface:
    """What is served here; needs no headers."""
    return Interface(name="Quinta", interface="VBrain", documentation=f"{PREFIX}/docs")
