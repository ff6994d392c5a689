"""Which answer each error gets: MLflow's codes (mlflow 3.17, protos/databricks.proto) in MLflow's shape.

A limit that is reached is no 429 here: MLflow's clients would try again for minutes.
"""

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

STATUS: dict[type[QuintaError], tuple[int, str]] = {
    InvalidInput: (400, "INVALID_PARAMETER_VALUE"),
    NotAuthenticated: (401, "UNAUTHENTICATED"),
    NotPermitted: (403, "PERMISSION_DENIED"),
    NotFound: (404, "RESOURCE_DOES_NOT_EXIST"),
    AlreadyExists: (400, "RESOURCE_ALREADY_EXISTS"),
    StateConflict: (409, "RESOURCE_CONFLICT"),
    LimitReached: (400, "RESOURCE_EXHAUSTED"),
    TooLarge: (413, "INVALID_PARAMETER_VALUE"),
    TooManyRequests: (429, "REQUEST_LIMIT_EXCEEDED"),
    Unavailable: (503, "TEMPORARILY_UNAVAILABLE"),
}
_CODES = {404: "ENDPOINT_NOT_FOUND", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "BAD_REQUEST")
        return _response(error.status_code, code, error.detail, error.headers)
    status, code = STATUS[type(error)]
    headers: dict[str, str] = {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(max(error.wait_seconds or 1, 1))
    return _response(status, code, error.message, headers)


def _response(status: int, code: str, message: str, headers: Mapping[str, str] | None) -> Response:
    return Response(_body(code, message), status, dict(headers or {}), media_type="application/json")


def _body(code: str, message: str) -> bytes:
    return json.dumps({"error_code": code, "message": message}).encode()


def _fault(error_id: str) -> bytes:
    return _body("INTERNAL_ERROR", f"the server failed; its log has more under {error_id}")


def _stopping() -> bytes:
    return _body("TEMPORARILY_UNAVAILABLE", "the server is stopping: try again in a moment")


ANSWERS = Answers(refused, fault=_fault, stopping=_stopping)
