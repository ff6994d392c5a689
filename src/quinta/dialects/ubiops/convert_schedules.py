"""Schedules: from bodies to the core's types and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from quinta.core.access.roles import ObjectType
from quinta.core.schedules.schedules import NewSchedule, ScheduleChange, ScheduleView
from quinta.dialects.ubiops import shapes
from quinta.dialects.ubiops.dates import microseconds

_MEMBERS = {"schedule": "crontab", "request_data": "data", "timeout": "timeout_seconds"}


def new_schedule(body: shapes.ScheduleCreate) -> NewSchedule:
    return NewSchedule(**{**_values(body), "object_type": ObjectType(body.object_type)})


def schedule_change(body: shapes.ScheduleUpdate) -> ScheduleChange:
    return ScheduleChange(**_values(body))


def schedule_text(view: ScheduleView) -> str:
    """ScheduleList as JSON text; the data is spliced in as it is stored (as in convert.request_text)."""
    item = view.schedule
    members = {
        "id": item.id,
        "name": item.name,
        "object_type": item.object_type,
        "object_name": view.object_name,
        "version": view.version,
        "schedule": item.crontab,
        "batch": item.batch,
        "timeout": item.timeout_seconds,
        "enabled": item.enabled,
        "creation_date": microseconds(item.created_at),
    }
    return f'{json.dumps(members)[:-1]}, "request_data": {item.data}}}'


def schedules_text(views: Iterable[ScheduleView]) -> str:
    return f"[{', '.join(map(schedule_text, views))}]"


def _values(body: shapes.ScheduleUpdate) -> dict[str, Any]:
    """The members that were sent, under the core's names."""
    return {_MEMBERS.get(name, name): getattr(body, name) for name in body.model_fields_set}
