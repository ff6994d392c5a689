"""The face as one ASGI app."""

from __future__ import annotations

from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.base.uploads import Limits
from quinta.dialects.ubiops import (
    routes_blobs,
    routes_connectors,
    routes_credentials,
    routes_metrics,
    routes_models,
    routes_organization_users,
    routes_organizations,
    routes_pipeline_requests,
    routes_pipelines,
    routes_projects,
    routes_requests,
    routes_roles,
    routes_schedules,
    routes_service_users,
    routes_status,
    routes_subscriptions,
    routes_users,
    routes_variables,
    routes_versions,
)
from quinta.dialects.ubiops.direct import DirectRequest, target_of
from quinta.dialects.ubiops.documentation import ERROR_ANSWERS, document
from quinta.dialects.ubiops.errors import ANSWERS

PREFIX = "/v2.1"
_HEADING = Heading(
    title="Quinta: UbiOps v2.1",
    version="2.1",
    description="Models, pipelines and requests to them, as the client ubiops 2.1.0 speaks to them.",
    prefix=PREFIX,
)
_ROUTES = (
    routes_status,
    routes_users,
    routes_organizations,
    routes_organization_users,
    routes_subscriptions,
    routes_projects,
    routes_roles,
    routes_service_users,
    routes_models,
    routes_versions,
    routes_variables,
    routes_requests,
    routes_pipelines,
    routes_pipeline_requests,
    routes_schedules,
    routes_blobs,
    routes_credentials,
    routes_connectors,
    routes_metrics,
)


def create_app(services: Services, *, staging: Path, maximum_upload_bytes: int, maximum_body_bytes: int) -> ASGIApp:
    """The UbiOps v2.1 face, to be mounted at ``PREFIX``.

    ``staging`` is an existing folder where uploads wait for the core to store them; files in it are removed when their
    request ends. An upload above ``maximum_upload_bytes``, or any other body above ``maximum_body_bytes``, is refused.
    """
    limits = Limits(staging, maximum_upload_bytes, maximum_body_bytes)
    routers = [routes.router for routes in _ROUTES]
    api = create_api(_HEADING, ANSWERS, routers, ERROR_ANSWERS, services=services, limits=limits)
    document(api)
    return create_face(_Face(DirectRequest(services, maximum_body_bytes), api), ANSWERS)


class _Face:
    """Sends each call its way: direct requests past the framework, the others through it."""

    def __init__(self, direct: DirectRequest, api: ASGIApp) -> None:
        self._direct = direct
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            target = target_of(scope["path"].removeprefix(PREFIX))
            if target is not None:
                await self._direct(target, scope, receive, send)
                return
        await self._api(scope, receive, send)
