"""The face as ASGI apps."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.types import ASGIApp

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.brainstem import (
    approval_page,
    routes_devices,
    routes_groups,
    routes_places,
    routes_records,
    routes_tokens,
)
from quinta.dialects.brainstem.documentation import REFUSALS
from quinta.dialects.brainstem.errors import ANSWERS
from quinta.dialects.brainstem.verbs import Verbs

PREFIXES = ("/api", "/rest")
PAGES = "/account"
SIGN_IN = "/api-token-auth"
_HEADING = Heading(
    title="Quinta: BrainSTEM",
    version="1",
    description="Data repositories, and the groups that share them.",
    prefix=PREFIXES[0],
)
_ROUTERS: tuple[APIRouter, ...] = (
    routes_records.router,
    routes_groups.router,
    routes_places.router,
    routes_tokens.router,
    routes_devices.router,
)
_SIGN_IN: tuple[APIRouter, ...] = (routes_tokens.at_root,)
_PAGES: tuple[APIRouter, ...] = (approval_page.router,)


def create_app(services: Services, *, maximum_body_bytes: int) -> ASGIApp:
    """The BrainSTEM face, to be mounted at each of ``PREFIXES``. A body above ``maximum_body_bytes`` is refused."""
    return _mounted(_HEADING, _ROUTERS, services, maximum_body_bytes)


def create_sign_in(services: Services, *, maximum_body_bytes: int) -> ASGIApp:
    """Where clients of the prefix ``/rest`` sign in, outside of it (contract brainstem 4.1, 12.1); to be mounted at
    ``SIGN_IN``."""
    return _mounted(None, _SIGN_IN, services, maximum_body_bytes)


def create_pages(services: Services, *, maximum_body_bytes: int) -> ASGIApp:
    """What a person sees in a browser, to be mounted at ``PAGES``."""
    return _mounted(None, _PAGES, services, maximum_body_bytes)


def _mounted(
    heading: Heading | None, routers: tuple[APIRouter, ...], services: Services, maximum_body_bytes: int
) -> ASGIApp:
    api = create_api(heading, ANSWERS, routers, REFUSALS, services=services, maximum_body_bytes=maximum_body_bytes)
    return create_face(Verbs(api), ANSWERS)
