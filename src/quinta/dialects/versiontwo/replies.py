"""What every answer carries besides its body: the request's id, the caller's budget, the language (contract versiontwo
3 and 4)."""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quinta.core.access.rate_limits import Budget
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.versiontwo.language import Language, language_of
from quinta.kit.ids import new_id


@dataclass(slots=True)
class Reply:
    """The answer to a call in the making. ``budget`` is set once the call is counted."""

    language: Language
    request_id: str
    budget: Budget | None = None


_current: ContextVar[Reply] = ContextVar("reply")


def current() -> Reply:
    """The answer that this task makes: what fails a call has no hold of it otherwise."""
    return _current.get()


def reset_of(budget: Budget) -> int:
    """When the window ends, in whole seconds since 1970, rounded up."""
    return math.ceil(budget.reset_at.timestamp())


class Replies:
    """Hands calls on to ``app``, HEAD as GET (the HTTP server leaves out the body), and puts the headers of every
    answer on each, whoever gives it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accepted = headers_of(scope).get(b"accept-language", b"").decode("latin-1")
        reply = Reply(language_of(accepted), new_id())
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(raw=message["headers"]), reply)
            await send(message)

        token = _current.set(reply)
        try:
            await self._app(scope, receive, marked)
        finally:
            _current.reset(token)


def _mark(headers: MutableHeaders, reply: Reply) -> None:
    headers["X-Request-Id"] = reply.request_id
    if (budget := reply.budget) is not None:
        headers["X-RateLimit-Limit"] = str(budget.limit)
        headers["X-RateLimit-Remaining"] = str(budget.remaining)
        headers["X-RateLimit-Reset"] = str(reset_of(budget))
