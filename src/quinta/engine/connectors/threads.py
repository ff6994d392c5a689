"""Threads for drivers that block. They bound their own time: a thread cannot be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from quinta.engine.threads import in_own_thread

P = ParamSpec("P")
T = TypeVar("T")

MOST_AT_ONCE = 32
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def in_connector_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs ``function`` in a thread of its own (engine.threads.in_own_thread); at most 32 are waited for at once."""
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(MOST_AT_ONCE)):
        return await in_own_thread(function, *args, **kwargs)
