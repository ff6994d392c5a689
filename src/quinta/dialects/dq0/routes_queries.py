"""Private queries (contract dq0 4.2, 5)."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter

from quinta.core.datasets.epsilon import epsilon_of
from quinta.core.jobs.model import JobStatus
from quinta.core.queries.asked import QueryRequest, datasets_in, limits_in, params_in
from quinta.core.queries.queries import ACCURACY, RESULTS, QueryView
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated, Call
from quinta.dialects.dq0.convert_runs import job_members, run_body
from quinta.dialects.dq0.documentation import FLAG, INTEGER, NUMBER, TEXT, asks, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.members import Members
from quinta.dialects.dq0.references import uuid_asked, uuid_of
from quinta.dialects.dq0.routes_artifacts import text_of
from quinta.dialects.dq0.surroundings import around_jobs, around_runs

_NEW = {
    "query": TEXT,
    "datasets": TEXT,
    "epsilon": NUMBER,
    "tau": NUMBER,
    "private_column": TEXT,
    "permissions": {},
    "params": {},
    "project_uuid": TEXT,
}
_ORDER = {"query_uuid": "id", "created_at": "created_at", "updated_at": "updated_at"}
_EPSILON = 1.0

router = APIRouter(prefix="/queries", tags=["queries"])


@router.get(
    "", name="QueryList", openapi_extra=paged(user_id=INTEGER, project_uuid=TEXT), response_model_exclude_unset=True
)
async def query_list(call: Authenticated) -> shapes.Queries:
    """Queries of the projects that the caller may read, newest first, without their results."""
    listing = listing_of(call.query, _ORDER)
    project_id, user_id = uuid_asked(call.query, "project_uuid"), await call.user_asked()
    found = await call.quarantine.queries.find(call.actor, listing.paging, project_id, user_id)
    around = await around_jobs(call, [view.job for view in found.items])
    items = [shapes.Query.model_construct(**_own(view), **job_members(view.job, around)) for view in found.items]
    return shapes.Queries(**listing.body(found, items))


@router.post("", name="QueryCreate", openapi_extra=takes(_NEW, "query"))
async def query_create(call: Authenticated) -> shapes.QueryStarted:
    """Asks the project's datasets: answered by a job, which is over in a moment."""
    project_id, request = await _asked(call)
    job = await call.quarantine.queries.ask(call.actor, project_id, request)
    return shapes.QueryStarted(
        message=f"query started by job with uuid: {job.number}", job_uuid=job.number, query_uuid=job.number
    )


@router.post("/cost", name="QueryCreate", openapi_extra=takes(_NEW, "query"), operation_id="QueryCost")
async def query_cost(call: Authenticated) -> shapes.QueryCost:
    """What a query would cost, and how noisy it would be, without asking it: an addition to the reference."""
    project_id, request = await _asked(call)
    cost = await call.quarantine.queries.cost(call.actor, project_id, request)
    epsilon = epsilon_of(cost.epsilon)
    return shapes.QueryCost(
        message=f"the query would take epsilon {epsilon:g} of the budget",
        epsilon=epsilon,
        delta=cost.delta,
        tau=cost.tau,
        columns=[
            shapes.QueryColumn(
                name=column.name, mechanism=column.mechanism, epsilon=epsilon_of(column.epsilon), scale=column.scale
            )
            for column in cost.columns
        ],
        notes=list(cost.notes),
    )


@router.get(
    "/{query_uuid}",
    name="QueryInfo",
    openapi_extra=asks(include_run=FLAG, include_result=FLAG),
    response_model_exclude_unset=True,
)
async def query_info(call: Authenticated, query_uuid: str) -> shapes.Query:
    """One query; with ``include_run`` what its run is, with ``include_result`` what it was answered."""
    number = uuid_of(query_uuid, "query")
    view = await call.quarantine.queries.get(call.actor, number)
    members = _own(view)
    if call.flag("include_result"):
        members |= await _results(call, view)
    if call.flag("include_run"):
        run = await call.quarantine.tracking.runs.get(call.actor, number)
        members |= dict(run_body(run, view.job, await around_runs(call, [run])))
        members.pop("predict")
    else:
        members |= job_members(view.job, await around_jobs(call, [view.job]))
    return shapes.Query.model_construct(**members)


@router.post("/{query_uuid}/cancel", name="QueryCancel", openapi_extra=takes({"force": FLAG, "query_uuid": TEXT}))
async def query_cancel(call: Authenticated, query_uuid: str) -> shapes.Message:
    """Stops a query: one that waits costs nothing, one under way what it reserved."""
    number, members = uuid_of(query_uuid, "query"), await call.members()
    await call.quarantine.queries.get(call.actor, number)
    asked = await call.quarantine.jobs.cancel(call.actor, number, force=members.flag("force"))
    text = "successfully cancelled query" if asked else "query has ended, or was cancelled, already"
    return shapes.Message(message=text)


async def _asked(call: Call) -> tuple[str, QueryRequest]:
    """The project that asks, and what (contract dq0 5.3)."""
    members = await call.members()
    statement = members.needed_text("query")
    names = datasets_in(members.value("datasets")) or datasets_in(members.value("datasets_used"), "datasets_used")
    request = QueryRequest(
        statement=statement,
        datasets=names,
        epsilon=_number(members, "epsilon", _EPSILON),
        tau=_number(members, "tau", 0.0),
        private_column=members.text("private_column"),
        limits=limits_in(members.value("permissions")),
        params=params_in(members.value("params")),
    )
    if project := members.text("project_uuid"):
        return uuid_of(project, "project"), request
    return await call.quarantine.queries.project_for(call.actor, names), request


def _number(members: Members, name: str, default: float) -> float:
    return default if members.value(name) is None else members.needed_number(name)


def _own(view: QueryView) -> dict[str, Any]:
    return {
        "query_uuid": view.job.job.number,
        "query_statement": view.statement,
        "query_datasets": dict(view.datasets),
    }


async def _results(call: Call, view: QueryView) -> dict[str, str]:
    """Empty while it is not answered. Who manages a dataset is told as well what is left of its budget."""
    job = view.job.job
    if job.status is not JobStatus.FINISHED:
        return {"query_result_data": "", "query_result_message": "", "query_accuracy_data": ""}
    left = await call.quarantine.budgets.left(call.actor, list(view.datasets.values()))
    said = [json.loads(job.result or "{}").get("message", "")]
    said += [f"Of the budget of {name} epsilon {epsilon:.12g} is left." for name, epsilon in left.items()]
    artifacts = call.quarantine.tracking.artifacts
    return {
        "query_result_data": await text_of(await artifacts.open(call.actor, job.number, RESULTS)),
        "query_result_message": " ".join(said),
        "query_accuracy_data": await text_of(await artifacts.open(call.actor, job.number, ACCURACY)),
    }
