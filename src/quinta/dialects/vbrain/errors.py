"""Which answer each error gets (contract vbrain 2, 4, 5)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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

_CONSTANT: dict[type[QuintaError], str] = {
    NotAuthenticated: "Invalid x-api-key",
    NotPermitted: "Permission denied",
    TooLarge: "File too large",
}
"""Texts of the wire that stand for every error of their kind."""
_NAMED = (InvalidInput, NotFound)
"""Errors whose text on the wire is ``Invalid`` and the field they are about."""


def error_body(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def text_of(error: QuintaError) -> str:
    """What stands in the member ``error``: the wire's own text where it has one, else our sentence."""
    if isinstance(error, _NAMED) and error.field is not None:
        return f"Invalid {error.field}"
    return _CONSTANT.get(type(error), error.message)


@asynccontextmanager
async def deletion_of(folder: str) -> AsyncIterator[None]:
    """What cannot be deleted now is a 500 of its own (contract vbrain 4, 5); it may be tried again."""
    try:
        yield
    except Unavailable:
        raise HTTPException(500, f"Error deleting {folder} folder") from None


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, QuintaError):
        return Response(error_body(text_of(error)), STATUS[type(error)], media_type="application/json")
    return Response(error_body(error.detail), error.status_code, error.headers, media_type="application/json")


ANSWERS = Answers(
    refused,
    fault=lambda error_id: error_body(f"internal error: the server's log has the details under the id {error_id}"),
    stopping=lambda: error_body("the server is stopping and has ended this call: send it again when it is back"),
)
