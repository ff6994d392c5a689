"""The names that jobs and runs are shown with."""

from __future__ import annotations

from collections.abc import Sequence

from quinta.core.commits.job_views import JobView
from quinta.core.tracking.surroundings import Surroundings
from quinta.core.tracking.views import RunView
from quinta.dialects.dq0.calls import Call


async def around_jobs(call: Call, views: Sequence[JobView]) -> Surroundings:
    jobs = [view.job for view in views]
    return await call.quarantine.overviews.around(
        users=[job.created_by for job in jobs],
        projects=[job.project_id for job in jobs],
        commits=[job.commit_id for job in jobs],
    )


async def around_runs(call: Call, views: Sequence[RunView]) -> Surroundings:
    runs = [view.run for view in views]
    return await call.quarantine.overviews.around(
        users=[run.created_by for run in runs],
        projects=[run.project_id for run in runs],
        commits=[view.job.commit_id for view in views if view.job is not None],
    )
