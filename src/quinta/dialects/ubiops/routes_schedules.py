"""Schedules ("scheduled requests")."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.dialects.ubiops import convert_schedules
from quinta.dialects.ubiops.answers import ScheduleList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import ScheduleCreate, ScheduleUpdate

router = APIRouter(prefix="/projects/{project_name}/schedules", tags=["Schedules"])


@router.post("", status_code=201, response_model=ScheduleList, openapi_extra=takes(ScheduleCreate))
async def scheduled_requests_create(call: Authenticated, project_name: str) -> Response:
    """Makes a schedule; without ``batch`` its requests are batch requests."""
    body = await call.read(ScheduleCreate)
    made = await call.services.schedules.create(call.actor, project_name, convert_schedules.new_schedule(body))
    return _json(convert_schedules.schedule_text(made), 201)


@router.get("", response_model=list[ScheduleList])
async def scheduled_requests_list(call: Authenticated, project_name: str) -> Response:
    """The schedules on whose objects the caller may list requests, by name."""
    found = await call.services.schedules.find(call.actor, project_name)
    return _json(convert_schedules.schedules_text(found))


@router.get("/{schedule_name}", response_model=ScheduleList)
async def scheduled_requests_get(call: Authenticated, project_name: str, schedule_name: str) -> Response:
    """One schedule."""
    found = await call.services.schedules.get(call.actor, project_name, schedule_name)
    return _json(convert_schedules.schedule_text(found))


@router.patch("/{schedule_name}", response_model=ScheduleList, openapi_extra=takes(ScheduleUpdate))
async def scheduled_requests_update(call: Authenticated, project_name: str, schedule_name: str) -> Response:
    """Changes what is given; what the schedule is for stays."""
    change = convert_schedules.schedule_change(await call.read(ScheduleUpdate))
    changed = await call.services.schedules.update(call.actor, project_name, schedule_name, change)
    return _json(convert_schedules.schedule_text(changed))


@router.delete("/{schedule_name}", status_code=204)
async def scheduled_requests_delete(call: Authenticated, project_name: str, schedule_name: str) -> None:
    """Deletes the schedule; requests that it made stay."""
    await call.services.schedules.delete(call.actor, project_name, schedule_name)


def _json(text: str, status: int = 200) -> Response:
    return Response(text, status, media_type="application/json")
