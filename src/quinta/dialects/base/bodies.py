"""Bodies on their way in, with limits: whole ones into memory, files to disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from quinta.core.errors import TooLarge

Headers = Mapping[bytes, bytes]
"""Names in lower case, as ASGI has them; the last one wins where a name comes twice."""


def headers_of(scope: Scope) -> Headers:
    return dict(scope["headers"])


def media_type(headers: Headers) -> str:
    """The content type in lower case, without parameters; empty when there is none."""
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """The whole body; TooLarge as soon as it is known to have more than ``limit`` bytes.

    On the way of direct requests, so no generator: a body nearly always comes in one piece.
    """
    _check_announced(headers, limit)
    pieces: list[bytes] = []
    total, more = 0, True
    while more:
        piece, more = _next(await receive())
        total += len(piece)
        if total > limit:
            raise _too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)


async def stream_body(receive: Receive, headers: Headers, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces, with the same limit."""
    _check_announced(headers, limit)
    total, more = 0, True
    while more:
        piece, more = _next(await receive())
        total += len(piece)
        if total > limit:
            raise _too_large(limit)
        yield piece


def unsupported(headers: Headers, wanted: str) -> HTTPException:
    """The refusal of a content type: 415, naming what is ``wanted``."""
    given = media_type(headers) or "no content type"
    return HTTPException(415, f"the body's content type must be {wanted}; it is {given[:80]}")


def _next(message: Message) -> tuple[bytes, bool]:
    """A piece of the body, and whether more will come."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _check_announced(headers: Headers, limit: int) -> None:
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than the limit of {limit} bytes")
