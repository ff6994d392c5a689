"""What stands around the routes of every face, so that each call that fails is answered in the face's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.core.errors import QuintaError
from quinta.core.observation.refusals import Refusals
from quinta.core.services import Services
from quinta.dialects.base.catch_all import CatchAll
from quinta.dialects.base.misses import explained
from quinta.dialects.base.paths import clean_path
from quinta.dialects.base.refusals import tell_refusal
from quinta.dialects.base.validation import refusal

Refusal = QuintaError | HTTPException


@dataclass(frozen=True, slots=True)
class Answers:
    """How a face answers calls that fail.

    ``refused`` makes the answer to a refusal; ``fault`` the body of a 500 from the id of the log's line about it;
    ``stopping`` makes the body of the 503 for a call that the server's end cuts short. ``explain`` puts what the
    framework refuses by the name of a status into words.
    """

    refused: Callable[[Refusal], Response]
    fault: Callable[[str], bytes]
    stopping: Callable[[], bytes]
    explain: Callable[[Request, HTTPException], HTTPException] = explained


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a face's OpenAPI document. ``prefix`` is where its paths begin."""

    title: str
    version: str
    description: str
    prefix: str


def create_api(
    heading: Heading | None,
    answers: Answers,
    routers: Iterable[APIRouter],
    refusals: Mapping[int | str, dict[str, Any]],
    services: Services,
    **state: object,
) -> FastAPI:
    """The routes of a face with the page of its operations at ``/docs``; without a ``heading``, no such page.

    ``refusals`` documents what each operation may be refused with. Routes find ``services`` and
    ``state`` at ``request.app.state``.
    """
    api = FastAPI(openapi_url=None, redirect_slashes=False) if heading is None else _documented(heading, refusals)
    for name, value in {"services": services, **state}.items():
        setattr(api.state, name, value)
    add_handlers(api, answers, services.refusals)
    for router in routers:
        api.include_router(router)
    # Inside the framework's own last handler, which answers in plain text and raises again.
    api.add_middleware(CatchAll, body=answers.fault, stopping=answers.stopping)
    return api


def _documented(heading: Heading, refusals: Mapping[int | str, dict[str, Any]]) -> FastAPI:
    return FastAPIOffline(
        title=heading.title,
        version=heading.version,
        description=heading.description,
        servers=[{"url": heading.prefix}],
        root_path_in_servers=False,
        redirect_slashes=False,
        responses=dict(refusals),
        generate_unique_id_function=lambda route: route.name,
    )


def create_face(app: ASGIApp, answers: Answers) -> ASGIApp:
    """``app`` as it is mounted: it gets clean paths below the ``root_path`` of the call."""
    return CatchAll(_Clean(app), answers.fault, answers.stopping)


def add_handlers(api: FastAPI, answers: Answers, refusals: Refusals) -> None:
    """Makes ``api`` answer in the words of ``answers``, whatever refuses a call, and the audit trail hear of it."""

    async def on_core_error(request: Request, error: QuintaError) -> Response:
        tell_refusal(refusals, request, error)
        return answers.refused(error)

    async def on_validation_error(request: Request, error: RequestValidationError) -> Response:
        errors = [{**item, "loc": item["loc"][1:]} for item in error.errors()]  # without "query" or "header" in front
        return answers.refused(refusal(errors, "the request"))

    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return answers.refused(answers.explain(request, error))

    api.exception_handler(QuintaError)(on_core_error)
    api.exception_handler(RequestValidationError)(on_validation_error)
    api.exception_handler(HTTPException)(on_http_error)


class _Clean:
    """Hands calls on by their clean path: a slash at the end never matters."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope.get("root_path", "") + clean_path(scope)}
        await self._app(scope, receive, send)
