"""Bodies on their way in, with limits: whole ones into memory, files to disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from quinta.core.errors import TooLarge

Headers = Mapping[bytes, bytes]
"""Names in lower case, as ASGI has them; the last one wins where a name comes twice."""


def headers_of(scope: Scope) -> Headers:
    return dict(scope["headers"])


def media_type(headers: Headers) -> str:
    """The content type in lower case, without parameters; empty when there is none."""
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body; TooLarge beyond ``limit`` bytes, without reading on."""
    _check_announced(headers, limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        # Nearly every body comes in one piece, and this is on the way of direct requests: no stream, no join.
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise _too_large(limit)
        return whole

    async def from_the_first() -> Message:
        nonlocal message
        first, message = message, None
        return first if first is not None else await receive()

    return b"".join([piece async for piece in stream_body(from_the_first, headers, limit)])


async def stream_body(receive: Receive, headers: Headers, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces; TooLarge as soon as it is known to have more than ``limit`` bytes."""
    _check_announced(headers, limit)
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        total += len(piece)
        if total > limit:
            raise _too_large(limit)
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


def unsupported(headers: Headers, wanted: str) -> HTTPException:
    """The refusal of a content type: 415, naming what is ``wanted``."""
    given = media_type(headers) or "no content type"
    return HTTPException(415, f"the body's content type must be {wanted}; it is {given[:80]}")


def _check_announced(headers: Headers, limit: int) -> None:
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than the limit of {limit} bytes")
