"""What runs log: metrics, parameters, tags."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.pages import MOST_ON_PAGE, Paging
from quinta.core.tracking.logging import Batch, MetricValue, Pair
from quinta.core.tracking.model import RunMetric
from quinta.dialects.mlflow.calls import Authenticated, Call
from quinta.dialects.mlflow.convert import metric
from quinta.dialects.mlflow.members import Members
from quinta.dialects.mlflow.routes_runs import pairs_in, run_id_in
from quinta.dialects.mlflow.shapes import INTEGER, NUMBER, OBJECTS, TEXT, asked, takes

router = APIRouter(prefix="/api/2.0/mlflow", tags=["Logging"])

_MOST_HISTORY = 25_000
"""Values in one answer: what MLflow's own server gives, and its clients ask for."""


@router.post(
    "/runs/log-metric",
    openapi_extra=takes("run_id", "key", run_id=TEXT, key=TEXT, value=NUMBER, timestamp=INTEGER, step=INTEGER),
)
async def metric_log(call: Authenticated) -> dict[str, Any]:
    """Logs one value of a metric."""
    members = await call.members()
    return await _log(call, members, Batch(metrics=[_metric(members)]))


@router.post("/runs/log-parameter", openapi_extra=takes("run_id", "key", run_id=TEXT, key=TEXT, value=TEXT))
async def parameter_log(call: Authenticated) -> dict[str, Any]:
    """Logs a parameter, which is written once."""
    members = await call.members()
    return await _log(call, members, Batch(params=[Pair(members.required("key"), members.text("value"))]))


@router.post("/runs/set-tag", openapi_extra=takes("run_id", "key", run_id=TEXT, key=TEXT, value=TEXT))
async def tag_set(call: Authenticated) -> dict[str, Any]:
    """Sets a tag, in place of what it was."""
    members = await call.members()
    return await _log(call, members, Batch(tags=[Pair(members.required("key"), members.text("value"))]))


@router.post("/runs/delete-tag", openapi_extra=takes("run_id", "key", run_id=TEXT, key=TEXT))
async def tag_delete(call: Authenticated) -> dict[str, Any]:
    """Removes a tag."""
    members = await call.members()
    await call.tracking.logging.remove_tag(call.actor, run_id_in(members), members.required("key"))
    return {}


@router.post(
    "/runs/log-batch", openapi_extra=takes("run_id", run_id=TEXT, metrics=OBJECTS, params=OBJECTS, tags=OBJECTS)
)
async def batch_log(call: Authenticated) -> dict[str, Any]:
    """Logs many things, all of them or none."""
    members = await call.members()
    metrics = [_metric(item) for item in members.objects("metrics")]
    return await _log(call, members, Batch(metrics, pairs_in(members, "params"), pairs_in(members, "tags")))


@router.get("/metrics/get-history", openapi_extra=asked("run_id", "metric_key", "max_results", "page_token"))
async def metric_history(call: Authenticated) -> dict[str, Any]:
    """All values of a metric that the caller is shown, by step, then time."""
    query = call.query
    run_id, key, offset = run_id_in(query), query.required("metric_key"), query.offset()
    wanted = query.integer("max_results", _MOST_HISTORY)
    if wanted < 1:
        raise InvalidInput("max_results must be at least 1", field="max_results")
    found: list[RunMetric] = []
    total = offset + 1
    while len(found) < min(wanted, _MOST_HISTORY) and offset + len(found) < total:
        limit = min(wanted - len(found), MOST_ON_PAGE)
        page = await call.tracking.runs.history(call.actor, run_id, key, Paging(limit, offset + len(found)))
        found += page.items
        total = page.total
    seen = offset + len(found)
    return {"metrics": [metric(item) for item in found], **({"next_page_token": str(seen)} if seen < total else {})}


async def _log(call: Call, members: Members, batch: Batch) -> dict[str, Any]:
    await call.tracking.logging.log(call.actor, run_id_in(members), batch)
    return {}


def _metric(members: Members) -> MetricValue:
    return MetricValue(
        members.required("key"), members.number("value"), members.integer("timestamp", 0), members.integer("step", 0)
    )
