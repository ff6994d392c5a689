"""Which answer each error gets (contract ubiops 5.1, 5.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping

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
from quinta.dialects.base.faces import Answers

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


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, QuintaError):
        headers = {"WWW-Authenticate": "Token"} if isinstance(error, NotAuthenticated) else None
        return _response(STATUS[type(error)], error.message, headers)
    return _response(error.status_code, error.detail, error.headers)


def _response(status: int, text: str, headers: Mapping[str, str] | None) -> Response:
    return Response(error_body(text), status, headers, media_type="application/json")


ANSWERS = Answers(
    refused,
    fault=lambda error_id: error_body(f"internal error: the server's log has the details under the id {error_id}"),
    stopping=lambda: error_body("the server is stopping and has ended this call: send it again when it is back"),
)
