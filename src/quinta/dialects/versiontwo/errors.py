"""Which answer each error gets (contract versiontwo 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

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
from quinta.dialects.versiontwo.messages import Both, Code, Problem, Told, Topic, message
from quinta.dialects.versiontwo.replies import current, reset_of

STATUS: dict[type[QuintaError], int] = {
    InvalidInput: 400,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    AlreadyExists: 409,
    StateConflict: 409,
    LimitReached: 409,
    TooLarge: 413,
    TooManyRequests: 429,
    Unavailable: 503,
}
_CODES: Mapping[int, Code] = MappingProxyType(
    {
        401: Code.UNAUTHORIZED,
        403: Code.FORBIDDEN,
        404: Code.NOT_FOUND,
        409: Code.CONFLICT,
        429: Code.RATE_LIMITED,
        500: Code.INTERNAL_ERROR,
        503: Code.INTERNAL_ERROR,
    }
)
"""All other statuses are invalid requests: the list of codes is closed."""
_PROBLEMS: Mapping[type[QuintaError], Problem] = MappingProxyType(
    {
        InvalidInput: Problem.INVALID_VALUE,
        AlreadyExists: Problem.ALREADY_EXISTS,
        StateConflict: Problem.IN_USE,
        TooLarge: Problem.TOO_LONG,
        NotFound: Problem.UNKNOWN,
    }
)
_TOPICS: Mapping[type[QuintaError], Topic] = MappingProxyType(
    {
        NotAuthenticated: Topic.CREDENTIALS,
        NotPermitted: Topic.PERMISSION,
        NotFound: Topic.ID,
        StateConflict: Topic.STATE,
        LimitReached: Topic.LIMIT,
        TooLarge: Topic.SIZE,
        TooManyRequests: Topic.WAIT,
        Unavailable: Topic.UNAVAILABLE,
    }
)
"""What is said in Portuguese of those that are about no field: the core's own sentences are English."""
_PROBLEMS_OF_FIELDS: Mapping[str, Problem] = MappingProxyType(
    {
        "version": Problem.UNKNOWN,
        "permissions": Problem.UNKNOWN,
        "events": Problem.UNKNOWN,
        "workspace_id": Problem.UNKNOWN,
        "start_time": Problem.OUT_OF_RANGE,
        "end_time": Problem.OUT_OF_RANGE,
        "config.scaling.min_instances": Problem.OUT_OF_RANGE,
        "config.scaling.max_instances": Problem.OUT_OF_RANGE,
        "scaling.min_instances": Problem.OUT_OF_RANGE,
        "scaling.max_instances": Problem.OUT_OF_RANGE,
    }
)
"""What is left to be wrong with a field for the core to find: types, lengths and forms are checked before."""


class Refused(HTTPException):
    """A refusal of the face's own, with what is told about it."""

    def __init__(self, status: int, told: Told, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, told.code, headers)
        self.told = told


def invalid(field: str, problem: Problem, **values: str | Both) -> Refused:
    """The refusal of what a field has."""
    return Refused(400, Told(Code.INVALID_REQUEST, problem, field, values=values))


def about(
    topic: Topic,
    status: int = 400,
    headers: Mapping[str, str] | None = None,
    english: str | None = None,
    **values: str,
) -> Refused:
    """A refusal that is about no field."""
    return Refused(status, Told(_code(status), topic=topic, english=english, values=values), headers)


@contextmanager
def of_members(member: str) -> Iterator[None]:
    """What the core finds wrong with a part of ``member`` is told by the part's own name: it is the whole body."""
    try:
        yield
    except (InvalidInput, TooLarge) as error:
        if error.field is not None and error.field.startswith(f"{member}."):
            error.field = error.field.removeprefix(f"{member}.")
            error.message = error.message.replace(f"{member}.", "")
        raise


def refused(error: QuintaError | HTTPException) -> Response:
    """The answer to a call that was refused."""
    if isinstance(error, QuintaError):
        status, headers = STATUS[type(error)], _headers(error)
        return _response(status, _told(error, status), headers, _more(error))
    if isinstance(error, Refused):
        return _response(error.status_code, error.told, error.headers, {})
    told = Told(_code(error.status_code), english=error.detail)
    return _response(error.status_code, told, error.headers, {})


def explain(request: Request, error: HTTPException) -> HTTPException:
    """Every call that meets no operation has its sentence already."""
    return error


def _told(error: QuintaError, status: int) -> Told:
    problem = None
    if error.field is not None:
        problem = _PROBLEMS.get(type(error))
        if isinstance(error, InvalidInput):
            problem = _PROBLEMS_OF_FIELDS.get(error.field, problem)
    topic = _TOPICS.get(type(error)) if problem is None else None
    values = {"wait": str(error.wait_seconds or 1)} if isinstance(error, TooManyRequests) else {}
    return Told(_code(status), problem, error.field, topic, english=error.message, values=values)


def _headers(error: QuintaError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(max(error.wait_seconds or 1, 1))}
    return {}


def _more(error: QuintaError) -> dict[str, Any]:
    """Details that are no field's."""
    budget = current().budget
    if isinstance(error, TooManyRequests) and budget is not None:
        return {"limit": budget.limit, "reset": reset_of(budget)}
    return {}


def _response(status: int, told: Told, headers: Mapping[str, str] | None, more: Mapping[str, Any]) -> Response:
    body = _body(told, more)
    language = {"Content-Language": current().language.value}
    return Response(body, status, {**language, **(headers or {})}, media_type="application/json")


def _body(told: Told, more: Mapping[str, Any]) -> bytes:
    reply = current()
    details: dict[str, Any] = {"field": told.member, "reason": told.problem} if told.problem is not None else {}
    details.update(more)
    if told.code is Code.INTERNAL_ERROR:
        details["request_id"] = reply.request_id
    error: dict[str, Any] = {"code": told.code, "message": message(told, reply.language)}
    if details:
        error["details"] = details
    # Half of a surrogate pair, which UTF-8 has no bytes for, stays the escape that JSON writes it as.
    return json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _fault(error_id: str) -> bytes:
    """The request gets the id that the server's log has."""
    current().request_id = error_id
    return _body(Told(Code.INTERNAL_ERROR, topic=Topic.FAULT), {})


def _stopping() -> bytes:
    return _body(Told(Code.INTERNAL_ERROR, topic=Topic.STOPPING), {})


def _code(status: int) -> Code:
    return _CODES.get(status, Code.INVALID_REQUEST)


ANSWERS = Answers(refused, fault=_fault, stopping=_stopping, explain=explain)
