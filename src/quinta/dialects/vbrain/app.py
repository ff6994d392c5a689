"""The face as one ASGI app."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.core.services import Services
from quinta.dialects.base.catch_all import CatchAll
from quinta.dialects.base.paths import clean_path
from quinta.dialects.base.uploads import Limits
from quinta.dialects.vbrain import routes_jobs, routes_repositories
from quinta.dialects.vbrain.documentation import REFUSALS
from quinta.dialects.vbrain.errors import STOPPING_BODY, add_handlers, fault_body
from quinta.dialects.vbrain.shapes import Interface

PREFIX = "/api/v1"


def create_app(
    services: Services, *, staging: Path, maximum_upload_bytes: int, maximum_body_bytes: int, zone: tzinfo
) -> ASGIApp:
    """The VBrain face, to be mounted at ``PREFIX``.

    ``staging`` is an existing folder where uploads wait for the core to store them; files in it are removed when their
    request ends. A file above ``maximum_upload_bytes``, or fields and other bodies above ``maximum_body_bytes``, are
    refused. Times on the wire are in ``zone``.
    """
    api = _create_api(services, Limits(staging, maximum_upload_bytes, maximum_body_bytes), zone)
    return CatchAll(_Face(api), fault_body, STOPPING_BODY)


class _Face:
    """Hands calls on by their clean path: a slash at the end never matters."""

    def __init__(self, api: FastAPI) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "root_path": PREFIX, "path": PREFIX + clean_path(scope)}
        await self._api(scope, receive, send)


def _create_api(services: Services, limits: Limits, zone: tzinfo) -> FastAPI:
    api = FastAPIOffline(
        title="Quinta: VBrain",
        version="1",
        description="Repositories of inputs, and executions of applications on them.",
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
        redirect_slashes=False,
        responses=REFUSALS,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.services = services
    api.state.limits = limits
    api.state.zone = zone
    add_handlers(api, services.refusals)
    api.add_api_route("/", _interface, methods=["GET"], name="interface")
    for routes in (routes_repositories, routes_jobs):
        api.include_router(routes.router)
    # Inside the framework's own last handler, which answers in plain text and raises again.
    api.add_middleware(CatchAll, body=fault_body, stopping=STOPPING_BODY)
    return api


async def _interface() -> Interface:
    """What is served here; needs no headers."""
    return Interface(name="Quinta", interface="VBrain", documentation=f"{PREFIX}/docs")
