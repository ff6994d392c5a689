"""Which answer each error gets (contract brainstem 4.5, 7, 8): the bodies of Django REST framework, which all
clients of the era were written against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import Request
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
from quinta.dialects.brainstem.verbs import allowed

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

_CONSTANT: dict[type[QuintaError], str] = {
    NotPermitted: "You do not have permission to perform this action.",
    NotFound: "Not found.",
}
"""Sentences of the wire that stand for every error of their kind."""
_NAMED = (InvalidInput, AlreadyExists)
"""Errors that stand under the name of the field they are about."""
_CHALLENGE = {"WWW-Authenticate": "Bearer"}

NO_CREDENTIALS = "Authentication credentials were not provided."
WRONG_TOKEN = "Invalid token."


class BadRequest(HTTPException):
    """A refusal whose JSON body is ``body``: fields with lists of sentences, or a list of sentences alone."""

    def __init__(self, body: Mapping[str, Sequence[str]] | Sequence[str]) -> None:
        super().__init__(400, json.dumps(body))
        self.body = body


def detail(text: str) -> bytes:
    """The body of a refusal that is about no field."""
    return json.dumps({"detail": text}).encode()


def bad_request(text: str) -> HTTPException:
    """A refusal that is about no field."""
    return HTTPException(400, text)


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, BadRequest):
        return _response(400, json.dumps(error.body).encode(), None)
    if isinstance(error, HTTPException):
        return _response(error.status_code, detail(error.detail), error.headers)
    if isinstance(error, _NAMED) and error.field is not None:
        return _response(STATUS[type(error)], json.dumps({error.field: [error.message]}).encode(), None)
    if isinstance(error, TooManyRequests) and error.wait_seconds is not None:
        return _throttled(error.wait_seconds)
    headers = _CHALLENGE if isinstance(error, NotAuthenticated) else None
    return _response(STATUS[type(error)], detail(_CONSTANT.get(type(error), error.message)), headers)


def _throttled(seconds: int) -> Response:
    sentence = f"Request was throttled. Expected available in {seconds} second{'' if seconds == 1 else 's'}."
    return _response(STATUS[TooManyRequests], detail(sentence), {"Retry-After": str(seconds)})


def explain(request: Request, error: HTTPException) -> HTTPException:
    """Calls that meet no operation, in the words of the wire."""
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error
    if error.status_code == 404:
        return HTTPException(404, "Not found.")
    if error.status_code == 405:
        allow = {"Allow": ", ".join(allowed(request.app, request.scope))}
        return HTTPException(405, f'Method "{request.method[:20]}" not allowed.', allow)
    return error


def _response(status: int, body: bytes, headers: Mapping[str, str] | None) -> Response:
    return Response(body, status, headers, media_type="application/json")


ANSWERS = Answers(
    refused,
    fault=lambda error_id: detail(f"Internal error: the server's log has the details under the id {error_id}."),
    stopping=lambda: detail("The server is stopping and has ended this call: send it again when the server is back."),
    explain=explain,
)
