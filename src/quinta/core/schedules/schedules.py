"""Schedules: making, seeing, changing, deleting (contract ubiops 2, 3.2, 3.4, 10.27, 10.28; decision 0015)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from quinta.core.access.decide import Reach, object_for, project_for, reach_for
from quinta.core.access.model import Actor, Permission
from quinta.core.access.roles import ObjectType
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, NotPermitted
from quinta.core.events import Event, EventName
from quinta.core.files.blobs import Blobs
from quinta.core.models.model import ModelVersion, ValueType
from quinta.core.names import check_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.requests.reading import named_blobs
from quinta.core.requests.values import check_value, write_json
from quinta.core.schedules.cron import check_crontab, next_time
from quinta.core.schedules.model import (
    DEFAULT_TIMEOUT_SECONDS,
    LEAST_TIMEOUT_SECONDS,
    MOST_TIMEOUT_SECONDS,
    Schedule,
)
from quinta.core.schedules.targets import RequestPermissions, ScheduledObject, ScheduleTarget
from quinta.core.scope import in_project
from quinta.core.tenancy.model import Project
from quinta.core.unset import UNSET, Unset
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """``data`` is the value to send, as JSON has it; UNSET is right for a plain input only, and means no text."""

    name: str
    object_type: ObjectType
    object_name: str
    crontab: str
    version: str | None = None
    data: Any | Unset = UNSET
    batch: bool = True
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """Members that are None (UNSET for the data) stay as they are."""

    name: str | None = None
    crontab: str | None = None
    data: Any | Unset = UNSET
    batch: bool | None = None
    timeout_seconds: int | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule with the present names of what it makes requests to (contract ubiops 10.52)."""

    schedule: Schedule
    object_name: str
    version: str | None


class Schedules:
    """Use cases about schedules. ``targets`` has one entry for each type of object that can have some."""

    def __init__(self, store: Store, clock: Clock, blobs: Blobs, targets: Iterable[ScheduleTarget]) -> None:
        self._store = store
        self._clock = clock
        self._blobs = blobs
        self._targets = {target.object_type: target for target in targets}

    async def create(self, actor: Actor, project_name: str, new: NewSchedule) -> ScheduleView:
        """Makes a schedule that is first due at the next moment its crontab line gives."""
        async with self._store.begin() as work:
            target = self._target(new.object_type)
            project, item = await _object(work, actor, project_name, target, new.object_name)
            version = await _version(work, target, item, new.version)
            check_name(new.name, "a schedule")
            await _require_free(work, project, new.name)
            now = self._clock.now()
            data = "" if new.data is UNSET and item.input_type is ValueType.PLAIN else new.data
            schedule = Schedule(
                id=new_id(),
                project_id=project.id,
                name=new.name,
                object_type=target.object_type,
                object_id=item.id,
                version_id=None if version is None else version.id,
                crontab=check_crontab(new.crontab),
                data=await self._checked(work, item, data),
                batch=new.batch,
                timeout_seconds=_check_timeout(new.timeout_seconds),
                enabled=new.enabled,
                created_at=now,
                updated_at=now,
                next_run_at=next_time(new.crontab, now) if new.enabled else None,
            )
            await work.of(Schedule, in_project(project.id)).add(schedule)
            work.emit(_event(EventName.SCHEDULE_CREATED, schedule, actor))
        return ScheduleView(schedule, item.name, None if version is None else version.name)

    async def find(self, actor: Actor, project_name: str) -> list[ScheduleView]:
        """The project's schedules that the actor may list, by name."""
        async with self._store.read() as work:
            project, reaches = await self._reaches(work, actor, project_name, "list")
            found = await work.of(Schedule, in_project(project.id)).find(order=("name",))
            return await self._views(work, project, [item for item in found if _covered(reaches, item)])

    async def get(self, actor: Actor, project_name: str, name: str) -> ScheduleView:
        async with self._store.read() as work:
            project, schedule = await self._schedule(work, actor, project_name, name, "get")
            return await self._view(work, project, schedule)

    async def update(self, actor: Actor, project_name: str, name: str, change: ScheduleChange) -> ScheduleView:
        """Changes what is given. Another line, or enabling it again, sets the next run anew, from now on."""
        async with self._store.begin() as work:
            project, schedule = await self._schedule(work, actor, project_name, name, "create")
            schedules = work.of(Schedule, in_project(project.id))
            # A run that is due now is made before this change, or after it.
            schedule = await schedules.lock(schedule.id)
            values = await self._different(work, project, schedule, change)
            if values:
                values["updated_at"] = self._clock.now()
                await schedules.change(schedule.id, **values)
                schedule = replace(schedule, **values)
                work.emit(_event(EventName.SCHEDULE_CHANGED, schedule, actor))
            return await self._view(work, project, schedule)

    async def delete(self, actor: Actor, project_name: str, name: str) -> None:
        """Removes the schedule; requests that it made stay."""
        async with self._store.begin() as work:
            project, schedule = await self._schedule(work, actor, project_name, name, "delete")
            await work.of(Schedule, in_project(project.id)).remove(id=schedule.id)
            work.emit(_event(EventName.SCHEDULE_DELETED, schedule, actor))

    async def _different(
        self, work: UnitOfWork, project: Project, schedule: Schedule, change: ScheduleChange
    ) -> dict[str, Any]:
        asked: dict[str, Any] = {
            field: value
            for field in ("name", "crontab", "batch", "timeout_seconds", "enabled")
            if (value := getattr(change, field)) is not None and value != getattr(schedule, field)
        }
        if "name" in asked:
            await _require_free(work, project, check_name(asked["name"], "a schedule"))
        if "timeout_seconds" in asked:
            _check_timeout(asked["timeout_seconds"])
        if "crontab" in asked:
            check_crontab(asked["crontab"])
        if change.data is not UNSET:
            kind = self._targets[schedule.object_type].kind
            item = await work.of(kind, in_project(project.id)).get(id=schedule.object_id)
            if item is None:
                raise _orphaned(schedule)
            data = await self._checked(work, item, change.data)
            asked |= {"data": data} if data != schedule.data else {}
        if "crontab" in asked or "enabled" in asked:
            enabled = asked.get("enabled", schedule.enabled)
            line = asked.get("crontab", schedule.crontab)
            asked["next_run_at"] = next_time(line, self._clock.now()) if enabled else None
        return asked

    async def _checked(self, work: UnitOfWork, item: ScheduledObject, data: Any) -> str:
        """The data as JSON text, if the object takes it; blobs in it must be there now (contract ubiops 5.4)."""
        if data is UNSET:
            raise InvalidInput("request_data is missing: a structured input needs it", field="request_data")
        check_value(data, item.input_type, item.input_fields, "request_data")
        await self._blobs.inputs(work, item.project_id, (named_blobs(data, item.input_fields),))
        return write_json(data)

    def _target(self, object_type: ObjectType) -> ScheduleTarget:
        target = self._targets.get(object_type)
        if target is None:
            known = " or ".join(sorted(self._targets))
            raise InvalidInput(f"object_type must be {known}, not '{object_type}'", field="object_type")
        return target

    async def _reaches(
        self, work: UnitOfWork, actor: Actor, project_name: str, verb: str
    ) -> tuple[Project, dict[ObjectType, Reach]]:
        """Where the actor may do ``verb`` (a field of RequestPermissions); NotPermitted when it may nowhere."""
        project = await project_for(work, actor, project_name, Permission.PROJECTS_GET)
        reaches = {
            object_type: await reach_for(work, actor, project_name, _permission(target.permissions, verb))
            for object_type, target in self._targets.items()
        }
        if not any(reach.whole or reach.object_ids for reach in reaches.values()):
            raise NotPermitted(f"{self._needed(verb)} on project '{project_name}' is needed for this")
        return project, reaches

    async def _schedule(
        self, work: UnitOfWork, actor: Actor, project_name: str, name: str, verb: str
    ) -> tuple[Project, Schedule]:
        """The schedule called ``name``, if the actor may do ``verb`` with the object it is for. Who may not do it with
        all objects gets the same words whether it is there or not (decision 0010)."""
        project, reaches = await self._reaches(work, actor, project_name, verb)
        schedule = await work.of(Schedule, in_project(project.id)).get(name=name)
        if schedule is not None and _covered(reaches, schedule):
            return project, schedule
        if all(reach.whole for reach in reaches.values()):
            raise NotFound(f"there is no schedule named '{name}' in project '{project_name}'")
        raise NotPermitted(f"{self._needed(verb)} on the object of schedule '{name}' is needed for this")

    def _needed(self, verb: str) -> str:
        names = [_permission(target.permissions, verb) for target in self._targets.values()]
        return f"the permission {' or '.join(names)}"

    async def _view(self, work: UnitOfWork, project: Project, schedule: Schedule) -> ScheduleView:
        views = await self._views(work, project, [schedule])
        if not views:
            raise _orphaned(schedule)
        return views[0]

    async def _views(self, work: UnitOfWork, project: Project, schedules: list[Schedule]) -> list[ScheduleView]:
        names: dict[str, str] = {}
        for object_type in {schedule.object_type for schedule in schedules}:
            ids = {item.object_id for item in schedules if item.object_type is object_type}
            for found in await work.of(self._targets[object_type].kind, in_project(project.id)).find(id=ids):
                names[found.id] = found.name
        version_ids = {item.version_id for item in schedules if item.version_id is not None}
        for version in await work.of(ModelVersion, in_project(project.id)).find(id=version_ids):
            names[version.id] = version.name
        return [
            ScheduleView(item, names[item.object_id], names.get(item.version_id or ""))
            for item in schedules
            if item.object_id in names
        ]


def _orphaned(schedule: Schedule) -> NotFound:
    return NotFound(f"the {schedule.object_type} that schedule '{schedule.name}' is for was deleted")


def _permission(permissions: RequestPermissions, verb: str) -> Permission:
    permission: Permission = getattr(permissions, verb)
    return permission


def _covered(reaches: dict[ObjectType, Reach], schedule: Schedule) -> bool:
    return reaches[schedule.object_type].covers(schedule.object_id)


async def _object(
    work: UnitOfWork, actor: Actor, project_name: str, target: ScheduleTarget, name: str
) -> tuple[Project, ScheduledObject]:
    await project_for(work, actor, project_name, Permission.PROJECTS_GET)
    try:
        return await object_for(work, actor, project_name, target.kind, name, target.permissions.create)
    except NotFound as missing:  # named in the body, not in the path: contract ubiops 5.2
        raise InvalidInput(missing.message, field="object_name") from None


async def _version(
    work: UnitOfWork, target: ScheduleTarget, item: ScheduledObject, name: str | None
) -> ModelVersion | None:
    """The version that a schedule of such an object must name, or must not (contract ubiops 10.28)."""
    if not target.has_versions:
        if name is not None:
            raise InvalidInput(f"a {target.object_type} has no versions: leave version out", field="version")
        return None
    if name is None:
        raise InvalidInput(f"a schedule of a {target.object_type} needs its version", field="version")
    version = await work.of(ModelVersion, in_project(item.project_id)).get(model_id=item.id, name=name)
    if version is None:
        raise InvalidInput(f"there is no version named '{name}' of model '{item.name}'", field="version")
    return version


def _check_timeout(seconds: int) -> int:
    if not LEAST_TIMEOUT_SECONDS <= seconds <= MOST_TIMEOUT_SECONDS:
        raise InvalidInput(
            f"timeout must be from {LEAST_TIMEOUT_SECONDS} to {MOST_TIMEOUT_SECONDS} seconds, not {seconds}",
            field="timeout",
        )
    return seconds


async def _require_free(work: UnitOfWork, project: Project, name: str) -> None:
    if await work.of(Schedule, in_project(project.id)).get(name=name) is not None:
        raise AlreadyExists(f"a schedule named '{name}' exists already in project '{project.name}'", field="name")


def _event(name: EventName, schedule: Schedule, actor: Actor) -> Event:
    return Event(name, schedule.id, (), actor.user_id, schedule.project_id)
