"""What the tests of leased loops share: a loop over requests, a clock that can be moved, and waiting for an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database

DEADLINE = 60.0
AT_ONCE = LeasePolicy(first_pause_seconds=0.0, poll_seconds=0.05)
Work = Callable[[Request], Awaitable[Ended | None]]


class MovedClock(SystemClock):
    """A clock that is ahead: for it, leases have run out that others still count on."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


def completed(result: str) -> Ended:
    return Ended({"status": RequestStatus.COMPLETED, "result": result})


def give_up(request: Request, error: str) -> Ended:
    return Ended({"status": RequestStatus.FAILED, "error_message": error})


async def select_all(claim: Claim[Request]) -> None:
    await claim.take()


def make_loop(
    store: Database,
    work: Work,
    *,
    policy: LeasePolicy = AT_ONCE,
    clock: SystemClock | None = None,
    concurrency: int = 16,
    select: Callable[[Claim[Request]], Awaitable[None]] = select_all,
) -> LeasedLoop[Request]:
    leased = LeasedWork(
        name="test",
        kind=Request,
        waiting=RequestStatus.PENDING,
        working=RequestStatus.PROCESSING,
        work=work,
        give_up=give_up,
        concurrency=concurrency,
        select=select,
    )
    return LeasedLoop(leased, store, clock or SystemClock(), policy)


@asynccontextmanager
async def running(*loops: LeasedLoop[Request]) -> AsyncIterator[None]:
    """The loops at work; closed at the end, and their tasks must have ended by themselves then."""
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:
        yield
    finally:
        await asyncio.gather(*[loop.close(grace=0.0) for loop in loops])
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*tasks)


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110  # the condition is in the database
            await asyncio.sleep(0.02)


async def all_requests(database: Database) -> list[Request]:
    async with database.read() as unit:
        return await unit.of(Request, EVERYTHING).find(order=("id",))


async def until_ended(database: Database) -> list[Request]:
    async def ended() -> bool:
        async with database.read() as unit:
            return not await unit.of(Request, EVERYTHING).count(status=("pending", "processing"))

    await eventually(ended)
    requests = await all_requests(database)
    assert {(request.lease_token, request.lease_expires_at) for request in requests} == {(None, None)}
    return requests
