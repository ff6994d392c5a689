"""The door for sealed calls (contract dq0 2.2, 2.3; dialects/base/envelope.py).

A sealed call is opened, handed on to the face as if it had come by itself, and its answer sealed. What cannot be opened
is answered in the open; everything after that only the caller can read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Scope

from quinta.core.errors import InvalidInput, NotAuthenticated, QuintaError
from quinta.core.services import Services
from quinta.core.tenancy.registration import Device
from quinta.dialects.base.bodies import headers_of, media_type, read_body, unsupported
from quinta.dialects.base.envelope import (
    LARGEST_SEALED_BYTES,
    MEDIA_TYPE,
    MOST_SKEW_SECONDS,
    Answer,
    Call,
    EnvelopeRefused,
    ServerKeys,
    open_call,
    seal_answer,
)
from quinta.dialects.base.refusals import tell_refusal
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import SEALED, USER, Anyone, Visit
from quinta.dialects.dq0.errors import refused

_OPEN = frozenset({f"/{noun}/{verb}" for noun in ("auth", "users") for verb in ("login", "register")})
"""Where a key may sign that belongs to no account yet."""
_DOORS = frozenset({"/sealed", "/key"})
_METHODS = frozenset({"GET", "POST", "PATCH", "DELETE"})
_SEALED_BODY = {
    "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter(tags=["sealed calls"])


@router.get("/key")
async def key(visit: Anyone) -> shapes.ServerKey:
    """The keys that calls are sealed to and answers are signed with; a gateway keeps them when it adds the proxy."""
    public = (await _keys(visit.services)).public
    return shapes.ServerKey(public_key=public.text, fingerprint=public.fingerprint)


@router.post(
    "/sealed",
    response_class=Response,
    responses={200: {"description": "The sealed answer", "content": {MEDIA_TYPE: {}}}},
    openapi_extra=_SEALED_BODY,
)
async def sealed(visit: Anyone) -> Response:
    """Takes any other call, sealed, and answers it sealed."""
    if SEALED in visit.request.scope:
        raise InvalidInput("a sealed call holds no other")
    headers = headers_of(visit.request.scope)
    if media_type(headers) != MEDIA_TYPE:
        raise unsupported(headers, MEDIA_TYPE)
    limit = min(LARGEST_SEALED_BYTES, visit.limits.maximum_upload_bytes + visit.limits.maximum_body_bytes)
    data = await read_body(visit.request.receive, headers, limit)
    keys = await _keys(visit.services)
    try:
        call = await asyncio.to_thread(open_call, data, keys)
    except EnvelopeRefused as error:
        raise InvalidInput(str(error)) from None
    try:
        await _admit(visit, call)
        answer = await _passed_on(visit, call)
    except (QuintaError, HTTPException) as error:
        if isinstance(error, QuintaError):
            tell_refusal(visit.services.refusals, visit.request, error)
        told = refused(error)
        answer = Answer(told.status_code, {"content-type": "application/json"}, bytes(told.body))
    try:
        return Response(await asyncio.to_thread(seal_answer, answer, call, keys), media_type=MEDIA_TYPE)
    except EnvelopeRefused as error:
        raise InvalidInput(str(error)) from None


async def _keys(services: Services) -> ServerKeys:
    return ServerKeys.parse(await services.quarantine.sealed_calls.server_key(lambda: ServerKeys.new().text))


async def _admit(visit: Visit, call: Call) -> None:
    """NotAuthenticated for a call that is not of now, that came before, or that a key has signed which nobody has. What
    it says of its user is checked with its session."""
    if not call.is_near(visit.clock.now().timestamp()):
        raise NotAuthenticated(
            f"the sealed call's time is more than {MOST_SKEW_SECONDS} seconds from the server's: set this computer's "
            "clock"
        )
    path = "/" + call.path.strip("/")
    # A key that nobody has leaves no trace in the database: anybody can make any number of those.
    if path not in _OPEN and not await visit.quarantine.sealed_calls.is_known(call.signer):
        raise NotAuthenticated("no account has the key of this device: log in, or register first")
    await visit.quarantine.sealed_calls.take(call.nonce)


async def _passed_on(visit: Visit, call: Call) -> Answer:
    if call.method not in _METHODS or "/" + call.path.strip("/") in _DOORS:
        raise InvalidInput(f"{call.method[:20]} {call.path[:200]} is nothing to be sealed")
    collected = _Collected(call.body)
    face: ASGIApp = visit.request.app.state.face
    await face(_scope(visit.request.scope, call), collected.receive, collected.send)
    return collected.answer


def _scope(outer: Scope, call: Call) -> Scope:
    """The call as it would have come by itself. Of the outer one stay the address and the prefix, no header."""
    path = outer["root_path"] + call.path
    headers = {name.lower(): value for name, value in call.headers.items()}
    headers["content-length"] = str(len(call.body))
    kept = {name: outer[name] for name in ("type", "asgi", "http_version", "scheme", "server", "client", "root_path")}
    return {
        **kept,
        "method": call.method,
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": call.query.encode("utf-8", "replace"),
        "headers": [(_raw(name), _raw(value)) for name, value in headers.items()],
        SEALED: Device(call.device, call.signer),
        USER: call.user,
    }


def _raw(text: str) -> bytes:
    return text.encode("latin-1", "replace")


class _Collected:
    """What the face sends, whole."""

    def __init__(self, body: bytes) -> None:
        self._asked: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._status = 500
        self._headers: Mapping[str, str] = {}
        self._body = bytearray()

    async def receive(self) -> Message:
        return self._asked.pop() if self._asked else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            self._body += message.get("body", b"")

    @property
    def answer(self) -> Answer:
        return Answer(self._status, self._headers, bytes(self._body))
