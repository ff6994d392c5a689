"""Refusals on their way into the audit trail (decision 0024): told without waiting, written within a second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from quinta.core.access.model import Actor
from quinta.core.errors import QuintaError
from quinta.core.observation.audit_entry import ANONYMOUS, REFUSED, SYSTEM, AuditNote
from quinta.core.ports import Store
from quinta.kit.clock import Clock

MOST_AT_ONCE = 50
"""Different refusals that get entries of their own when many come after a quiet time."""
MORE_A_SECOND = 1.0
"""And how many a second when they go on coming, so that a flood writes 86,400 entries a day at most."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was refused: the method and the template of the path with the face's prefix, never what a caller put into
    it. ``actor`` is who called, None when nobody knows."""

    actor: Actor | None
    method: str
    template: str


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Equal ones become one entry."""

    attempt: Attempt
    code: str
    project_id: str | None
    organization_id: str | None


class Refusals:
    """What faces tell of calls that the core refused. Equal ones that wait together become one entry with a count."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[_Refusal, int] = {}
        self._more = 0
        self._room = float(MOST_AT_ONCE)
        self._refilled = clock.monotonic()
        self._writing = asyncio.Lock()
        self._turn: asyncio.Task[None] | None = None

    def note(self, error: QuintaError, attempt: Attempt) -> None:
        """Takes note of ``error`` if it is a refusal (core.errors); never waits, never raises."""
        if not error.is_refusal:
            return
        refusal = _Refusal(attempt, error.code, error.project_id, error.organization_id)
        if refusal in self._waiting:
            self._waiting[refusal] += 1
        elif len(self._waiting) < MOST_AT_ONCE:
            self._waiting[refusal] = 1
        else:
            self._more += 1

    async def flush(self, *, everything: bool = False) -> None:
        """Writes what waits, in one transaction, as far as the bounds allow or ``everything``; the rest waits on and is
        counted. What the store does not take waits on too."""
        # Whoever waits may be cancelled, a turn may not: what it has written would be written again.
        self._turn = asyncio.create_task(self._write(everything))
        await asyncio.shield(self._turn)

    async def _write(self, everything: bool) -> None:
        async with self._writing:
            room = self._refill()
            if everything:
                room = MOST_AT_ONCE + 1
            if not self._waiting or room == 0:
                return
            more = self._more
            told = dict(list(self._waiting.items())[: room - bool(more)])
            async with self._store.begin() as work:
                for refusal, count in told.items():
                    work.note(_entry(refusal, count))
                if more:
                    work.note(_rest(more))
            self._room -= len(told) + bool(more)
            self._more -= more
            for refusal, count in told.items():  # more of them may have come meanwhile
                self._waiting[refusal] -= count
                if not self._waiting[refusal]:
                    del self._waiting[refusal]

    def _refill(self) -> int:
        """How many entries may be written now."""
        now = self._clock.monotonic()
        self._room = min(MOST_AT_ONCE, max(self._room, 0.0) + (now - self._refilled) * MORE_A_SECOND)
        self._refilled = now
        return int(self._room)


def _entry(refusal: _Refusal, count: int) -> AuditNote:
    attempt = refusal.attempt
    actor = ANONYMOUS if attempt.actor is None else attempt.actor.email
    times = "" if count == 1 else f" {count} times"
    return AuditNote(
        actor_id=None if attempt.actor is None else attempt.actor.user_id,
        actor=actor,
        action=REFUSED,
        description=f"{actor} was refused {attempt.method} {attempt.template} ({refusal.code}){times}",
        project_id=refusal.project_id,
        organization_id=refusal.organization_id,
    )


def _rest(count: int) -> AuditNote:
    return AuditNote(None, SYSTEM, REFUSED, f"{count} more refusals came faster than they are written one by one")
