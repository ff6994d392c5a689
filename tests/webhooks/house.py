"""Webhooks of one project in this process: use cases, announcements, and loops as many as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.model import LogLine
from quinta.core.scope import EVERYTHING
from quinta.core.webhooks.announce import announce
from quinta.core.webhooks.model import Webhook, WebhookDelivery, WebhookEvent
from quinta.core.webhooks.webhooks import Webhooks
from quinta.engine.loops.webhooks import WebhookLoop
from quinta.engine.recorder import Recorder
from quinta.engine.webhooks.calling import Caller
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.secrets import SealedSecrets
from tests.core.metering import add_user
from tests.engine.leased import MovedClock
from tests.storage.rows import NOW, Tenant, add_tenant

DEADLINE = 60.0
COMPLETED = WebhookEvent.DEPLOYMENT_COMPLETED


@dataclass
class House:
    database: Database
    tenant: Tenant
    actor: Actor
    secrets: SealedSecrets
    webhooks: Webhooks
    recorder: Recorder
    failures: FailureCounts
    clock: MovedClock

    @property
    def project_id(self) -> str:
        return self.tenant.project.id

    async def hook(self, url: str, *events: WebhookEvent) -> tuple[Webhook, str]:
        return await self.webhooks.create(self.actor, self.project_id, url, events or (COMPLETED,))

    async def announce(self, event: WebhookEvent = COMPLETED) -> Deployment:
        deployment = make_deployment(self.project_id)
        async with self.database.begin() as work:
            await announce(work, self.project_id, event, deployment, self.clock.now())
        return deployment

    async def deliveries(self) -> list[WebhookDelivery]:
        async with self.database.read() as work:
            return await work.of(WebhookDelivery, EVERYTHING).find(order=("id",))

    async def only(self) -> WebhookDelivery:
        (delivery,) = await self.deliveries()
        return delivery

    async def lines(self) -> list[LogLine]:
        await self.recorder.flush()
        async with self.database.read() as work:
            return await work.of(LogLine, EVERYTHING).find(order=("id",))

    def loop(self, *, clock: Clock | None = None, seconds: float = 3_600.0, retry_seconds: float = 40.0) -> WebhookLoop:
        caller = Caller("Quinta/test", private=True, seconds=seconds)
        return WebhookLoop(
            self.database, caller, self.secrets, self.recorder, self.failures, clock or self.clock, retry_seconds
        )

    @asynccontextmanager
    async def running(self, loop: WebhookLoop | None = None) -> AsyncIterator[WebhookLoop]:
        """A loop at work for the length of a block."""
        loop = loop or self.loop()
        task = asyncio.create_task(loop.loop.run())
        try:
            yield loop
        finally:
            await loop.loop.close(grace=0.0)
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], Awaitable[bool]], loop: WebhookLoop | None = None) -> None:
        """Waits for what stands in the database; ``loop`` is woken meanwhile, as its poll would do a second later."""
        async with asyncio.timeout(DEADLINE):
            while not await condition():
                if loop is not None:
                    loop.loop.wake()
                await asyncio.sleep(0.02)

    async def until_tried(self, times: int, loop: WebhookLoop | None = None) -> WebhookDelivery:
        """The only delivery, once so many tries stand in its row."""

        async def tried() -> bool:
            return (await self.only()).tries >= times

        await self.until(tried, loop)
        return await self.only()


async def make_house(database: Database, folder: Path, *, private: bool = True) -> House:
    tenant = await add_tenant(database)
    secrets = SealedSecrets(folder / "key", None)
    secrets.load()
    clock = MovedClock()
    webhooks = Webhooks(database, clock, secrets, private=private)
    actor = await add_user(database, tenant)
    return House(database, tenant, actor, secrets, webhooks, Recorder(database, clock), FailureCounts(), clock)


def make_deployment(project_id: str, **values: Any) -> Deployment:
    """One that has completed, in no table."""
    status = DeploymentStatus.COMPLETED
    made = Deployment(new_id(), project_id, "v1.0.0", "production", status, "{}", None, NOW, NOW)
    return replace(made, **values)
