"""The face as ASGI apps."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.base.misses import methods_of
from quinta.dialects.versiontwo import (
    routes_deployments,
    routes_keys,
    routes_monitoring,
    routes_projects,
    routes_webhooks,
    routes_workspaces,
)
from quinta.dialects.versiontwo.bodies import MOST_BYTES
from quinta.dialects.versiontwo.calls import Looking
from quinta.dialects.versiontwo.documentation import REFUSALS
from quinta.dialects.versiontwo.errors import ANSWERS, about, refused
from quinta.dialects.versiontwo.messages import Topic
from quinta.dialects.versiontwo.replies import Replies
from quinta.kit.clock import Clock

PREFIX = "/v1"
_HEADING = Heading(
    title="Quinta: VersionTwo",
    version="1",
    description="Projects, releases rolled out and back, keys and webhooks.",
    prefix=PREFIX,
)
_OTHER_VERSION = re.compile(r"/v[0-9]+(?:/|$)")
_ANY_METHOD = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "CONNECT"]
_misses = APIRouter()
_ROUTERS: tuple[APIRouter, ...] = (
    routes_projects.router,
    routes_workspaces.router,
    routes_deployments.router,
    routes_monitoring.router,
    routes_keys.router,
    routes_webhooks.router,
)


def create_app(services: Services, *, clock: Clock, maximum_body_bytes: int) -> ASGIApp:
    """The VersionTwo face, to be mounted at ``PREFIX``. A body above ``maximum_body_bytes``, or 256 KiB, is refused."""
    api = create_api(
        _HEADING,
        ANSWERS,
        (*_ROUTERS, _misses),
        REFUSALS,
        services=services,
        clock=clock,
        maximum_body_bytes=min(maximum_body_bytes, MOST_BYTES),
    )
    return Replies(create_face(api, ANSWERS))


def create_other_versions() -> ASGIApp:
    """What answers for versions of the interface that there are not (contract versiontwo 7)."""
    return Replies(_no_version)


def is_other_version(path: str) -> bool:
    """Whether ``path`` is of a version of the interface, whichever; those that are served come first."""
    return _OTHER_VERSION.match(path) is not None


async def _no_version(scope: Scope, receive: Receive, send: Send) -> None:
    await refused(_nothing())(scope, receive, send)


@_misses.api_route("/{path:path}", methods=_ANY_METHOD, include_in_schema=False)
async def _miss(call: Looking, request: Request) -> None:
    """A call that meets no operation: as a route, so that it needs a key and counts like all others."""
    methods = methods_of([route for router in _ROUTERS for route in router.routes], request.scope)
    if not methods:
        raise _nothing()
    allow = ", ".join([*methods, *(["HEAD"] if "GET" in methods else [])])
    raise about(Topic.METHOD, 405, {"Allow": allow}, method=request.scope["method"][:20])


def _nothing() -> HTTPException:
    return about(Topic.PATH, 404, where=f"{PREFIX}/docs")
