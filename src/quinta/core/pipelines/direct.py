"""Direct requests to pipelines: the caller waits while objects run, branches side by side (contract ubiops 5.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.connectors.model import DeliveryContext
from quinta.core.errors import InvalidInput, NotFound, QuintaError, TooLarge, Unavailable
from quinta.core.events import Event
from quinta.core.files.blobs import Blobs
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import ModelVersion, RunnableVersion
from quinta.core.observation.model import LogLine, Trace
from quinta.core.pipelines.model import START, Pipeline
from quinta.core.pipelines.plan import Plan, PlannedObject, plan_of
from quinta.core.ports import Deliveries, LogSink, MeterSink, Store
from quinta.core.reasons import TIMEOUTS, Failure, Reason
from quinta.core.requests.direct import not_serving
from quinta.core.requests.execution import Answer, Execution
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.kit.cache import TaggedCache
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for a whole pipeline request and for each model request in it (contract ubiops 5.5, 10.11)."""

    pipeline: int = 3_600
    model: int = 300

    def check(self) -> None:
        """InvalidInput when a limit is out of range."""
        for name, value, most in (("pipeline_timeout", self.pipeline, 7_200), ("model_timeout", self.model, 3_600)):
            if not 10 <= value <= most:
                raise InvalidInput(f"{name} must be from 10 to {most} seconds, not {value}", field=name)


@dataclass(frozen=True, slots=True)
class ObjectAnswer:
    """One run of an object: the JSON text it got, and how it ended."""

    object_name: str
    data: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class PipelineAnswer:
    """A pipeline request with the runs of its model objects, in the order they ended."""

    project: str
    pipeline: str
    request_id: str
    runs: tuple[ObjectAnswer, ...]


@dataclass(frozen=True, slots=True)
class _Route:
    """A pipeline that an actor may send requests to, and the plan these follow."""

    project: str
    pipeline: Pipeline
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Run:
    """One request on its way. ``ends_at`` is in monotonic seconds."""

    id: str
    plan: Plan
    versions: dict[str, RunnableVersion]
    limits: TimeLimits
    ends_at: float
    tasks: asyncio.TaskGroup
    ended: list[ObjectAnswer] = field(default_factory=list)


class DirectPipelineRequests:
    """Use case: one request, the answers of all objects that are models. ``runs_here`` says whether this server has
    what a version's build made."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        versions: LiveVersions,
        execution: Execution,
        deliveries: Deliveries,
        blobs: Blobs,
        logs: LogSink,
        meters: MeterSink,
        clock: Clock,
        runs_here: Callable[[RunnableVersion], bool],
    ) -> None:
        self._store = store
        self._reader = reader
        self._versions = versions
        self._execution = execution
        self._deliveries = deliveries
        self._blobs = blobs
        self._logs = logs
        self._meters = meters
        self._clock = clock
        self._runs_here = runs_here
        self._routes: TaggedCache[tuple[str, str, str], _Route] = TaggedCache()
        store.subscribe(self._forget)

    async def run(
        self, actor: Actor, project: str, pipeline: str, data: bytes, limits: TimeLimits | None = None
    ) -> PipelineAnswer:
        """Runs ``data``, the JSON text of the input, through the pipeline.

        What the code of a model does wrong is a run without success, and what hangs on it does not run; InvalidInput is
        for what the caller does wrong, StateConflict for a pipeline that cannot run as it is.
        """
        limits = limits or TimeLimits()
        key = (actor.user_id, project, pipeline)
        route = self._routes.get(key)
        if route is None:
            route = await self._routes.load(key, lambda: self._load(actor, project, pipeline))
        limits.check()
        return await self._through(route, data, limits)

    async def run_for_nobody(
        self, project_id: str, pipeline_id: str, data: bytes, limits: TimeLimits
    ) -> PipelineAnswer:
        """The same without a caller whose permissions would count: for a schedule."""
        return await self._through(await self._route(project_id, pipeline_id), data, limits)

    async def all_run_here(self, project_id: str, pipeline_id: str) -> bool:
        """Whether this server has what the builds of all versions made, as far as these serve."""
        route = await self._route(project_id, pipeline_id)
        for item in route.plan.objects:
            version = None if item.version_id is None else await self._versions.get(item.version_id)
            if version is not None and not self._runs_here(version):
                return False
        return True

    async def _route(self, project_id: str, pipeline_id: str) -> _Route:
        async with self._store.read() as work:
            project = await work.of(Project, EVERYTHING).get(id=project_id)
            pipeline = await work.of(Pipeline, in_project(project_id)).get(id=pipeline_id)
            if project is None or pipeline is None:
                raise NotFound("the pipeline is gone")
            return _Route(project.name, pipeline, await plan_of(work, pipeline))

    async def _through(self, route: _Route, data: bytes, limits: TimeLimits) -> PipelineAnswer:
        blob_ids = await self._reader.input(data, route.pipeline.input_type, route.pipeline.input_fields)
        await self._blobs.present(route.pipeline.project_id, blob_ids)
        versions = await self._runnable(route.plan)
        following = await route.plan.inputs_after(START, data.decode(), self._reader)
        values = {"requests": 1, "input_volume": len(data)}
        self._meters.add(route.pipeline.project_id, "pipeline", route.pipeline.id, values)
        try:
            async with asyncio.TaskGroup() as tasks:
                run = _Run(new_id(), route.plan, versions, limits, self._clock.monotonic() + limits.pipeline, tasks)
                self._hand_on(run, following)
        except ExceptionGroup as group:  # what the server cannot do now for one object: the first says what
            raise group.exceptions[0] from None
        return PipelineAnswer(route.project, route.pipeline.name, run.id, tuple(run.ended))

    def _hand_on(self, run: _Run, inputs: list[tuple[PlannedObject, str]], request_id: str | None = None) -> None:
        """Starts objects with their data, side by side. ``request_id`` is the model request that gave it; None for the
        pipeline's start."""
        for item, data in inputs:
            if item.version_id is not None:
                part = self._run_object(run, item.name, run.versions[item.version_id], data)
            else:
                part = self._deliver(run, item, data, request_id)
            run.tasks.create_task(part, name=f"pipeline {run.id} {item.name}")

    async def _run_object(self, run: _Run, name: str, version: RunnableVersion, data: str) -> None:
        answer = await self._answer(run, name, version, data)
        trace = Trace(run.plan.pipeline_name, name, run.id)
        following = []
        if answer.result is not None:
            try:
                following = await run.plan.inputs_after(name, answer.result, self._reader)
            except TooLarge as error:
                failure = Failure(Reason.RESULT_TOO_LARGE_TO_HAND_ON, error.message)
                answer = self._execution.failed(version, answer.request_id, failure, trace, answer.seconds)
        run.ended.append(ObjectAnswer(name, data, answer))
        self._hand_on(run, following, answer.request_id)

    async def _deliver(self, run: _Run, item: PlannedObject, data: str, request_id: str | None) -> None:
        """Writes a message to a connector. Whatever comes of it stands in the log and fails nothing (contract 5.6)."""
        context = DeliveryContext(run.plan.pipeline_name, item.name, run.id, request_id)
        try:
            async with asyncio.timeout(run.ends_at - self._clock.monotonic()):
                await self._deliveries.deliver(item.connector_id or "", data, context=context)
        except (TimeoutError, QuintaError) as error:
            failure = Failure(Reason.PIPELINE_TIMEOUT, f"the pipeline's time-out of {run.limits.pipeline} s passed")
            if isinstance(error, QuintaError):
                failure = Failure(error.reason or Reason.DELIVERY_GIVEN_UP, error.message)
            text = f"the message was not written: {failure}"
            line = LogLine(run.plan.project_id, self._clock.now(), text, system=True, request_id=request_id)
            self._logs.write(Trace(run.plan.pipeline_name, item.name, run.id).on(line))

    async def _answer(self, run: _Run, name: str, version: RunnableVersion, data: str) -> Answer:
        request_id = new_id()
        left = run.ends_at - self._clock.monotonic()
        trace = Trace(run.plan.pipeline_name, name, run.id)
        if left <= 0:
            text = f"not run: the pipeline's time-out of {run.limits.pipeline} s had passed"
            return self._execution.failed(version, request_id, Failure(Reason.PIPELINE_TIMEOUT, text), trace)
        self._meters.add(run.plan.project_id, "pipeline", run.plan.pipeline_id, {"object_requests": 1})
        time_limit = min(left, run.limits.model)
        try:
            answer = await self._execution.run_kept(version, request_id, data, time_limit, trace)
        except QuintaError as error:  # its files cannot be had now: that is no reason to drop what others have done
            return self._execution.failed(version, request_id, Failure(Reason.INPUT_UNAVAILABLE, error.message), trace)
        if answer.reason in TIMEOUTS and time_limit == left:
            text = f"the pipeline's time-out of {run.limits.pipeline} s passed: {answer.error_message}"
            return Answer(request_id, Reason.PIPELINE_TIMEOUT, None, text, answer.seconds)
        return answer

    async def _runnable(self, plan: Plan) -> dict[str, RunnableVersion]:
        """The versions of the plan by id. StateConflict when one does not serve, Unavailable when not here."""
        found: dict[str, RunnableVersion] = {}
        for item in plan.objects:
            if item.version_id is None:
                continue
            version = await self._versions.get(item.version_id)
            if version is None:
                raise await self._not_serving(plan, item.version_id)
            if not self._runs_here(version):
                raise Unavailable(
                    f"the version '{version.version_name}' of object '{item.name}' was built on another server, which "
                    "alone can run it: ask there"
                )
            found[item.version_id] = version
        return found

    async def _not_serving(self, plan: Plan, version_id: str) -> Exception:
        async with self._store.read() as work:
            version = await work.of(ModelVersion, in_project(plan.project_id)).get(id=version_id)
        if version is None:
            return Unavailable("the pipeline was changed at this moment: try again")
        if version.live_build_id is None:
            return not_serving(version.name, version.status)
        return Unavailable(
            f"the version '{version.name}' cannot run now: its organization is not active, or one of its secret "
            "environment variables cannot be opened with the server's keys"
        )

    async def _load(self, actor: Actor, project_name: str, pipeline_name: str) -> tuple[_Route, Iterable[str]]:
        async with self._store.read() as work:
            project, pipeline = await object_for(
                work, actor, project_name, Pipeline, pipeline_name, Permission.PIPELINES_REQUESTS_CREATE
            )
            plan = await plan_of(work, pipeline)
        tags = (
            f"user:{actor.user_id}",
            f"organization:{project.organization_id}",
            f"project:{project.id}",
            f"pipeline:{pipeline.id}",
        )
        return _Route(project.name, pipeline, plan), tags

    def _forget(self, event: Event) -> None:
        self._routes.forget(event.tags)
