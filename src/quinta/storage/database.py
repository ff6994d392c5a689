"""The database behind core.ports.Store: SQLite in one file, or PostgreSQL, chosen by URL.

Durability: what ``begin`` has committed survives the death of the process and, with the disk keeping its promises,
the loss of power (SQLite: WAL with synchronous=FULL).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from quinta.core.errors import QuintaError
from quinta.core.events import Event
from quinta.kit.clock import Clock
from quinta.storage.audit import append
from quinta.storage.audit_names import read_names
from quinta.storage.engines import parse_url, second_reader, writer_and_reader
from quinta.storage.migrate import upgrade
from quinta.storage.outbox import Outbox
from quinta.storage.session import Beside, Session
from quinta.storage.unit_of_work import SqlUnitOfWork

logger = structlog.get_logger(__name__)

FOLLOW_SECONDS = 0.5


class Database:
    """Implements core.ports.Store. ``start`` before the first use, ``close`` at the end.

    ``url``: ``sqlite:///path`` or ``postgresql://…``; UrlRefused for anything else. Trouble that may pass (no
    connection, a lock held too long) is Unavailable.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = parse_url(url)
        self._dialect = self._url.get_backend_name()
        self._writer, self._reader = writer_and_reader(self._url)
        self._second = second_reader(self._url)
        self._second_lent = False
        self._clock = clock
        self._outbox = Outbox(lock_before_write=self._dialect == "postgresql")
        self._follower: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def exclusive(self) -> bool:
        """Whether one server alone works on this database (SQLite): leases found at its start are abandoned."""
        return self._dialect == "sqlite"

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string()

    async def start(self) -> None:
        """Brings the schema to the newest revision and starts to follow other processes' events.

        DatabaseRefused, with a line for the operator, when the database cannot be used.
        """
        await upgrade(self._url)
        async with self._session(self._reader, may_write=False) as session:
            await self._outbox.skip_to_end(session)
        self._follower = asyncio.create_task(self._follow(), name="outbox")

    async def close(self) -> None:
        """Stops following and closes every connection."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower
            self._follower = None
        if self._closing:  # transactions whose callers were cancelled
            await asyncio.wait(self._closing)
        await self._writer.dispose()
        if self._dialect == "sqlite":
            await self._reader.dispose()
        if self._second is not None:
            await self._second.dispose()

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        self._outbox.subscribe(listener)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlUnitOfWork]:
        async with self._session(self._writer, may_write=True) as session:
            unit = SqlUnitOfWork(session, may_write=True, dialect=self._dialect)
            yield unit
            numbers = await self._tell(session, unit)
            try:
                await session.commit()
            except BaseException:
                self._outbox.unsure(numbers)
                raise
            self._outbox.deliver(unit.events)

    async def _tell(self, session: Session, unit: SqlUnitOfWork) -> list[int]:
        """Writes what the transaction says of itself, as its last step: events, whose numbers are the answer, and the
        audit trail. Names are read before the turn is taken, which other writers wait for."""
        if not unit.events and not unit.notes:
            return []
        names = await read_names(session, unit.events, unit.notes)
        await self._outbox.take_turn(session)
        time = self._clock.now()
        numbers = await self._outbox.write(session, unit.events, time)
        await append(session, unit.events, unit.notes, names, time)
        return numbers

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlUnitOfWork]:
        async with self._session(self._reader, may_write=False, beside=self._beside) as session:
            yield SqlUnitOfWork(session, may_write=False, dialect=self._dialect)

    async def purge_events(self, before: datetime) -> int:
        """Deletes events written before that moment; returns how many. Keep at least what followers may not have
        read yet (seconds). The audit trail has entries of its own, which stay."""
        async with self._session(self._writer, may_write=True) as session:
            count = await self._outbox.purge(session, before)
            await session.commit()
        return count

    @asynccontextmanager
    async def _session(
        self, engine: AsyncEngine, *, may_write: bool, beside: Beside | None = None
    ) -> AsyncIterator[Session]:
        """An open transaction, rolled back at the end unless it was committed."""
        session = Session(engine, may_write=may_write, beside=beside)
        try:
            await session.begin()
            yield session
        finally:
            await asyncio.shield(self._close(session))

    @asynccontextmanager
    async def _beside(self) -> AsyncIterator[Session | None]:
        """The second reader (Session.beside)."""
        if self._second is None or self._second_lent:
            yield None
            return
        self._second_lent = True
        session = Session(self._second, may_write=False)
        try:
            await session.begin()
            yield session
        finally:
            closing = self._close(session)
            closing.add_done_callback(self._take_back)
            await asyncio.shield(closing)

    def _take_back(self, _: object) -> None:
        self._second_lent = False

    def _close(self, session: Session) -> asyncio.Task[None]:
        """Closing goes on when the caller leaves."""
        closing = asyncio.create_task(session.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return closing

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                async with self._session(self._reader, may_write=False) as session:
                    await self._outbox.follow(session)
            except QuintaError as error:
                logger.warning("outbox.not_followed", error=error.message)
            except Exception:
                logger.exception("outbox.not_followed")
