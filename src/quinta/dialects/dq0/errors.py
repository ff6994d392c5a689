"""Which answer each error gets (contract dq0 1.5, 4.1): clients know a failure by a member ``error`` that is not empty,
and by nothing else."""

from __future__ import annotations

import json

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
    AlreadyExists: 409,
    StateConflict: 409,
    LimitReached: 403,
    TooLarge: 413,
    TooManyRequests: 429,
    Unavailable: 503,
}
UNACCEPTABLE_METADATA = 422


def error_body(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, HTTPException):
        return Response(error_body(error.detail), error.status_code, error.headers, media_type="application/json")
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotAuthenticated) else {}
    if isinstance(error, TooManyRequests) and error.wait_seconds is not None:
        headers["Retry-After"] = str(max(error.wait_seconds, 1))
    return Response(error_body(error.message), _status(error), headers, media_type="application/json")


def _status(error: QuintaError) -> int:
    if isinstance(error, InvalidInput) and error.field == "meta":
        return UNACCEPTABLE_METADATA
    return STATUS[type(error)]


ANSWERS = Answers(
    refused,
    fault=lambda error_id: error_body(f"internal error: the server's log has the details under the id {error_id}"),
    stopping=lambda: error_body("the server is stopping and has ended this call: send it again when it is back"),
)
