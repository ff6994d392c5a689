"""Carrying batch pipeline requests on: what the loops ask when they take, run and end a part of one.

A part that has ended and what follows from it are one transaction, guarded by the lease of the part: a server may be
killed at any moment, and no object that has ended runs again, nor is one that was due forgotten (decision 0013).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from quinta.core.connectors.model import DeliveryContext
from quinta.core.events import Event, EventName
from quinta.core.observation.model import Trace
from quinta.core.pipelines.model import Delivery, DeliveryStatus, ObjectResult, PipelineRequest
from quinta.core.pipelines.plan import Plan, PlannedObject
from quinta.core.ports import MeterSink, Store, UnitOfWork
from quinta.core.reasons import Reason
from quinta.core.requests.execution import Answer
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING, in_project
from quinta.kit.cache import TaggedCache
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_PLANS_KEPT = 1_000

PartInputs = list[tuple[PlannedObject, str]]
"""Objects of a plan, each with the JSON text of what it gets."""


class PipelineRuns:
    """What is common to the parts of batch pipeline requests: model requests and deliveries."""

    def __init__(self, store: Store, reader: Reader, meters: MeterSink, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._meters = meters
        self._clock = clock
        self._plans: TaggedCache[str, Plan | None] = TaggedCache(_PLANS_KEPT)  # a plan never changes: no tags

    async def trace(self, run: Request) -> Trace | None:
        """What the log says of a model request; None for one that belongs to no pipeline request, or to one that was
        just deleted."""
        plan = None if run.plan_id is None else await self._plan(run.plan_id)
        if plan is None or run.object_name is None or run.pipeline_request_id is None:
            return None
        return Trace(plan.pipeline_name, run.object_name, run.pipeline_request_id)

    async def context(self, delivery: Delivery) -> DeliveryContext:
        """The same for a delivery."""
        plan = await self._plan(delivery.plan_id)
        return DeliveryContext(
            pipeline_name=None if plan is None else plan.pipeline_name,
            pipeline_object_name=delivery.object_name,
            pipeline_request_id=delivery.pipeline_request_id,
            request_id=delivery.source_request_id,
        )

    async def begin(self, work: UnitOfWork, request_ids: Sequence[str]) -> None:
        """Parts of these pipeline requests were taken by a server: those that wait are in work now.

        One that somebody else has locked stays as it is until its next part is taken, or all has ended: whoever deletes
        it waits for the parts, which this transaction has locked already.
        """
        if not request_ids:
            return
        requests = work.of(PipelineRequest, EVERYTHING)
        for waiting in await requests.take(id=request_ids, status=RequestStatus.PENDING):
            await requests.change(waiting.id, status=RequestStatus.PROCESSING, updated_at=self._clock.now())

    async def after(self, run: Request, answer: Answer) -> Parts | None:
        """What hangs on a model request that has ended; None when nothing does. For ``ended``: large results are read
        here, before there is a transaction."""
        plan = None if run.plan_id is None else await self._plan(run.plan_id)
        if plan is None or answer.result is None or run.pipeline_request_id is None or run.object_name is None:
            return None
        parts = Parts(plan)
        inputs = await plan.inputs_after(run.object_name, answer.result, self._reader)
        parts.add(run.pipeline_request_id, inputs, self._clock.now(), run.id)
        return parts

    async def ended(self, work: UnitOfWork, run: Request, answer: Answer, following: Parts | None) -> None:
        """A model request of a pipeline has ended: keeps what came of it, and queues what follows from ``after``."""
        if run.pipeline_request_id is None or run.plan_id is None or run.object_name is None:
            raise ValueError(f"request {run.id} belongs to no pipeline request")
        now = self._clock.now()
        request = await self._lock(work, run.project_id, run.pipeline_request_id)
        self._meters.add(run.project_id, "pipeline", request.pipeline_id, {"object_requests": 1})
        scope = in_project(run.project_id)
        result = ObjectResult(
            id=run.id,
            project_id=run.project_id,
            pipeline_request_id=run.pipeline_request_id,
            object_name=run.object_name,
            data=run.data,
            result=answer.result,
            error_message=answer.error_message,
            created_at=run.created_at,
            updated_at=now,
            reason=answer.reason,
        )
        await work.of(ObjectResult, scope).add(result)
        await work.of(Request, scope).remove(id=run.id)
        if following is not None:
            await following.queue(work)
        await self._finish(work, run.project_id, run.pipeline_request_id, now)

    async def delivered(self, work: UnitOfWork, delivery: Delivery) -> None:
        """A message was written, or could not be: the log says which, and the pipeline request goes on either way."""
        now = self._clock.now()
        await self._lock(work, delivery.project_id, delivery.pipeline_request_id)
        await work.of(Delivery, in_project(delivery.project_id)).remove(id=delivery.id)
        await self._finish(work, delivery.project_id, delivery.pipeline_request_id, now)

    async def lock(self, work: UnitOfWork, request_ids: Sequence[str]) -> None:
        """Locks pipeline requests before their parts: in this order whoever deletes them does it too."""
        await work.of(PipelineRequest, EVERYTHING).lock_all(id=request_ids)

    async def _lock(self, work: UnitOfWork, project_id: str, request_id: str) -> PipelineRequest:
        """Parts that end at the same moment on different servers go one after the other: else each would see the other
        still at work, and nobody would end the whole."""
        return await work.of(PipelineRequest, in_project(project_id)).lock(request_id)

    async def _finish(self, work: UnitOfWork, project_id: str, request_id: str, now: datetime) -> None:
        """Ends the pipeline request when nothing of it is left to do: failed when any object did (contract 7.2)."""
        scope = in_project(project_id)
        if await work.of(Request, scope).count(pipeline_request_id=request_id):
            return
        if await work.of(Delivery, scope).count(pipeline_request_id=request_id):
            return
        results = work.of(ObjectResult, scope)
        failed = await results.find(pipeline_request_id=request_id, result=None, order=("updated_at", "id"), limit=1)
        message = f"object '{failed[0].object_name}' failed: {failed[0].error_message}" if failed else None
        status = RequestStatus.FAILED if failed else RequestStatus.COMPLETED
        requests = work.of(PipelineRequest, scope)
        reason = failed[0].reason if failed else Reason.COMPLETED
        await requests.change(request_id, status=status, error_message=message, reason=reason, updated_at=now)

    async def _plan(self, plan_id: str) -> Plan | None:
        async def load() -> tuple[Plan | None, tuple[str, ...]]:
            async with self._store.read() as work:
                return await work.of(Plan, EVERYTHING).get(id=plan_id), ()

        return await self._plans.load(plan_id, load)


@dataclass(slots=True)
class Parts:
    """What is to be done next of pipeline requests with one plan."""

    plan: Plan
    runs: list[Request] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    def add(self, request_id: str, inputs: PartInputs, now: datetime, source_request_id: str | None = None) -> None:
        """Adds objects that run for the pipeline request, each with its data. ``source_request_id`` is the model
        request that gave it; None for the pipeline's start."""
        for item, data in inputs:
            if item.version_id is not None:
                self.runs.append(_new_run(self.plan, request_id, item.name, item.version_id, data, now))
            elif item.connector_id is not None:
                new = _new_delivery(self.plan, request_id, item.name, item.connector_id, data, now)
                self.deliveries.append(replace(new, source_request_id=source_request_id))

    async def queue(self, work: UnitOfWork, actor_id: str | None = None) -> None:
        """Stores them; the loops hear of it after the commit."""
        scope = in_project(self.plan.project_id)
        await work.of(Request, scope).add(*self.runs)
        await work.of(Delivery, scope).add(*self.deliveries)
        if self.runs or self.deliveries:
            pipeline_id, project_id = self.plan.pipeline_id, self.plan.project_id
            work.emit(Event(EventName.REQUESTS_CREATED, pipeline_id, (), actor_id, project_id))


def _new_run(plan: Plan, request_id: str, name: str, version_id: str, data: str, now: datetime) -> Request:
    return Request(
        id=new_id(),
        project_id=plan.project_id,
        version_id=version_id,
        status=RequestStatus.PENDING,
        data=data,
        result=None,
        error_message=None,
        reason=None,
        created_at=now,
        updated_at=now,
        pipeline_request_id=request_id,
        plan_id=plan.id,
        object_name=name,
    )


def _new_delivery(plan: Plan, request_id: str, name: str, connector_id: str, data: str, now: datetime) -> Delivery:
    return Delivery(
        id=new_id(),
        project_id=plan.project_id,
        pipeline_request_id=request_id,
        plan_id=plan.id,
        object_name=name,
        connector_id=connector_id,
        source_request_id=None,
        data=data,
        status=DeliveryStatus.PENDING,
        created_at=now,
        updated_at=now,
    )
