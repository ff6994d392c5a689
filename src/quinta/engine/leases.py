"""Leased loops: take rows, work outside any transaction, apply a result only while the lease is still ours.

Written once for builds, batches and every later loop (design 2, rule 5). A loop is a filter and a function: a
``LeasedWork`` says which rows wait and what to do with one; ``LeasedLoop`` does the rest:

- It claims rows in a transaction of its own: status, token, end of the lease, one more attempt.
- It runs ``work`` for each, several at once, and renews their leases at a third of the lease's length.
- It settles results guarded by the token. Results that end close together go into one transaction, which also claims
  the next rows: a busy loop needs one for many items, and a single item does not wait for others.
- A row whose server was killed comes back when its lease runs out; a result that comes too late is dropped.
  So nothing accepted is lost, and nothing has two visible results.

Leases compare the clocks of different servers: these must agree to well within ``LeasePolicy.lease_seconds``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Generic, Protocol, TypeVar

import structlog

from quinta.core.errors import Unavailable
from quinta.core.events import Event, EventName
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

logger = structlog.get_logger(__name__)

_STORE_SECONDS = 5.0
TOO_FAR = timedelta(minutes=5)
"""Few leases and pauses are longer than a minute, and the clocks of servers agree to well within that: a lease that
ends later than this, and than twice the policy's longest pause, was given while a clock was ahead."""


class Leasable(Protocol):
    """A row with a lease: beside these fields it has ``status``, ``lease_token`` and ``lease_expires_at``."""

    @property
    def id(self) -> str: ...

    @property
    def attempts(self) -> int: ...


T = TypeVar("T", bound=Leasable)


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of an item: the fields to set (``status`` among them).

    ``effect`` runs in the same transaction, and only if the lease was still ours: for other rows that change with
    the item, and for events. Effects of one transaction run by ``order``: those that lock rows which items share name
    these there, so that two servers never wait for each other.
    """

    values: Mapping[str, object]
    effect: Callable[[UnitOfWork], Awaitable[None]] | None = None
    order: str = ""


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """How long and how often. Pauses double from ``first_pause_seconds`` after each failed attempt.

    ``gather_seconds``: how long a result waits for others while more are on their way, or as long as the last turn took
    if that is longer, up to ``longest_gather_seconds``; at most until half of what is held has ended. A turn costs
    milliseconds however many results it stores, so without this wait a loop of short items would spend more on turns
    than on items, and most of all on a busy machine.
    """

    lease_seconds: float = 30.0
    poll_seconds: float = 1.0
    gather_seconds: float = 0.005
    longest_gather_seconds: float = 0.05
    maximum_attempts: int = 5
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    settle_limit: int = 500

    def pause(self, attempts: int) -> timedelta:
        """The wait after attempt number ``attempts`` (from 1)."""
        doubled = self.first_pause_seconds * 2.0 ** min(attempts - 1, 32)
        return timedelta(seconds=min(doubled, self.longest_pause_seconds))


class Claim(Generic[T]):
    """One turn of claiming, handed to ``LeasedWork.select``: ``take`` leases rows within the turn's room."""

    def __init__(
        self, unit: UnitOfWork, work: LeasedWork[T], *, token: str, clock: Clock, lease: timedelta, room: int
    ) -> None:
        self.unit = unit
        self.room = room
        self.taken: list[T] = []
        self._work = work
        self._token = token
        self._clock = clock
        self._lease = lease

    async def groups(self, field: str, **conditions: object) -> list[str]:
        """The different values of ``field`` among the rows that can be taken (they wait, or their lease ran out) and
        meet the conditions."""
        return await self.unit.claimable(
            self._work.kind,
            field,
            waiting=self._work.waiting,
            working=self._work.working,
            now=self._clock.now(),
            **conditions,
        )

    async def take(self, limit: int | None = None, **conditions: object) -> int:
        """Leases up to ``limit`` rows (all there is room for by default) that meet the conditions; returns how many."""
        count = self.room if limit is None else min(limit, self.room)
        if count <= 0:
            return 0
        now = self._clock.now()
        items = await self.unit.claim(
            self._work.kind,
            waiting=self._work.waiting,
            working=self._work.working,
            token=self._token,
            now=now,
            until=now + self._lease,
            limit=count,
            **conditions,
        )
        self.room -= len(items)
        self.taken.extend(items)
        return len(items)


async def _select_all(claim: Claim[T]) -> None:
    await claim.take()


@dataclass(frozen=True, slots=True)
class LeasedWork(Generic[T]):
    """What a loop is.

    ``work`` gets a claimed item and returns its end, or None to put it back untouched (this server cannot do it
    now). An exception is logged and the item comes back after a pause, until the policy's ``maximum_attempts`` are
    used up; then ``give_up(item, last error)`` says how it ends (it must not raise). Attempts cut short by a killed
    server count too, so an item that kills its server does not do so for ever.

    ``select`` chooses what to claim in a turn; by default everything there is room for. ``concurrency`` bounds the
    items in flight. ``woken_by`` is the event that says that items wait, ``cancelled_by`` the one whose tags
    (``anything:ID``) name items that are gone. ``forward_only``: an item that is given back keeps the status of work,
    as one whose lease has run out. ``lock_first`` gets every ``Ended.order`` of a transaction before any of
    its items is locked: where whoever deletes locks what items share first, nobody waits for another for ever.
    """

    name: str
    kind: type[T]
    waiting: str
    working: str
    work: Callable[[T], Awaitable[Ended | None]]
    give_up: Callable[[T, str], Ended]
    concurrency: int
    select: Callable[[Claim[T]], Awaitable[None]] = _select_all
    woken_by: EventName | None = None
    cancelled_by: EventName | None = None
    forward_only: bool = False
    lock_first: Callable[[UnitOfWork, Sequence[str]], Awaitable[None]] | None = None


class LeasedLoop(Generic[T]):
    """Runs one ``LeasedWork`` on this server."""

    def __init__(self, work: LeasedWork[T], store: Store, clock: Clock, policy: LeasePolicy | None = None) -> None:
        self._work = work
        self._store = store
        self._clock = clock
        self._policy = policy or LeasePolicy()
        self._lease = timedelta(seconds=self._policy.lease_seconds)
        self._token = new_id()
        self._held: dict[str, T] = {}  # every item whose lease is ours, until its result is stored
        self._tasks: dict[str, asyncio.Task[Ended]] = {}
        self._results: dict[str, Ended] = {}  # ended, not stored yet
        self._unstorable: set[str] = set()  # their first result could not be stored; a second failure drops the lease
        self._awake = asyncio.Event()
        self._gathered = asyncio.Event()  # half of what is held has ended
        self._turn_seconds = 0.0  # of the last turn that stored results
        self._draining = False
        self._abandoned = False
        self._finished = asyncio.Event()
        self._finished.set()
        store.subscribe(self._hear)

    @property
    def in_flight(self) -> int:
        """How many items this server holds at the moment."""
        return len(self._held)

    def _hear(self, event: Event) -> None:
        if event.name is self._work.woken_by:
            self.wake()
        elif event.name is self._work.cancelled_by:
            for tag in event.tags:
                self.cancel(tag.partition(":")[2])

    def wake(self) -> None:
        """Something may wait: looks at once instead of at the next poll."""
        self._awake.set()

    def cancel(self, item_id: str) -> None:
        """Stops work on an item that is gone or no longer ours; nothing is stored for it."""
        task = self._tasks.get(item_id)
        if task is not None:
            task.cancel()

    async def release_abandoned(self) -> int:
        """Ends every lease of the type, whoever holds it; returns how many items wait again.

        For the start of the only server on an exclusive store (``Database.exclusive``): what is leased then was
        held by a killed predecessor. Where servers share a store, those leases run out by themselves.
        """
        async with self._store.begin() as unit:
            rows = unit.of(self._work.kind, EVERYTHING)
            items = await rows.find(status=self._work.working)
            for item in items:
                await rows.change(item.id, lease_token=None, **{"lease_expires_at": None, **self._given_back()})
        return len(items)

    async def end_far_leases(self) -> int:
        """Ends leases and pauses that were given while a clock was ahead, except those of this server, which renews
        them; returns how many."""
        now = self._clock.now()
        too_far = now + max(TOO_FAR, timedelta(seconds=2 * self._policy.longest_pause_seconds))
        async with self._store.begin() as unit:
            rows = unit.of(self._work.kind, EVERYTHING)
            far = await rows.find(status=self._work.working, lease_expires_at=Between(start=too_far))
            far = [item for item in far if item.id not in self._held]
            for item in far:
                await rows.change(item.id, lease_expires_at=now)
        if far:
            self.wake()
        return len(far)

    async def run(self) -> None:
        """Works until ``close`` has drained it, or until cancelled (then leases are left to run out)."""
        self._finished.clear()
        heartbeat = asyncio.create_task(self._heartbeat(), name=f"{self._work.name}:heartbeat")
        try:
            while not (self._draining and (self._abandoned or not self._held)):
                self._awake.clear()
                if await self._turn():
                    await self._rest()
                else:
                    await asyncio.sleep(self._policy.poll_seconds)
        finally:
            tasks: list[asyncio.Task[None] | asyncio.Task[Ended]] = [heartbeat, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._finished.set()

    async def close(self, grace: float = 10.0) -> None:
        """Stops claiming, gives work ``grace`` seconds to end, then cancels it and puts its items back at once.

        Cancelled work and the store get five seconds more; the lease of what is not stored then runs out.
        """
        self._draining = True
        self._awake.set()
        self._gathered.set()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace)
        for task in self._tasks.values():
            task.cancel()
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await self._finished.wait()
        except TimeoutError:
            logger.warning("leases.left_to_run_out", loop=self._work.name, items=list(self._held))
            self._abandoned = True
            self._awake.set()
            await self._finished.wait()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.poll_seconds):
                await self._awake.wait()
        if self._results and not self._draining:
            await self._gather()

    async def _gather(self) -> None:
        self._gathered.clear()
        if len(self._results) >= len(self._tasks):
            return
        policy = self._policy
        seconds = min(max(policy.gather_seconds, self._turn_seconds), policy.longest_gather_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gathered.wait()

    async def _turn(self) -> bool:
        """Stores results and claims new items in one transaction; False when that failed."""
        results = dict(islice(self._results.items(), self._policy.settle_limit))
        room = 0 if self._draining else self._work.concurrency - len(self._held) + len(results)
        if not results and room <= 0:
            return True
        begun = self._clock.monotonic()
        try:
            async with self._store.begin() as unit:
                settled = await self._settle(unit, results)
                claimed = await self._claim(unit, room) if room > 0 else []
        except Unavailable as error:
            logger.warning("leases.store_unavailable", loop=self._work.name, error=error.message)
            return False
        except Exception:
            logger.exception("leases.turn_failed", loop=self._work.name, items=list(results))
            await self._settle_singly(results)
            return False
        if results:
            self._turn_seconds = self._clock.monotonic() - begun
        for item_id in results:
            self._stored(item_id, item_id in settled)
        for item in claimed:
            self._begin(item)
        if self._results:
            self._awake.set()
        return True

    async def _claim(self, unit: UnitOfWork, room: int) -> list[T]:
        claim = Claim(unit, self._work, token=self._token, clock=self._clock, lease=self._lease, room=room)
        await self._work.select(claim)
        return claim.taken

    async def _settle(self, unit: UnitOfWork, results: Mapping[str, Ended]) -> set[str]:
        if not results:
            return set()
        shared = sorted({ended.order for ended in results.values() if ended.order})
        if shared and self._work.lock_first is not None:
            await self._work.lock_first(unit, shared)
        changes = {item_id: ended.values for item_id, ended in results.items()}
        settled = await unit.settle(self._work.kind, changes, token=self._token)
        for item_id, ended in sorted(results.items(), key=lambda item: item[1].order):
            if ended.effect is not None and item_id in settled:
                await ended.effect(unit)
        return settled

    async def _settle_singly(self, results: Mapping[str, Ended]) -> None:
        """One transaction each, so that an item whose result cannot be stored does not hold up the others."""
        for item_id, ended in results.items():
            try:
                async with self._store.begin() as unit:
                    settled = await self._settle(unit, {item_id: ended})
            except Unavailable:
                return  # the results are kept for the next turn
            except Exception as error:
                logger.exception("leases.result_not_stored", loop=self._work.name, item=item_id)
                self._replace(item_id, error)
            else:
                self._stored(item_id, item_id in settled)

    def _replace(self, item_id: str, error: Exception) -> None:
        """A result that cannot be stored counts as a failed attempt; if that cannot be stored either, let go."""
        item = self._held[item_id]
        if item_id in self._unstorable:
            self._forget(item_id)
        else:
            self._unstorable.add(item_id)
            self._results[item_id] = self._after_failure(item, f"the result could not be stored: {error}")

    def _stored(self, item_id: str, settled: bool) -> None:
        if not settled:
            logger.info("leases.result_dropped", loop=self._work.name, item=item_id)
        self._forget(item_id)

    def _forget(self, item_id: str) -> None:
        self._held.pop(item_id, None)
        self._results.pop(item_id, None)
        self._unstorable.discard(item_id)

    def _begin(self, item: T) -> None:
        if item.id in self._held:  # our own lease had run out, for example in a long stall: the work just goes on
            return
        self._held[item.id] = item
        task = asyncio.create_task(self._attempt(item), name=f"{self._work.name}:{item.id}")
        self._tasks[item.id] = task
        # A callback, for a task that is cancelled before its first step never comes to a line of its own.
        task.add_done_callback(lambda task: self._worked(item, task))

    def _worked(self, item: T, task: asyncio.Task[Ended]) -> None:
        result: Ended | None = None
        if task.cancelled():  # by close: the item goes back; or the lease is lost: there is nothing to store
            result = self._put_back(item) if self._draining else None
        elif (error := task.exception()) is not None:  # of give_up itself: the lease runs out, and the item comes back
            logger.error("leases.give_up_failed", loop=self._work.name, item=item.id, exc_info=error)
        else:
            result = task.result()
        del self._tasks[item.id]
        if result is None:
            self._forget(item.id)
        else:
            self._results[item.id] = result
        self._awake.set()
        if len(self._results) >= len(self._tasks):
            self._gathered.set()

    async def _attempt(self, item: T) -> Ended:
        if item.attempts > self._policy.maximum_attempts:
            return self._work.give_up(item, "the server ended while it worked on this")
        try:
            result = await self._work.work(item)
        except Exception as error:
            logger.exception("leases.work_failed", loop=self._work.name, item=item.id, attempt=item.attempts)
            return self._after_failure(item, str(error) or type(error).__name__)
        return self._put_back(item) if result is None else result

    def _put_back(self, item: T) -> Ended:
        """Not counted as an attempt. Without a pause when this server stops, so that another one takes it at once."""
        if self._draining:
            return Ended({**self._given_back(), "attempts": item.attempts - 1})
        return self._pause(item, attempts=item.attempts - 1)

    def _given_back(self) -> dict[str, object]:
        """What makes an item one that any server may take at once."""
        if self._work.forward_only:
            return {"lease_expires_at": self._clock.now()}
        return {"status": self._work.waiting}

    def _after_failure(self, item: T, error: str) -> Ended:
        if item.attempts >= self._policy.maximum_attempts:
            return self._work.give_up(item, error)
        return self._pause(item, attempts=item.attempts)

    def _pause(self, item: T, *, attempts: int) -> Ended:
        """The item keeps its working status under a lease that nobody holds: it is claimed when that runs out."""
        return Ended({"attempts": attempts, "lease_expires_at": self._clock.now() + self._policy.pause(item.attempts)})

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._policy.lease_seconds / 3)
            try:
                await self._renew()
            except Exception:
                logger.exception("leases.renewal_failed", loop=self._work.name, items=list(self._held))

    async def _renew(self) -> None:
        ids = list(self._held)
        if not ids:
            return
        async with self._store.begin() as unit:
            kept = await unit.renew(self._work.kind, ids, token=self._token, until=self._clock.now() + self._lease)
        for item_id in ids:
            if item_id not in kept and item_id in self._tasks:
                logger.warning("leases.lost", loop=self._work.name, item=item_id)
                self.cancel(item_id)
