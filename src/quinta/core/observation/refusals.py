"""Refusals on their way into the audit trail (decision 0024): told without waiting, written within a second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from quinta.core.access.model import Actor
from quinta.core.errors import QuintaError
from quinta.core.observation.audit_entry import ANONYMOUS, REFUSED, AuditNote
from quinta.core.ports import Store
from quinta.kit.clock import Clock

MOST_AT_ONCE = 50
"""Different refusals of one actor that get entries of their own when many come after a quiet time."""
MORE_A_SECOND = 1.0
"""And how many a second when they go on coming: 86,400 entries a day at most of one flood. Each actor has bounds of its
own, so that nobody's flood keeps another's refusals out of the trail; callers that nobody knows share theirs."""


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


class _Share:
    """What one actor's refusals may write, and those that wait."""

    def __init__(self, actor: Actor | None, now: float) -> None:
        self.actor = actor
        self.waiting: dict[_Refusal, int] = {}
        self.more = 0
        self._room = float(MOST_AT_ONCE)
        self._refilled = now

    def take(self, refusal: _Refusal) -> None:
        if refusal in self.waiting:
            self.waiting[refusal] += 1
        elif len(self.waiting) < MOST_AT_ONCE:
            self.waiting[refusal] = 1
        else:
            self.more += 1

    def due(self, now: float, *, everything: bool) -> tuple[dict[_Refusal, int], int]:
        """What may be written now: refusals with how often they came, and how many more there were."""
        self._room = min(MOST_AT_ONCE, max(self._room, 0.0) + (now - self._refilled) * MORE_A_SECOND)
        self._refilled = now
        room = MOST_AT_ONCE + 1 if everything else int(self._room)
        if room == 0:
            return {}, 0
        return dict(list(self.waiting.items())[: room - bool(self.more)]), self.more

    def written(self, told: dict[_Refusal, int], more: int) -> None:
        self._room -= len(told) + bool(more)
        self.more -= more
        for refusal, count in told.items():  # more of them may have come meanwhile
            self.waiting[refusal] -= count
            if not self.waiting[refusal]:
                del self.waiting[refusal]

    @property
    def is_idle(self) -> bool:
        """Nothing waits and nothing was written lately: a new share would be the same."""
        return not self.waiting and self._room == MOST_AT_ONCE


class Refusals:
    """What faces tell of calls that the core refused. Equal ones that wait together become one entry with a count."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._shares: dict[str | None, _Share] = {}
        self._writing = asyncio.Lock()
        self._turn: asyncio.Task[None] | None = None

    def note(self, error: QuintaError, attempt: Attempt) -> None:
        """Takes note of ``error`` if it is a refusal (core.errors); never waits, never raises."""
        if not error.is_refusal:
            return
        actor_id = None if attempt.actor is None else attempt.actor.user_id
        share = self._shares.get(actor_id)
        if share is None:
            share = self._shares[actor_id] = _Share(attempt.actor, self._clock.monotonic())
        share.take(_Refusal(attempt, error.code, error.project_id, error.organization_id))

    async def flush(self, *, everything: bool = False) -> None:
        """Writes what waits, in one transaction, as far as the bounds allow or ``everything``; the rest waits on and is
        counted. What the store does not take waits on too."""
        # Whoever waits may be cancelled, a turn may not: what it has written would be written again.
        self._turn = asyncio.create_task(self._write(everything))
        await asyncio.shield(self._turn)

    async def _write(self, everything: bool) -> None:
        async with self._writing:
            now = self._clock.monotonic()
            due = [(share, *share.due(now, everything=everything)) for share in self._shares.values()]
            due = [(share, told, more) for share, told, more in due if told or more]
            if due:
                async with self._store.begin() as work:
                    for share, told, more in due:
                        for refusal, count in told.items():
                            work.note(_entry(refusal, count))
                        if more:
                            work.note(_rest(share.actor, more))
            for share, told, more in due:
                share.written(told, more)
            self._shares = {actor_id: share for actor_id, share in self._shares.items() if not share.is_idle}


def _entry(refusal: _Refusal, count: int) -> AuditNote:
    attempt = refusal.attempt
    times = "" if count == 1 else f" {count} times"
    actor_id, actor = _names(attempt.actor)
    return AuditNote(
        actor_id=actor_id,
        actor=actor,
        action=REFUSED,
        description=f"{actor} was refused {attempt.method} {attempt.template} ({refusal.code}){times}",
        project_id=refusal.project_id,
        organization_id=refusal.organization_id,
    )


def _rest(caller: Actor | None, count: int) -> AuditNote:
    actor_id, actor = _names(caller)
    told = f"{actor} was refused {count} times more, faster than refusals are written one by one"
    return AuditNote(actor_id, actor, REFUSED, told)


def _names(actor: Actor | None) -> tuple[str | None, str]:
    return (None, ANONYMOUS) if actor is None else (actor.user_id, actor.email)
