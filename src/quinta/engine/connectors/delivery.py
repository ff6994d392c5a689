"""Writing messages to the stores behind connectors: three tries, the project's log, the connector's metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.configuration import opened
from quinta.core.connectors.model import (
    BLOB_FIELD,
    Connector,
    ConnectorInput,
    ConnectorStatus,
    Credentials,
    DeliveryContext,
)
from quinta.core.errors import NotFound, QuintaError, Unavailable
from quinta.core.events import Event
from quinta.core.files.model import Blob
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLevel, LogLine
from quinta.core.ports import LogSink, MeterSink, ObjectStore, Secrets, Store
from quinta.core.reasons import Failure, Reason
from quinta.core.requests.reading import Reader
from quinta.core.requests.values import check_fields
from quinta.core.scope import EVERYTHING, in_project
from quinta.engine.connectors.driver import Message, Place, StoreFailure
from quinta.engine.connectors.drivers import Drivers
from quinta.engine.connectors.redaction import redacted
from quinta.kit.cache import TaggedCache
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

logger = structlog.get_logger(__name__)

PAUSES_SECONDS = (1.0, 4.0)
"""Before the second and the third try."""
TRY_SECONDS = 120.0
"""For one try: drivers have limits for connecting and for each answer, this one is for stores that answer for ever."""
MOST_MEMBERS = 100_000
"""Members and items of one message."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A connector as it is now, with its credentials."""

    connector: Connector
    credentials: Credentials


class StoreDeliveries:
    """See core.ports.Deliveries. ``staging`` is an existing folder, in which a blob waits while it is written."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        objects: ObjectStore,
        drivers: Drivers,
        secrets: Secrets,
        logs: LogSink,
        meters: MeterSink,
        failures: FailureCounts,
        clock: Clock,
        staging: Path,
        pauses: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._store = store
        self._reader = reader
        self._objects = objects
        self._drivers = drivers
        self._secrets = secrets
        self._logs = logs
        self._meters = meters
        self._failures = failures
        self._clock = clock
        self._staging = staging
        self._pauses = pauses
        self._targets: TaggedCache[str, _Target | None] = TaggedCache()
        store.subscribe(self._forget)

    async def deliver(self, connector_id: str, data: str, *, context: DeliveryContext) -> Failure | None:
        target = await self._targets.load(connector_id, lambda: self._load(connector_id))
        if target is None:
            return Failure(Reason.CONNECTOR_GONE, "the connector does not exist any more")
        connector = target.connector
        try:
            size = await self._deliver(target, data, context)
        except Unavailable:
            raise  # nothing is wrong with the message: it can be written later
        except (StoreFailure, QuintaError) as error:
            # What is refused here before a driver is asked is the message itself.
            failure = Failure(error.reason or Reason.MESSAGE_INVALID, error.message)
            self._failures.add(Subject.DELIVERY, failure.reason)
            self._log(connector, context, f"the message was not written: {failure}")
            return failure
        self._meters.add(connector.project_id, "connector", connector.id, {"requests": 1, "volume": size})
        return None

    async def _deliver(self, target: _Target, data: str, context: DeliveryContext) -> int:
        """Writes the message; its size in bytes."""
        connector = target.connector
        if connector.status is not ConnectorStatus.AVAILABLE:
            raise StoreFailure(
                Reason.CONNECTOR_NOT_AVAILABLE, f"the connector '{connector.name}' is not available: {connector.status}"
            )
        values = await self._reader.value(data.encode(), MOST_MEMBERS)
        if not isinstance(values, dict):
            raise StoreFailure(
                Reason.MESSAGE_INVALID, "the message is no object: a plain model cannot feed a connector"
            )
        check_fields(values, connector.input_fields, "the message")
        rules = KINDS[connector.type].credentials
        place = Place(
            credentials=opened(rules, target.credentials.configuration, self._secrets, target.credentials.id),
            configuration={parameter.name: parameter.value for parameter in connector.configuration},
            fields=connector.input_fields,
        )
        if connector.input_type is ConnectorInput.STRUCTURED:
            message = Message(new_id(), values)
            await self._try(connector, place, message, context)
            return len(data)
        async with self._file(connector, values[BLOB_FIELD.name]) as message:
            await self._try(connector, place, message, context)
            return 0 if message.path is None else message.path.stat().st_size

    async def _try(self, connector: Connector, place: Place, message: Message, context: DeliveryContext) -> None:
        tries = len(self._pauses) + 1
        for number in range(1, tries + 1):
            try:
                await self._write(connector, place, message)
                return
            except StoreFailure as failure:
                if not failure.passing:
                    raise
                if number == tries:
                    raise StoreFailure(failure.reason, f"{failure.message} (after {tries} tries)") from None
                pause = self._pauses[number - 1]
                text = f"try {number} of {tries} failed: {failure.message}; trying again in {pause:g} seconds"
                self._log(connector, context, text, LogLevel.WARN)
                await asyncio.sleep(pause)

    async def _write(self, connector: Connector, place: Place, message: Message) -> None:
        """One try. StoreFailure without secrets."""
        rules = KINDS[connector.type].credentials
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await self._drivers[connector.type].write(place, message)
        except TimeoutError:
            raise StoreFailure(
                Reason.STORE_TIMEOUT, f"the store took longer than {TRY_SECONDS:g} seconds", passing=True
            ) from None
        except StoreFailure as failure:
            text = redacted(failure.message, rules, place.credentials)
            raise StoreFailure(failure.reason, text, passing=failure.passing) from None
        except Exception as error:  # noqa: BLE001  # the edge to other people's code: a surprise ends this message only
            text = redacted(f"{type(error).__name__}: {error}", rules, place.credentials)
            logger.error("connector.driver_failed", connector=connector.id, error=text)
            raise StoreFailure(Reason.DRIVER_FAILED, f"the driver failed: {text}") from None

    @asynccontextmanager
    async def _file(self, connector: Connector, blob_id: str) -> AsyncIterator[Message]:
        """The message that is a blob, with its content on disk for as long as the block lasts."""
        async with self._store.read() as work:
            blob = await work.of(Blob, in_project(connector.project_id)).get(id=parse_id(blob_id))
        gone = StoreFailure(Reason.MESSAGE_BLOB_GONE, f"the blob {blob_id} does not exist any more")
        if blob is None or blob.expires_at <= self._clock.now():
            raise gone
        path = self._staging / new_id()
        try:
            try:
                await self._objects.fetch(blob.object_key, path)
            except NotFound:
                raise gone from None  # deleted at this moment
            yield Message(new_id(), {}, path, blob.file_name)
        finally:
            path.unlink(missing_ok=True)

    async def _load(self, connector_id: str) -> tuple[_Target | None, Iterable[str]]:
        tags = [f"connector:{connector_id}"]
        async with self._store.read() as work:
            connector = await work.of(Connector, EVERYTHING).get(id=connector_id)
            if connector is None:
                return None, tags
            tags += [f"credentials:{connector.credentials_id}", f"project:{connector.project_id}"]
            scope = in_project(connector.project_id)
            credentials = await work.of(Credentials, scope).get(id=connector.credentials_id)
        return None if credentials is None else _Target(connector, credentials), tags

    def _forget(self, event: Event) -> None:
        self._targets.forget(event.tags)

    def _log(self, connector: Connector, context: DeliveryContext, text: str, level: LogLevel | None = None) -> None:
        self._logs.write(
            LogLine(
                project_id=connector.project_id,
                time=self._clock.now(),
                text=text,
                system=True,
                request_id=context.request_id,
                connector_name=connector.name,
                pipeline_name=context.pipeline_name,
                pipeline_object_name=context.pipeline_object_name,
                pipeline_request_id=context.pipeline_request_id,
                level=level,
            )
        )
