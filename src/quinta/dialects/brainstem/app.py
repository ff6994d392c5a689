"""The face as ASGI apps."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.types import ASGIApp

from quinta.core.services import Services
from quinta.dialects.base.faces import Heading, create_api, create_face
from quinta.dialects.brainstem.documentation import REFUSALS
from quinta.dialects.brainstem.errors import ANSWERS
from quinta.dialects.brainstem.verbs import Verbs

PREFIXES = ("/api", "/rest")
PAGES = "/account"
_HEADING = Heading(
    title="Quinta: BrainSTEM",
    version="1",
    description="Data repositories, and the groups that share them.",
    prefix=PREFIXES[0],
)
_ROUTERS: tuple[APIRouter, ...] = ()
_PAGES: tuple[APIRouter, ...] = ()


def create_app(services: Services, *, maximum_body_bytes: int) -> ASGIApp:
    """The BrainSTEM face, to be mounted at each of ``PREFIXES``. A body above ``maximum_body_bytes`` is refused."""
    return _mounted(_HEADING, _ROUTERS, services, maximum_body_bytes)


def create_pages(services: Services, *, maximum_body_bytes: int) -> ASGIApp:
    """What a person sees in a browser, to be mounted at ``PAGES``."""
    return _mounted(None, _PAGES, services, maximum_body_bytes)


def _mounted(
    heading: Heading | None, routers: tuple[APIRouter, ...], services: Services, maximum_body_bytes: int
) -> ASGIApp:
    api = create_api(heading, ANSWERS, routers, REFUSALS, services=services, maximum_body_bytes=maximum_body_bytes)
    return create_face(Verbs(api), ANSWERS)
