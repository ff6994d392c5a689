"""The gateway's door: HTTP on loopback, for the person's own programs and nobody else (contract dq0 1, 2.3).

There is no credential on loopback. So a call must name this address as its host, must not come from a page of another
origin, and must bring JSON; and on Linux its socket must be the person's own, or root's.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

from starlette.types import ASGIApp, Receive, Scope, Send

from quinta.core.errors import TooLarge
from quinta.dialects.base.bodies import Headers, headers_of, media_type, read_body
from quinta.dialects.base.catch_all import CatchAll
from quinta.gateway.callers import is_own
from quinta.gateway.calls import GatewayFailure, LocalCall, Reply
from quinta.gateway.gateway import Gateway

PREFIX = "/api"
LARGEST_BODY_BYTES = 16 * 2**20
_THREADS = 32
"""Calls at once: each waits for the server, up to 30 s."""
_METHODS = ("DELETE", "GET", "PATCH", "POST")
_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def create_app(gateway: Gateway, port: int) -> ASGIApp:
    """The ASGI application of ``gateway``, which is served on loopback at ``port``."""
    return CatchAll(_Door(gateway, port), _fault, lambda: _error("the gateway is stopping: try again"))


class _Door:
    def __init__(self, gateway: Gateway, port: int) -> None:
        self._gateway = gateway
        self._hosts = frozenset(f"{host}:{port}".encode() for host in _HOSTS)
        self._origins = frozenset(b"http://" + host for host in self._hosts)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            reply = await self._answer(scope, receive)
        except GatewayFailure as failure:
            reply = Reply(failure.status, {"error": failure.message})
        except TooLarge as error:
            reply = Reply(413, {"error": str(error)})
        await _send(send, scope, reply)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        headers = headers_of(scope)
        self._check(scope, headers)
        path = scope["path"].rstrip("/")
        if not path.startswith(f"{PREFIX}/"):
            raise GatewayFailure(404, f"nothing is served at {scope['path'][:200]}: the API begins at {PREFIX}/")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in _METHODS:
            raise GatewayFailure(405, f"there is no operation {method[:20]} {path[:200]}")
        body = await read_body(receive, headers, LARGEST_BODY_BYTES)
        if body.strip() and media_type(headers) != "application/json":
            raise GatewayFailure(415, "the body's content type must be application/json")
        call = LocalCall(method, path[len(PREFIX) :], scope["query_string"].decode("latin-1"), body)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._gateway.answer, call)

    def _check(self, scope: Scope, headers: Headers) -> None:
        if headers.get(b"host", b"").lower() not in self._hosts:
            raise GatewayFailure(403, "the gateway answers at its own address only, such as http://localhost:9000/api/")
        origin = headers.get(b"origin", b"").lower()
        if (origin and origin not in self._origins) or headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site"):
            raise GatewayFailure(403, "the gateway answers no pages of other origins")
        if not is_own(scope.get("client"), scope.get("server")):
            raise GatewayFailure(403, "the gateway answers programs of the person who started it only")


async def _send(send: Send, scope: Scope, reply: Reply) -> None:
    body = json.dumps(reply.body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _fault(error_id: str) -> bytes:
    return _error(f"the gateway has a fault; its log has more about {error_id}")


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()
