"""Jobs (contract dq0 4.2)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.commits.jobs import JobQuery
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert_runs import job_body
from quinta.dialects.dq0.documentation import FLAG, INTEGER, TEXT, Schema, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import uuid_asked, uuid_of
from quinta.dialects.dq0.surroundings import around_jobs

_ORDER = {"job_uuid": "id", "job_type": "kind", "created_at": "created_at", "updated_at": "updated_at"}
_FILTERS: dict[str, Schema] = {
    "user_id": INTEGER,
    "project_uuid": TEXT,
    "commit_uuid": TEXT,
    "job_type": TEXT,
    "job_params": TEXT,
}
_CANCEL = takes({"force": FLAG, "job_uuid": TEXT})

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("", name="JobList", openapi_extra=paged(**_FILTERS))
async def job_list(call: Authenticated) -> shapes.Jobs:
    """Jobs of the projects that the caller may read, newest first, without what they printed."""
    listing = listing_of(call.query, _ORDER)
    query = JobQuery(
        listing.paging,
        project_id=uuid_asked(call.query, "project_uuid"),
        commit_id=uuid_asked(call.query, "commit_uuid"),
        user_id=await call.user_asked(),
        kind=call.query.get("job_type") or None,
        params=call.query.get("job_params", "").replace("\0", "\ufffd"),
    )
    found = await call.quarantine.jobs.find(call.actor, query)
    around = await around_jobs(call, found.items)
    return shapes.Jobs(**listing.body(found, [job_body(view, around) for view in found.items]))


@router.get("/{job_uuid}", name="JobInfo")
async def job_info(call: Authenticated, job_uuid: str) -> shapes.Job:
    """One job, with what it printed where the caller may see that."""
    view = await call.quarantine.jobs.get(call.actor, uuid_of(job_uuid, "job"))
    logs = await call.quarantine.jobs.log_of(view)
    return job_body(view, await around_jobs(call, [view]), logs)


@router.post("/{job_uuid}/cancel", name="JobCancel", openapi_extra=_CANCEL)
@router.post("/{job_uuid}/delete", name="JobCancel", include_in_schema=False)
async def job_cancel(call: Authenticated, job_uuid: str) -> shapes.Message:
    """Asks a job to stop, with ``force`` at once."""
    number, members = uuid_of(job_uuid, "job"), await call.members()
    asked = await call.quarantine.jobs.cancel(call.actor, number, force=members.flag("force"))
    return shapes.Message(message="successfully cancelled job" if asked else "job has ended, or was cancelled, already")
