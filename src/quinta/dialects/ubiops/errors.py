"""Which answer each error gets (contract ubiops 5.1, 5.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from quinta.core.errors import (
    AlreadyExists,
    InvalidInput,
    LimitReached,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    QuintaError,
    StateConflict,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from quinta.core.observation.refusals import Refusals
from quinta.dialects.base.misses import explained
from quinta.dialects.base.refusals import tell_refusal
from quinta.dialects.base.validation import refusal

STATUS: dict[type[QuintaError], int] = {
    InvalidInput: 400,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    AlreadyExists: 400,
    StateConflict: 400,
    LimitReached: 403,
    TooLarge: 413,
    TooManyRequests: 429,
    Unavailable: 503,
}
"""The era's server told neither duplicates nor conflicts from other bad input: 400, not 409. No answer carries
Retry-After: it makes the client send a whole upload four times (contract ubiops 1.6)."""


def error_body(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


STOPPING_BODY = error_body("the server is stopping and has ended this call: send it again when the server is back")


def fault_body(error_id: str) -> bytes:
    """The body of a 500."""
    return error_body(f"internal error: the server's log has the details under the id {error_id}")


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, QuintaError):
        headers = {"WWW-Authenticate": "Token"} if isinstance(error, NotAuthenticated) else None
        return _response(STATUS[type(error)], error.message, headers)
    return _response(error.status_code, error.detail, error.headers)


def add_handlers(app: FastAPI, refusals: Refusals) -> None:
    """Makes ``app`` answer in this dialect's shape, whatever refuses a call, and the audit trail hear of it."""

    async def on_core_error(request: Request, error: QuintaError) -> Response:
        tell_refusal(refusals, request, error)
        return refused(error)

    app.exception_handler(QuintaError)(on_core_error)
    app.exception_handler(RequestValidationError)(_on_validation_error)
    app.exception_handler(HTTPException)(_on_http_error)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    errors = [{**item, "loc": item["loc"][1:]} for item in error.errors()]  # without "query" or "header" in front
    return refused(refusal(errors, "the request"))


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    return refused(explained(request, error))


def _response(status: int, text: str, headers: Mapping[str, str] | None) -> Response:
    return Response(error_body(text), status, headers, media_type="application/json")
