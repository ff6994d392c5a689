"""Runs: making, reading, ending, deleting, searching."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.tracking.logging import Pair
from quinta.core.tracking.model import RunStatus
from quinta.core.tracking.runs import NewRun
from quinta.core.tracking.search import MOST_FOUND, RunSearchQuery
from quinta.core.unset import UNSET
from quinta.dialects.mlflow.calls import Authenticated, Looking
from quinta.dialects.mlflow.convert import run, run_info
from quinta.dialects.mlflow.members import Members
from quinta.dialects.mlflow.routes_experiments import LARGEST_PAGE
from quinta.dialects.mlflow.shapes import INTEGER, OBJECTS, TEXT, TEXTS, asked, takes

router = APIRouter(prefix="/api/2.0/mlflow/runs", tags=["Runs"])

_STATUSES = {str(number): status for number, status in enumerate(RunStatus, 1)}
"""Their numbers in MLflow's protocol."""


@router.post("/create", openapi_extra=takes(experiment_id=TEXT, start_time=INTEGER, run_name=TEXT, tags=OBJECTS))
async def run_create(call: Authenticated) -> dict[str, Any]:
    """Makes a run that the caller carries out. Experiment 0 is the caller's own default."""
    members = await call.members()
    experiment = await call.tracking.outside.to_log_to(call.actor, members.integer("experiment_id", 0))
    new = NewRun(
        experiment_id=experiment.view.experiment.id,
        name=members.text("run_name") or None,
        started_at=members.moment("start_time"),
        tags=pairs_in(members, "tags"),
    )
    return {"run": run(await call.tracking.runs.create(call.actor, new))}


@router.get("/get", openapi_extra=asked("run_id"))
async def run_get(call: Authenticated) -> dict[str, Any]:
    """A run, with the latest value of each metric."""
    return {"run": run(await call.tracking.runs.get(call.actor, run_id_in(call.query)))}


@router.post("/update", openapi_extra=takes("run_id", run_id=TEXT, status=TEXT, end_time=INTEGER, run_name=TEXT))
async def run_update(call: Authenticated) -> dict[str, Any]:
    """Says how the run goes, or names it anew."""
    members = await call.members()
    changed = await call.tracking.runs.change(
        call.actor,
        run_id_in(members),
        status=_status(members) if members.has("status") else UNSET,
        ended_at=members.moment("end_time") or UNSET,
        name=members.text("run_name") or UNSET,
    )
    return {"run_info": run_info(changed)}


@router.post("/delete", openapi_extra=takes("run_id", run_id=TEXT))
async def run_delete(call: Authenticated) -> dict[str, Any]:
    """Deletes a run; it can be restored."""
    await call.tracking.runs.delete(call.actor, run_id_in(await call.members()))
    return {}


@router.post("/restore", openapi_extra=takes("run_id", run_id=TEXT))
async def run_restore(call: Authenticated) -> dict[str, Any]:
    """Restores a run that was deleted."""
    await call.tracking.runs.restore(call.actor, run_id_in(await call.members()))
    return {}


@router.post(
    "/search",
    openapi_extra=takes(
        experiment_ids=TEXTS, filter=TEXT, run_view_type=TEXT, max_results=INTEGER, order_by=TEXTS, page_token=TEXT
    ),
)
async def run_search(call: Looking) -> dict[str, Any]:
    """The runs that the filter holds for, as far as the caller is shown what it is about."""
    members = await call.members()
    limit, offset = members.integer("max_results", MOST_FOUND), members.offset()
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput(f"max_results must be from 1 to {LARGEST_PAGE}, not {limit}", field="max_results")
    numbers = [await _number(call, number) for number in members.numbers("experiment_ids")]
    query = RunSearchQuery(
        experiments=numbers,
        filter=members.text("filter"),
        orders=members.texts("order_by"),
        stage=members.stage("run_view_type"),
        limit=min(limit, MOST_FOUND),
        offset=offset,
    )
    found = await call.tracking.search.search(call.actor, query)
    token = {"next_page_token": str(offset + len(found.runs))} if found.more else {}
    return {"runs": [run(view) for view in found.runs], **token}


def run_id_in(members: Members) -> str:
    """Older clients say run_uuid."""
    return members.required("run_id", "run_uuid")


def pairs_in(members: Members, name: str) -> list[Pair]:
    """Parameters or tags."""
    return [Pair(item.required("key"), item.text("value")) for item in members.objects(name)]


async def _number(call: Looking, number: int) -> int:
    """The number that the caller means by its own default's."""
    if number:
        return number
    return (await call.tracking.outside.get(call.actor, number)).view.experiment.number


def _status(members: Members) -> RunStatus:
    text = members.text("status")
    if text in _STATUSES:
        return _STATUSES[text]
    if text not in RunStatus.__members__:
        raise InvalidInput(f"status must be one of {', '.join(RunStatus)}", field="status")
    return RunStatus(text)
