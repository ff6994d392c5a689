"""From the core's types to bodies: jobs, and the runs that they log to."""

from __future__ import annotations

import json
import math
from typing import Any

from quinta.core.commits.job_views import JobView
from quinta.core.commits.model import DataJob, DataJobKind
from quinta.core.jobs.logs import last_words
from quinta.core.reasons import Reason
from quinta.core.tracking.model import Run, RunMetric, RunStatus
from quinta.core.tracking.surroundings import Surroundings
from quinta.core.tracking.views import RunView
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.convert import milliseconds, seconds

_FINISHED = "finished"
_ERROR = "error"
_MOST_UNFINISHED = 0.99
"""A progress of 1 alone ends the waiting of the SDK (contract dq0 1.10)."""
_OUTSIDE = "mlflow.run"
"""The type of a run that no job made: an outside client's."""
_STATES = {
    RunStatus.SCHEDULED: "created",
    RunStatus.RUNNING: "running",
    RunStatus.FINISHED: _FINISHED,
    RunStatus.FAILED: _ERROR,
    RunStatus.KILLED: _ERROR,
}


def job_body(view: JobView, around: Surroundings, logs: str = "") -> shapes.Job:
    return shapes.Job(**job_members(view, around, logs))


def job_members(view: JobView, around: Surroundings, logs: str = "") -> dict[str, Any]:
    """``logs`` is what the job printed, for a job that is shown alone."""
    job, state = view.job, view.state
    number, email = around.user(job.created_by)
    return {
        "job_uuid": job.number,
        "job_name": job.entry_point or job.kind,
        "job_type": job.kind,
        "job_state": state,
        "job_progress": 1.0 if state == _FINISHED else min(job.progress / 100, _MOST_UNFINISHED),
        "job_params": job.params,
        "job_results": job.result or "",
        "job_errors": _why(job, logs) if state == _ERROR else "",
        "job_logs": logs,
        "commit_uuid": job.commit_id or "",
        "commit_name": around.commit(job.commit_id),
        "project_uuid": job.project_id,
        "project_name": around.project(job.project_id),
        "user_id": number,
        "user_name": email,
        "created_at": seconds(job.created_at),
        "updated_at": seconds(job.updated_at),
    }


def _why(job: DataJob, logs: str) -> str:
    """With the last line of a command that failed: the SDK shows nothing else of its log (contract dq0 3.8)."""
    text = job.error_message or "the job failed"
    words = last_words(logs) if job.reason == Reason.MODEL_ERROR else ""
    return f"{text}: {words}" if words else text


def run_body(view: RunView, job: JobView | None, around: Surroundings, logs: str = "") -> shapes.Run:
    """``job`` is what made the run, None for one of an outside client. A job of predictions has the list of them as
    ``predict``, where older programs look for them (contract dq0 3.7)."""
    run = view.run
    members = _without_job(run, around) if job is None else job_members(job, around, logs)
    if job is not None and job.job.kind is DataJobKind.PREDICT and job.job.result:
        members["predict"] = json.loads(job.job.result).get("predictions", [])
    return shapes.Run(
        **members,
        experiment_uuid=view.experiment.id,
        experiment_name=view.experiment.name,
        run_uuid=run.id,
        run_status=run.status,
        run_stage=run.stage,
        run_start_time=milliseconds(run.started_at),
        run_end_time=milliseconds(run.ended_at),
        run_metrics=[metric_body(metric) for metric in view.metrics],
        run_params=[shapes.RunPair(key=param.key, value=param.value) for param in view.params],
        run_tags=[shapes.RunPair(key=tag.key, value=tag.value) for tag in view.tags],
    )


def metric_body(metric: RunMetric) -> shapes.RunMetric:
    """What JSON has no number for is a text: ``nan``, ``inf``, ``-inf``."""
    value = float(metric.value)
    return shapes.RunMetric(
        key=metric.key,
        value=value if math.isfinite(value) else metric.value,
        step=str(metric.step),
        timestamp=str(metric.timestamp),
    )


def _without_job(run: Run, around: Surroundings) -> dict[str, Any]:
    """The members of a job, of a run that none made."""
    state = _STATES[run.status]
    number, email = around.user(run.created_by)
    return {
        "job_uuid": run.id,
        "job_name": run.name,
        "job_type": _OUTSIDE,
        "job_state": state,
        "job_progress": 1.0 if state == _FINISHED else 0.0,
        "job_params": "{}",
        "job_results": "",
        "job_errors": f"the run was ended as {run.status}" if state == _ERROR else "",
        "job_logs": "",
        "commit_uuid": "",
        "commit_name": "",
        "project_uuid": run.project_id,
        "project_name": around.project(run.project_id),
        "user_id": number,
        "user_name": email,
        "created_at": seconds(run.created_at),
        "updated_at": seconds(run.updated_at),
    }
