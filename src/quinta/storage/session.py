"""A connection inside one transaction: what repositories, the unit of work and the outbox send statements through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

import structlog
from sqlalchemy import CompoundSelect, Executable, Select
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from quinta.storage.errors import translate

T = TypeVar("T")
Beside = Callable[[], AbstractAsyncContextManager["Session | None"]]

logger = structlog.get_logger(__name__)


class Session:
    """One transaction on one connection. Errors that can be expected come out as the core's (storage.errors).

    Every step with the driver runs to its end in a task of its own. A cancelled caller leaves at once, and ``close``
    waits for the step: cut short, aiosqlite may keep a transaction, and with it SQLite's write lock, until the
    garbage collector comes by, and asyncpg may lose an open socket.
    """

    def __init__(self, engine: AsyncEngine, *, may_write: bool, beside: Beside | None = None) -> None:
        self._connection: AsyncConnection = engine.connect()
        self._may_write = may_write
        self._beside = beside
        self._step: asyncio.Task[Any] | None = None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._connection.dialect.name

    def beside(self) -> AbstractAsyncContextManager[Session | None]:
        """A second transaction that reads, for a statement at the same time as one here; None where there is none, or
        where it is not free: nobody waits for it. It began later, and may see what was committed in between."""
        return nullcontext() if self._beside is None else self._beside()

    async def begin(self) -> None:
        """Takes a connection from the pool, waiting for one if need be, and starts the transaction."""
        await self._to_the_end(self._begin())

    async def fetch(
        self, statement: Select[Any] | CompoundSelect[Any], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        """All rows of a select."""
        result = await self._to_the_end(self._connection.execute(statement, parameters))
        rows: Sequence[Any] = result.all()
        return rows

    async def write(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Runs an insert, update or delete; RuntimeError in a transaction that only reads."""
        self.require_writing()
        return await self._to_the_end(self._connection.execute(statement, parameters))

    def require_writing(self) -> None:
        """RuntimeError in a transaction that only reads."""
        if not self._may_write:
            raise RuntimeError("this unit of work only reads: use Store.begin() to write")

    async def commit(self) -> None:
        await self._to_the_end(self._connection.commit())

    async def close(self) -> None:
        """Gives the connection back, after the last step has ended; what was not committed is rolled back.

        A connection that was cut cannot roll back, and need not: it is thrown away. What the caller has to know of it
        was raised by the step that met it.
        """
        if self._step is not None and not self._step.done():
            await asyncio.wait([self._step])
        if self._connection.sync_connection is not None:  # None: it never came to a connection
            try:
                await self._connection.close()
            except (SQLAlchemyError, OSError) as error:
                logger.warning("session.connection_lost", error=str(getattr(error, "orig", None) or error))
                if not self._connection.closed:  # else the pool has thrown it away already
                    await self._connection.invalidate()

    async def _begin(self) -> None:
        await self._connection.start()
        await self._connection.begin()

    async def _to_the_end(self, step: Coroutine[Any, Any, T]) -> T:
        task = self._step = asyncio.create_task(step)
        try:
            return await asyncio.shield(task)
        except (SQLAlchemyError, OSError) as error:
            if (translated := translate(error)) is not None:
                raise translated from error
            raise
