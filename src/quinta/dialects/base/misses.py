"""Calls that meet no operation: what the framework refuses by the name of a status, said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def explained(request: Request, error: HTTPException) -> HTTPException:
    """``error`` with a sentence for the caller in its ``detail``; one that has its own goes on as it is."""
    if error.detail != HTTPStatus(error.status_code).phrase:
        return error
    call = f"{request.method} {request.scope['path'][:200]}"
    if error.status_code == 405:
        methods = ", ".join(methods_of(request.app.routes, request.scope))
        return HTTPException(405, f"there is no operation {call}; this path takes {methods}", {"Allow": methods})
    if error.status_code == 404:
        where = f"{request.scope['root_path']}/docs"
        return HTTPException(404, f"there is no operation {call}; the operations are listed at {where}")
    return error


def methods_of(routes: Iterable[BaseRoute], scope: Scope) -> list[str]:
    """What the path of the call takes: the framework names the methods of one of its routes only."""
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
