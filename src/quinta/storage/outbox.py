"""Events as rows: written with the change they tell of, heard here at once and elsewhere soon (decision 0003).

Numbers grow in the order of commits. On SQLite the one writer sees to that; on PostgreSQL two transactions could
take numbers in one order and commit in the other, so a writer holds a lock from its first number to its commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, insert, select

from quinta.core.events import Event, EventName
from quinta.kit.ids import new_id
from quinta.storage.observation_tables import outbox
from quinta.storage.session import Session

logger = structlog.get_logger(__name__)

LOCK_KEY = 0x5155494E_00000001  # any number that only Quinta's servers use: "QUIN", then a count
_PAGE = 1000


class Outbox:
    """One process's view of the outbox table."""

    def __init__(self, *, lock_before_write: bool) -> None:
        self._lock_before_write = lock_before_write
        self._origin = new_id()
        self._listeners: list[Callable[[Event], None]] = []
        self._last = 0
        self._unsure: set[int] = set()

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    async def take_turn(self, session: Session) -> None:
        """Makes this transaction the only one that writes events and the audit trail, from here to its commit. The last
        step but these: others wait."""
        if self._lock_before_write:
            await session.fetch(select(func.pg_advisory_xact_lock(LOCK_KEY)))

    async def write(self, session: Session, events: Sequence[Event], time: datetime) -> list[int]:
        """Inserts the events, after ``take_turn``; returns their numbers."""
        if not events:
            return []
        rows = [{**_row(event), "time": time, "origin": self._origin} for event in events]
        return [row[0] for row in await session.write(insert(outbox).returning(outbox.c.sequence), rows)]

    def unsure(self, numbers: Sequence[int]) -> None:
        """The commit of these was cut short: should they turn out to be there, the follower delivers them."""
        self._unsure.update(numbers)

    def deliver(self, events: Sequence[Event]) -> None:
        """Tells every listener. One that fails is logged: the change is made, and the others must hear of it."""
        for event in events:
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:
                    logger.exception("outbox.listener_failed", event_name=event.name, subject=event.subject_id)

    async def skip_to_end(self, session: Session) -> None:
        """Starts following here: what happened before is nothing that this process has seen otherwise."""
        rows = await session.fetch(select(func.coalesce(func.max(outbox.c.sequence), 0)))
        self._last = rows[0][0]

    async def follow(self, session: Session) -> None:
        """Delivers what other processes have written since the last call, oldest first."""
        while True:
            newer = select(outbox).where(outbox.c.sequence > self._last).order_by(outbox.c.sequence).limit(_PAGE)
            rows = await session.fetch(newer)
            for row in rows:
                self._last = row.sequence
                if row.origin != self._origin or row.sequence in self._unsure:
                    self.deliver([_event(row)])
            self._unsure = {number for number in self._unsure if number > self._last}
            if len(rows) < _PAGE:
                return

    async def purge(self, session: Session, before: datetime) -> int:
        """Deletes events older than ``before``; returns how many."""
        return (await session.write(delete(outbox).where(outbox.c.time < before))).rowcount


def _row(event: Event) -> dict[str, object]:
    return {
        "name": str(event.name),
        "subject_id": event.subject_id,
        "tags": json.dumps(event.tags),
        "actor_id": event.actor_id,
        "project_id": event.project_id,
    }


def _event(row: Any) -> Event:
    return Event(EventName(row.name), row.subject_id, tuple(json.loads(row.tags)), row.actor_id, row.project_id)
