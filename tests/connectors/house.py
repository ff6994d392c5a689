"""Everything that verifies and delivers, put together in this process on a store of its own: no faces, no instances."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.connectors.connectors import ConnectorChange, Connectors, ConnectorView, NewConnector
from quinta.core.connectors.credentials import CredentialsChange, CredentialsKeeper, CredentialsView, NewCredentials
from quinta.core.connectors.model import ConnectorStatus, DeliveryContext
from quinta.core.events import Event, EventName
from quinta.core.files.blobs import Blobs
from quinta.core.models.model import DataType, Field
from quinta.core.observation.failures import FailureCounts
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.reasons import Failure
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, User
from quinta.engine.connectors.delivery import StoreDeliveries
from quinta.engine.connectors.destinations import Destinations
from quinta.engine.connectors.drivers import make_drivers
from quinta.engine.loops.verifications import Verifications
from quinta.engine.reading_process import ReadingProcess
from quinta.engine.recorder import Recorder
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import open_objects
from quinta.storage.secrets import SealedSecrets
from tests.storage.rows import NOW, Tenant, add_tenant

DEADLINE = 60.0
LOOPBACK = (ip_network("127.0.0.0/8"),)
CONTEXT = DeliveryContext("pipeline-1", "object-1", "018f0000-0000-7000-8000-000000000000")
_VERIFIED = frozenset({EventName.CONNECTOR_VERIFIED, EventName.CREDENTIALS_VERIFIED})


class House:
    """Connectors of one project, and what stands behind them. ``open_house`` makes one."""

    def __init__(
        self, database: Database, tenant: Tenant, actor: Actor, folder: Path, pauses: tuple[float, float]
    ) -> None:
        clock = SystemClock()
        self.database = database
        self.project = tenant.project
        self.actor = actor
        self.secrets = SealedSecrets(folder / "key", None)
        self.secrets.load()
        objects = open_objects((folder / "objects").as_uri())
        self.recorder = Recorder(database, clock)
        self.blobs = Blobs(database, objects, clock)
        self.connectors = Connectors(database, clock)
        self.keeper = CredentialsKeeper(database, clock, self.secrets)
        drivers = make_drivers(Destinations(LOOPBACK))
        recorder = self.recorder
        self.verifications = Verifications(database, drivers, self.secrets, recorder, FailureCounts(), clock)
        staging = folder / "staging"
        staging.mkdir()
        self.staging = staging
        self.reading = ReadingProcess()
        self.deliveries = StoreDeliveries(
            database,
            Reader(self.reading),
            objects,
            drivers,
            self.secrets,
            recorder,
            recorder,
            FailureCounts(),
            clock,
            staging,
            pauses,
        )
        self._verified: dict[str, int] = {}
        self._heard = asyncio.Event()
        database.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.name in _VERIFIED:
            self._verified[event.subject_id] = self._verified.get(event.subject_id, 0) + 1
            self._heard.set()

    async def sign_in(
        self, type_: str, configuration: Mapping[str, object], name: str = "credentials"
    ) -> CredentialsView:
        """New credentials, verified."""
        new = NewCredentials(name, type_, configuration)
        made = await self.keeper.create(self.actor, self.project.name, new)
        await self.until_verified(made.credentials.id)
        return await self.keeper.get(self.actor, self.project.name, name)

    async def change_credentials(
        self, configuration: Mapping[str, object], name: str = "credentials"
    ) -> CredentialsView:
        change = CredentialsChange(configuration=configuration)
        return await self.keeper.update(self.actor, self.project.name, name, change)

    async def connect(
        self,
        type_: str,
        configuration: Mapping[str, object],
        fields: Mapping[str, str] | None = None,
        *,
        name: str = "connector",
        credentials: str = "credentials",
    ) -> ConnectorView:
        """A new connector, verified. ``fields`` are data types by name."""
        declared = tuple(Field(key, DataType(kind)) for key, kind in (fields or {}).items())
        new = NewConnector(name, type_, credentials, configuration, declared)
        made = await self.connectors.create(self.actor, self.project.name, new)
        await self.until_verified(made.connector.id)
        return await self.connectors.get(self.actor, self.project.name, name)

    async def change(self, name: str = "connector", **values: Any) -> ConnectorView:
        """A changed connector, verified again."""
        before = await self.connectors.get(self.actor, self.project.name, name)
        count = self._verified.get(before.connector.id, 0)
        changed = await self.connectors.update(self.actor, self.project.name, name, ConnectorChange(**values))
        assert changed.connector.status is ConnectorStatus.PENDING_VERIFICATION
        await self.until_verified(before.connector.id, count + 1)
        return await self.connectors.get(self.actor, self.project.name, name)

    async def until_verified(self, item_id: str, count: int = 1) -> None:
        async with asyncio.timeout(DEADLINE):
            while self._verified.get(item_id, 0) < count:
                self._heard.clear()
                await self._heard.wait()

    async def deliver(self, view: ConnectorView, values: Mapping[str, Any]) -> Failure | None:
        return await self.deliveries.deliver(view.connector.id, json.dumps(values), context=CONTEXT)

    async def blob(self, content: bytes, file_name: str) -> str:
        """The id of a new blob of the project."""
        path = self.staging / "new"
        path.write_bytes(content)
        kept = await self.blobs.keep(self.project.id, path, file_name)
        path.unlink()
        return kept.id

    async def logs(self) -> list[LogLine]:
        """The project's log, oldest first."""
        await self.recorder.flush()
        async with self.database.read() as work:
            return await work.of(LogLine, EVERYTHING).find(order=("id",))

    async def metrics(self) -> dict[str, float]:
        """The sums of the project's metrics of connectors."""
        await self.recorder.flush()
        sums: dict[str, float] = {}
        async with self.database.read() as work:
            for point in await work.of(MetricPoint, EVERYTHING).find(object_type="connector"):
                sums[point.metric] = sums.get(point.metric, 0) + point.value
        return sums


@asynccontextmanager
async def open_house(
    database: Database, folder: Path, *, pauses: tuple[float, float] = (0.01, 0.02)
) -> AsyncIterator[House]:
    """A house whose verifications run for as long as the block lasts."""
    tenant = await add_tenant(database)
    user = User(new_id(), "ann@example.com", None, None, None, False, True, NOW)
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        await work.of(Membership, EVERYTHING).add(Membership(new_id(), tenant.organization.id, user.id, True))
    actor = Actor(user.id, user.email, False, new_id(), None)
    house = House(database, tenant, actor, folder, pauses)
    running = asyncio.create_task(house.verifications.loop.run())
    try:
        yield house
    finally:
        await house.verifications.loop.close(grace=0.0)
        house.reading.close()
        await running
