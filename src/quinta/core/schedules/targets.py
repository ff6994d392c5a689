"""What a schedule can make requests to: one ScheduleTarget for each type of object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from quinta.core.access.model import Permission
from quinta.core.access.roles import ObjectType
from quinta.core.errors import NotFound, QuintaError, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.files.blobs import Blobs
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import Field, Model, ModelVersion, RunnableVersion, ValueType
from quinta.core.observation.model import LogLine
from quinta.core.ports import Store, UnitOfWork
from quinta.core.reasons import Failure
from quinta.core.requests.batch import new_requests
from quinta.core.requests.direct import not_serving
from quinta.core.requests.execution import Execution
from quinta.core.requests.model import Request
from quinta.core.requests.reading import read_input
from quinta.core.schedules.model import Schedule
from quinta.core.scope import in_project
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class RequestPermissions:
    """What seeing and changing a schedule needs on its object (contract ubiops 10.27)."""

    list: Permission
    get: Permission
    create: Permission
    delete: Permission


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a due time: the request that was made (None: none could be), and why it did not succeed."""

    request_id: str | None
    error: Failure | None = None


class ScheduledObject(Protocol):
    """What every object that takes requests has."""

    @property
    def id(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def input_type(self) -> ValueType: ...
    @property
    def input_fields(self) -> tuple[Field, ...]: ...


class ScheduleTarget(Protocol):
    """Objects of one type, as schedules see them."""

    object_type: ObjectType
    kind: type[Any]
    """The type of the objects; each is a ScheduledObject."""
    permissions: RequestPermissions
    has_versions: bool

    async def accept(self, work: UnitOfWork, schedule: Schedule, item: ScheduledObject, now: datetime) -> Ran:
        """Makes the batch request within ``work``. A QuintaError says why there can be none now."""
        ...

    async def runs_here(self, schedule: Schedule) -> bool:
        """Whether this server can answer a direct request, or tell why nobody can."""
        ...

    async def run(self, schedule: Schedule) -> Ran:
        """Makes the direct request and waits for its end. A QuintaError says why it could not be made."""
        ...

    def log_line(self, schedule: Schedule, time: datetime, object_name: str, version_name: str | None) -> LogLine:
        """A line of that time about the schedule, still without text, that the log's filters find by these names."""
        ...

    def with_request(self, line: LogLine, request_id: str | None) -> LogLine:
        """The line with the id of the request that was made."""
        ...


class ScheduledModels:
    """Schedules of model versions."""

    object_type = ObjectType.MODEL
    kind: type[Any] = Model
    has_versions = True
    permissions = RequestPermissions(
        list=Permission.MODELS_VERSIONS_REQUESTS_LIST,
        get=Permission.MODELS_VERSIONS_REQUESTS_GET,
        create=Permission.MODELS_VERSIONS_REQUESTS_CREATE,
        delete=Permission.MODELS_VERSIONS_REQUESTS_DELETE,
    )

    def __init__(
        self,
        store: Store,
        versions: LiveVersions,
        execution: Execution,
        blobs: Blobs,
        runs_here: Callable[[RunnableVersion], bool],
    ) -> None:
        self._store = store
        self._versions = versions
        self._execution = execution
        self._blobs = blobs
        self._runs_here = runs_here

    async def accept(self, work: UnitOfWork, schedule: Schedule, item: ScheduledObject, now: datetime) -> Ran:
        version = await _version(work, schedule)
        if version.live_build_id is None:
            raise not_serving(version.name, version.status)
        blob_ids = read_input(schedule.data.encode(), item.input_type, item.input_fields)
        await self._blobs.inputs(work, schedule.project_id, (blob_ids,))
        (request,) = new_requests(version, [schedule.data], now)
        await work.of(Request, in_project(schedule.project_id)).add(request)
        work.emit(Event(EventName.REQUESTS_CREATED, version.id, (), None, schedule.project_id))
        return Ran(request.id)

    async def runs_here(self, schedule: Schedule) -> bool:
        version = await self._live(schedule)
        return version is None or self._runs_here(version)

    async def run(self, schedule: Schedule) -> Ran:
        target = await self._live(schedule)
        if target is None:
            async with self._store.read() as work:
                raise _not_running(await _version(work, schedule))
        answer = await self._execution.run_kept(target, new_id(), schedule.data, schedule.timeout_seconds)
        return Ran(answer.request_id, answer.failure)

    def log_line(self, schedule: Schedule, time: datetime, object_name: str, version_name: str | None) -> LogLine:
        return LogLine(schedule.project_id, time, "", True, model_name=object_name, version_name=version_name)

    def with_request(self, line: LogLine, request_id: str | None) -> LogLine:
        return replace(line, request_id=request_id)

    async def _live(self, schedule: Schedule) -> RunnableVersion | None:
        return await self._versions.get(_version_id(schedule))


def _not_running(version: ModelVersion) -> QuintaError:
    if version.live_build_id is None:
        return not_serving(version.name, version.status)
    return Unavailable(f"the version '{version.name}' cannot run now")


async def _version(work: UnitOfWork, schedule: Schedule) -> ModelVersion:
    version = await work.of(ModelVersion, in_project(schedule.project_id)).get(id=_version_id(schedule))
    if version is None:  # deleted a moment ago, and the schedule with it
        raise NotFound("its version is gone")
    return version


def _version_id(schedule: Schedule) -> str:
    if schedule.version_id is None:
        raise ValueError(f"schedule {schedule.id} of a model names no version")
    return schedule.version_id
