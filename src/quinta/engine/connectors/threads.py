"""Threads for drivers that block. They bound their own time: a thread cannot be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

P = ParamSpec("P")
T = TypeVar("T")

MOST_AT_ONCE = 32
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def in_connector_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs ``function`` in a thread; at most 32 are waited for at once.

    A thread of its own, so that a store that answers slowly does not hold up what else the server does in threads; and
    no pool's, whose threads the end of the process would wait for. When the task is cancelled, the thread goes on until
    its own time is over, and what comes of it is dropped.
    """
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Semaphore(MOST_AT_ONCE)):
        future: asyncio.Future[T] = loop.create_future()

        def run() -> None:
            try:
                settle: Callable[[], None] = partial(_resolve, future, function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001  # handed over whole to whoever waits
                settle = partial(_reject, future, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle)

        Thread(target=run, name="connector", daemon=True).start()
        return await future


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _reject(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
