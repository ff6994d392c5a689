"""Clients that hang up: work for a call whose client has gone is cancelled."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

WATCH_SECONDS: Final = 0.5
"""Calls that take longer are watched: a task each for the many short ones would cost more than it saves."""


class UntilHangUp:
    """A block that ends with ClientDisconnect when the client goes: its task is cancelled then.

    The body must have been read before: all that ``receive`` says after it is that the client is gone.
    """

    __slots__ = ("_gone", "_receive", "_task", "_timer", "_watch")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._watch: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCH_SECONDS, self._begin)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._gone and self._task is not None and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise ClientDisconnect from None

    def _begin(self) -> None:
        self._watch = asyncio.create_task(self._wait(), name="client watched")

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._task is not None:
            self._task.cancel()
