"""The verification loop: looks whether connectors and credentials work, in the background (contract ubiops 7.3)."""

from __future__ import annotations

import asyncio

import structlog

from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.configuration import opened
from quinta.core.connectors.model import Connector, Credentials, Verification, VerificationStatus
from quinta.core.connectors.verification import settle
from quinta.core.errors import StateConflict
from quinta.core.events import EventName
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLine
from quinta.core.ports import LogSink, Secrets, Store, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import in_project
from quinta.engine.connectors.driver import Place, StoreFailure
from quinta.engine.connectors.drivers import Drivers
from quinta.engine.connectors.redaction import redacted
from quinta.engine.leases import Ended, LeasedLoop, LeasedWork, LeasePolicy
from quinta.kit.clock import Clock

logger = structlog.get_logger(__name__)

CONCURRENT_VERIFICATIONS = 8
TIME_LIMIT_SECONDS = 60.0


class Verifications:
    """Leases verifications and takes the look. One try: who waits for the answer wants it soon, and can ask again."""

    def __init__(
        self,
        store: Store,
        drivers: Drivers,
        secrets: Secrets,
        logs: LogSink,
        failures: FailureCounts,
        clock: Clock,
    ) -> None:
        self._store = store
        self._drivers = drivers
        self._secrets = secrets
        self._logs = logs
        self._failures = failures
        self._clock = clock
        work = LeasedWork(
            name="verifications",
            kind=Verification,
            waiting=VerificationStatus.PENDING,
            working=VerificationStatus.RUNNING,
            work=self._work,
            give_up=self._give_up,
            concurrency=CONCURRENT_VERIFICATIONS,
            woken_by=EventName.VERIFICATION_REQUESTED,
        )
        self.loop = LeasedLoop(work, store, clock, LeasePolicy(maximum_attempts=3))

    async def _work(self, verification: Verification) -> Ended:
        async with self._store.read() as work:
            connector, credentials = await _subjects(work, verification)
        if credentials is None:  # deleted meanwhile, and this row with it
            return self._ended(verification, Failure(Reason.CONNECTOR_GONE, "it does not exist any more"))
        trouble = await self._look(connector, credentials)
        if trouble is not None and connector is not None:
            self._log(connector, f"the verification failed: {trouble}")
        return self._ended(verification, trouble)

    async def _look(self, connector: Connector | None, credentials: Credentials) -> Failure | None:
        """What is wrong, without secrets; None for nothing."""
        rules = KINDS[credentials.type].credentials
        try:
            values = opened(rules, credentials.configuration, self._secrets, credentials.id)
        except StateConflict as conflict:
            return Failure(conflict.reason or Reason.SECRET_UNREADABLE, conflict.message)
        driver = self._drivers[credentials.type]
        try:
            async with asyncio.timeout(TIME_LIMIT_SECONDS):
                if connector is None:
                    await driver.check_credentials(values)
                else:
                    configuration = {parameter.name: parameter.value for parameter in connector.configuration}
                    await driver.check(Place(values, configuration, connector.input_fields))
        except StoreFailure as failure:
            return Failure(failure.reason, redacted(failure.message, rules, values))
        except TimeoutError:
            return Failure(Reason.STORE_TIMEOUT, f"there was no answer within {TIME_LIMIT_SECONDS:g} seconds")
        except Exception as error:  # noqa: BLE001  # the edge to other people's code; what it says may hold secrets
            text = redacted(f"{type(error).__name__}: {error}", rules, values)
            logger.error("connector.driver_failed", credentials=credentials.id, error=text)
            return Failure(Reason.DRIVER_FAILED, f"the driver failed: {text}")
        return None

    def _give_up(self, verification: Verification, error: str) -> Ended:
        return self._ended(verification, Failure(Reason.DELIVERY_GIVEN_UP, f"the verification was given up: {error}"))

    def _ended(self, verification: Verification, trouble: Failure | None) -> Ended:
        if trouble is not None:
            self._failures.add(Subject.VERIFICATION, trouble.reason)

        async def effect(work: UnitOfWork) -> None:
            await settle(work, verification, trouble)

        return Ended({"status": VerificationStatus.RUNNING}, effect)

    def _log(self, connector: Connector, text: str) -> None:
        self._logs.write(
            LogLine(connector.project_id, self._clock.now(), text, system=True, connector_name=connector.name)
        )


async def _subjects(work: UnitOfWork, verification: Verification) -> tuple[Connector | None, Credentials | None]:
    """What is to be looked at: a connector with its credentials, or credentials alone."""
    scope = in_project(verification.project_id)
    if verification.connector_id is None:
        return None, await work.of(Credentials, scope).get(id=verification.credentials_id)
    connector = await work.of(Connector, scope).get(id=verification.connector_id)
    if connector is None:
        return None, None
    return connector, await work.of(Credentials, scope).get(id=connector.credentials_id)
