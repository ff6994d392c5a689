"""Runs: what jobs, and outside clients, log to (contract dq0 4.2, 5.7)."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter

from quinta.core.commits.entry_points import arguments_of
from quinta.core.commits.job_views import JobView
from quinta.core.pages import MOST_ON_PAGE, Paging
from quinta.core.tracking.model import RunMetric
from quinta.core.tracking.runs import RunQuery
from quinta.core.tracking.views import RunView
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated, Call
from quinta.dialects.dq0.convert_runs import run_body
from quinta.dialects.dq0.documentation import INTEGER, TEXT, Schema, asks, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import uuid_asked, uuid_of
from quinta.dialects.dq0.surroundings import around_runs

DEFAULT_ENTRY_POINT = "main"
"""MLflow's own."""
ARGUMENTS: Schema = {"description": "An object of texts; a list of name=value or JSON text of either will do"}
_ORDER = {"run_uuid": "id", "created_at": "created_at", "updated_at": "updated_at", "run_start_time": "started_at"}
_FILTERS: dict[str, Schema] = {"user_id": INTEGER, "project_uuid": TEXT, "commit_uuid": TEXT, "experiment_uuid": TEXT}
_NEW = {"commit_uuid": TEXT, "ml_project_entry_point": TEXT, "args": ARGUMENTS, "experiment_name": TEXT}

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("", name="RunList", openapi_extra=paged(**_FILTERS), response_model_exclude_unset=True)
async def run_list(call: Authenticated) -> shapes.Runs:
    """Runs of the projects that the caller may read, newest first, without what they printed."""
    listing = listing_of(call.query, _ORDER)
    query = RunQuery(
        listing.paging,
        project_id=uuid_asked(call.query, "project_uuid"),
        experiment_id=uuid_asked(call.query, "experiment_uuid"),
        commit_id=uuid_asked(call.query, "commit_uuid"),
        creator_id=await call.user_asked(),
    )
    found = await call.quarantine.tracking.runs.find(call.actor, query)
    jobs = await call.quarantine.jobs.of_runs(call.actor, [view.run.id for view in found.items])
    around = await around_runs(call, found.items)
    items = [run_body(view, jobs.get(view.run.id), around) for view in found.items]
    return shapes.Runs(**listing.body(found, items))


@router.post("", name="RunCreate", openapi_extra=takes({"project_uuid": TEXT, **_NEW}, "project_uuid"))
async def run_create(call: Authenticated) -> shapes.Started:
    """Starts a run of an entry point of a commit, the project's latest where none is said."""
    members = await call.members()
    job = await call.quarantine.jobs.run(
        call.actor,
        uuid_of(members.needed_text("project_uuid"), "project"),
        uuid_of(commit, "commit") if (commit := members.text("commit_uuid")) else "",
        members.text("ml_project_entry_point") or DEFAULT_ENTRY_POINT,
        arguments_of(members.value("args")),
        experiment_name=members.text("experiment_name"),
    )
    return shapes.Started(message=f"run started by job with uuid: {job.number}", job_uuid=job.number)


@router.get("/{run_uuid}", name="RunInfo", response_model_exclude_unset=True)
async def run_info(call: Authenticated, run_uuid: str) -> shapes.Run:
    """One run, with what the caller may see of it."""
    return await _body(call, await call.quarantine.tracking.runs.get(call.actor, uuid_of(run_uuid, "run")))


@router.get(
    "/{run_uuid}/metric_history",
    name="RunGetMetricHistory",
    openapi_extra=asks(metric_key=TEXT),
    response_model_exclude_unset=True,
)
async def run_metric_history(call: Authenticated, run_uuid: str) -> shapes.Run:
    """The run with every value of one metric, by step."""
    run_id, metric = uuid_of(run_uuid, "run"), call.query.get("metric_key", "").replace("\0", "\ufffd")
    view = await call.quarantine.tracking.runs.get(call.actor, run_id)
    return await _body(call, replace(view, metrics=tuple(await _history(call, run_id, metric))))


@router.delete("/{run_uuid}", name="RunDelete")
async def run_delete(call: Authenticated, run_uuid: str) -> shapes.Message:
    """Deletes a run; it can be restored."""
    await call.quarantine.tracking.runs.delete(call.actor, uuid_of(run_uuid, "run"))
    return shapes.Message(message="successfully deleted run")


@router.post("/{run_uuid}/restore", name="RunRestore")
async def run_restore(call: Authenticated, run_uuid: str) -> shapes.Message:
    """Brings a deleted run back."""
    await call.quarantine.tracking.runs.restore(call.actor, uuid_of(run_uuid, "run"))
    return shapes.Message(message="successfully restored run")


@router.post("/{run_uuid}/approve", response_model_exclude_unset=True)
async def run_approve(call: Authenticated, run_uuid: str) -> shapes.Run:
    """Releases what a run withholds; for who owns all the data that it read. An addition to the reference."""
    run_id = uuid_of(run_uuid, "run")
    await call.quarantine.jobs.approve(call.actor, run_id)
    return await _body(call, await call.quarantine.tracking.runs.get(call.actor, run_id))


async def _body(call: Call, view: RunView) -> shapes.Run:
    job, logs = await _job(call, view)
    return run_body(view, job, await around_runs(call, [view]), logs)


async def _job(call: Call, view: RunView) -> tuple[JobView | None, str]:
    """What made the run, and what that printed."""
    if view.job is None:
        return None, ""
    job = await call.quarantine.jobs.get(call.actor, view.run.id)
    return job, await call.quarantine.jobs.log_of(job)


async def _history(call: Call, run_id: str, metric: str) -> list[RunMetric]:
    found: list[RunMetric] = []
    total = 1
    while len(found) < total:
        page = await call.quarantine.tracking.runs.history(
            call.actor, run_id, metric, Paging(limit=MOST_ON_PAGE, offset=len(found))
        )
        found += page.items
        total = page.total if page.items else 0
    return found
