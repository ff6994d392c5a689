"""HEAD and OPTIONS, which every path takes (contract brainstem 7)."""

from __future__ import annotations

import json

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quinta.dialects.base.misses import methods_of

ACTIONS = ("join", "leave", "accept", "reject", "cancel")
"""Last parts of paths where a GET changes something (contract brainstem 9.5): no HEAD, which is a mere look."""


def acts(path: str) -> bool:
    """Whether a call of the path changes something, whatever its method."""
    return path.rpartition("/")[2] in ACTIONS


def allowed(api: FastAPI, scope: Scope) -> list[str]:
    """The methods that the path of the call takes; empty where nothing is served."""
    methods = methods_of(api.routes, scope)
    if not methods:
        return []
    looks = "GET" in methods and not acts(scope["path"])
    return [*methods, *(["HEAD"] if looks else []), "OPTIONS"]


class Verbs:
    """Answers OPTIONS itself, and HEAD as ``api`` answers GET; the HTTP server leaves out the body."""

    def __init__(self, api: FastAPI) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("HEAD", "OPTIONS"):
            methods = allowed(self._api, scope)
            if scope["method"] == "OPTIONS" and methods:
                await _options(methods)(scope, receive, send)
                return
            if "HEAD" in methods:
                scope = {**scope, "method": "GET"}
        await self._api(scope, receive, send)


def _options(methods: list[str]) -> Response:
    body = {
        "renders": ["application/json"],
        "parses": ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
    }
    return Response(json.dumps(body), 200, {"Allow": ", ".join(methods)}, media_type="application/json")
