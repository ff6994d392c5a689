"""The last catch: a fault of ours becomes the dialect's own answer instead of a dropped connection."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quinta.kit.ids import new_id

_log = structlog.get_logger(__name__)


class CatchAll:
    """Answers 500 for any exception that reaches it and logs the exception with an id that the answer names.

    ``body`` makes the JSON body from that id; ``stopping`` makes the body of the 503 for a call that the server's end
    cuts short. A handler for ``Exception`` would not do: Starlette answers and raises again,
    and uvicorn then drops the connection without saying so, which broke 35 of 50 next requests on it.
    """

    def __init__(self, app: ASGIApp, body: Callable[[str], bytes], stopping: Callable[[], bytes]) -> None:
        self._app = app
        self._body = body
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is left to answer
        except asyncio.CancelledError:  # uvicorn's, when the time that running calls get at the end is over
            if started:
                raise
            await _answer(send, 503, self._stopping())
        except Exception:  # noqa: BLE001  # the process edge of every request
            error_id = new_id()
            # The traceback as text: a renderer that shows local variables would show keys and passwords with them.
            trace = traceback.format_exc()
            call = f"{scope['method']} {scope['path']}"
            _log.error("request_failed", error_id=error_id, call=call, exception=trace)
            # An answer that has begun cannot be taken back: left unfinished, the server closes the connection.
            if not started:
                await _answer(send, 500, self._body(error_id))


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
