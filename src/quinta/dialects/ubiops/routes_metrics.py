"""Metrics and usage (contract ubiops 9.3, 9.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from quinta.core.errors import InvalidInput
from quinta.core.observation.intervals import Interval
from quinta.core.observation.metrics import MetricQuery
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import Metrics, UsagePerDay, UsagePerMonth
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.parameters import Moment, Month
from quinta.kit.ids import parse_id

router = APIRouter(tags=["Metrics and usage"])

FirstMonth = Annotated[Month | None, Query(description="YYYY-MM; a year ago when left out.")]


@router.get("/projects/{project_name}/metrics/{metric}", response_model=list[Metrics])
async def metrics_get(
    call: Authenticated,
    project_name: str,
    metric: str,
    start_time: Annotated[
        Moment, Query(description="ISO 8601, UTC where no zone is given; the bucket it is in counts.")
    ],
    end_time: Annotated[Moment, Query(description="The last bucket begins before it.")],
    object_type: Annotated[str, Query(description="model_version, pipeline or connector.")],
    interval: Literal["minute", "hour", "day", "month"] = "hour",
    object_id: Annotated[str | None, Query(description="Of one object; else of all of the type together.")] = None,
) -> Response:
    """Values of a metric in buckets of the interval, oldest first, 0 where nothing happened."""
    known = None if object_id is None else parse_id(object_id)
    if known is None and object_id is not None:
        raise InvalidInput(f"object_id must be the id (UUID) of a {object_type[:80]}", field="object_id")
    query = MetricQuery(metric, object_type, start_time, end_time, Interval(interval), known)
    buckets = await call.services.metrics.get(call.actor, project_name, query)
    return Response(convert.metrics_text(buckets), media_type="application/json")


@router.get("/projects/{project_name}/usage")
async def project_usage_get(
    call: Authenticated, project_name: str, start_month: FirstMonth = None
) -> list[UsagePerMonth]:
    """What the project used in each month."""
    found = await call.services.usage.of_project(call.actor, project_name, start_month)
    return [convert.usage_per_month(series) for series in found]


@router.get("/organizations/{organization_name}/usage")
async def organization_usage_get(
    call: Authenticated, organization_name: str, start_month: FirstMonth = None
) -> list[UsagePerMonth]:
    """What all projects of the organization used in each month, deleted ones included."""
    found = await call.services.usage.of_organization(call.actor, organization_name, start_month)
    return [convert.usage_per_month(series) for series in found]


@router.get("/organizations/{organization_name}/usage/details")
async def organization_usage_details_get(
    call: Authenticated,
    organization_name: str,
    month: Annotated[Month | None, Query(description="YYYY-MM; the present one when left out.")] = None,
) -> list[UsagePerDay]:
    """What all projects of the organization used on each day of a month."""
    found = await call.services.usage.of_days(call.actor, organization_name, month)
    return [convert.usage_per_day(series) for series in found]
