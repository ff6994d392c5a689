"""The delivery loop: messages of batch pipeline requests are written to the stores behind connectors."""

from __future__ import annotations

from collections import Counter

from quinta.core.events import EventName
from quinta.core.observation.failures import FailureCounts, Subject
from quinta.core.observation.model import LogLine
from quinta.core.pipelines.model import Delivery, DeliveryStatus
from quinta.core.pipelines.runs import PipelineRuns
from quinta.core.ports import Deliveries, LogSink, Store, UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.engine.leases import Claim, Ended, LeasedLoop, LeasedWork
from quinta.kit.clock import Clock

MOST_IN_FLIGHT = 64
MOST_FOR_PROJECT = 16
"""So that stores of one project that do not answer keep those of others from nothing: half of the threads that drivers
share."""
MOST_FOR_ONE = 8
"""Messages on their way to one connector: enough to hide the way there, few enough for a small database."""


class DeliveryLoop:
    """Leases deliveries and has them written. A message that is being written when its server is killed is written
    again: no store could tell whether the first had arrived (decision 0013)."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        pipelines: PipelineRuns,
        logs: LogSink,
        failures: FailureCounts,
        clock: Clock,
    ) -> None:
        self._deliveries = deliveries
        self._pipelines = pipelines
        self._logs = logs
        self._failures = failures
        self._clock = clock
        self._in_flight: Counter[str] = Counter()  # by connector, and by project
        work = LeasedWork(
            name="deliveries",
            kind=Delivery,
            waiting=DeliveryStatus.PENDING,
            working=DeliveryStatus.PROCESSING,
            work=self._work,
            give_up=self._give_up,
            concurrency=MOST_IN_FLIGHT,
            select=self._select,
            woken_by=EventName.REQUESTS_CREATED,
            cancelled_by=EventName.REQUESTS_DELETED,
            lock_first=pipelines.lock,
        )
        self.loop = LeasedLoop(work, store, clock)

    async def _select(self, claim: Claim[Delivery]) -> None:
        for project_id in await claim.groups("project_id"):
            room = MOST_FOR_PROJECT - self._in_flight[project_id]
            if room <= 0:
                continue
            for connector_id in await claim.groups("connector_id", project_id=project_id):
                most = min(room, MOST_FOR_ONE - self._in_flight[connector_id])
                room -= await claim.take(most, connector_id=connector_id)
        await self._pipelines.begin(claim.unit, sorted({delivery.pipeline_request_id for delivery in claim.taken}))

    async def _work(self, delivery: Delivery) -> Ended:
        self._in_flight.update((delivery.connector_id, delivery.project_id))
        try:
            context = await self._pipelines.context(delivery)
            # Why it was not written stands in the log already, and fails nothing (contract ubiops 5.6).
            await self._deliveries.deliver(delivery.connector_id, delivery.data, context=context)
        finally:
            self._in_flight.subtract((delivery.connector_id, delivery.project_id))
        return self._ended(delivery)

    def _give_up(self, delivery: Delivery, error: str) -> Ended:
        failure = Failure(Reason.DELIVERY_GIVEN_UP, f"given up after several tries: {error}")
        self._failures.add(Subject.DELIVERY, failure.reason)
        self._logs.write(
            LogLine(
                project_id=delivery.project_id,
                time=self._clock.now(),
                text=f"the message was not written: {failure}",
                system=True,
                request_id=delivery.source_request_id,
                pipeline_object_name=delivery.object_name,
                pipeline_request_id=delivery.pipeline_request_id,
            )
        )
        return self._ended(delivery)

    def _ended(self, delivery: Delivery) -> Ended:
        async def carry_on(work: UnitOfWork) -> None:
            await self._pipelines.delivered(work, delivery)

        return Ended({"updated_at": self._clock.now()}, carry_on, order=delivery.pipeline_request_id)
