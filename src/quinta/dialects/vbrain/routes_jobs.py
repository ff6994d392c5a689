"""Executions of applications: jobs (contract vbrain 5)."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.errors import NotFound, Unavailable
from quinta.core.jobs.jobs import JobView
from quinta.dialects.vbrain import convert
from quinta.dialects.vbrain.answers import json_answer, message, unless_finished, zip_answer
from quinta.dialects.vbrain.auth import REPOSITORY_HEADER
from quinta.dialects.vbrain.calls import Call, InClient, InRepository
from quinta.dialects.vbrain.documentation import NOT_DELETED, NOT_FINISHED, ZIP, called
from quinta.dialects.vbrain.errors import deletion_of
from quinta.dialects.vbrain.shapes import JobCreated, JobInfo, JobResult, Message

router = APIRouter(prefix="/job", tags=["Jobs"])
_ID = "job_id"
_PAUSES_SECONDS = (0.25, 0.5, 1.0, 2.0)


@router.get("", response_model=list[str], openapi_extra=called(repository=True))
async def jobs_list(call: InRepository) -> Response:
    """The repository's jobs, newest first."""
    return json_answer(convert.list_text(await call.services.jobs.find(call.actor, call.client, call.repository)))


@router.post(
    "/execute", status_code=201, response_model=JobCreated, openapi_extra=called(repository=True, submits=True)
)
async def jobs_create(call: InRepository) -> Response:
    """Queues a run of the application on the repository's inputs, with a file, params and metadata of its own."""
    missing = await _missing_repository(call)
    async with call.submission() as given:
        if missing is not None:
            raise missing
        made = await call.services.jobs.create(
            call.actor,
            call.client,
            call.repository,
            params=given.params,
            metadata=given.metadata,
            upload=given.upload,
            file_name=given.file_name,
        )
    return message("Job created", 201, job_id=made.number)


@router.get("/{job_id}", response_model=JobInfo, responses={202: {"model": JobInfo}}, openapi_extra=called())
async def jobs_get(call: InClient, job_id: str) -> Response:
    """One job: 202 until it has ended."""
    view = await _patiently(call, job_id)
    status = 200 if view.job.status.ended else 202
    return json_answer(await convert.job_text(view, call.services.reader, call.zone), status)


@router.get("/{job_id}/result", response_model=JobResult, responses=NOT_FINISHED, openapi_extra=called())
async def jobs_result(call: InClient, job_id: str) -> Response:
    """What the application returned."""
    job = (await call.services.jobs.get(call.actor, call.client, job_id)).job
    return unless_finished(job) or json_answer(convert.result_text(job))


@router.get("/{job_id}/params", response_model=dict[str, Any], openapi_extra=called())
async def jobs_params(call: InClient, job_id: str) -> Response:
    """The params that the application was given: the repository's, overlaid by the job's own."""
    view = await call.services.jobs.get(call.actor, call.client, job_id)
    return json_answer(convert.params_text(view.job.params))


@router.get("/{job_id}/output", response_class=Response, responses={**ZIP, **NOT_FINISHED}, openapi_extra=called())
async def jobs_output(call: InClient, job_id: str) -> Response:
    """The files that the application wrote."""
    job = (await call.services.jobs.get(call.actor, call.client, job_id)).job
    output = call.services.jobs.output
    return unless_finished(job) or await zip_answer(output(call.actor, call.client, job_id), _ID)


@router.get("/{job_id}/logs", response_class=Response, responses=ZIP, openapi_extra=called())
async def jobs_logs(call: InClient, job_id: str) -> Response:
    """The job's logs, in whatever state it is."""
    return await zip_answer(call.services.jobs.logs(call.actor, call.client, job_id), _ID)


@router.delete("/{job_id}", response_model=Message, responses=NOT_DELETED, openapi_extra=called())
async def jobs_delete(call: InClient, job_id: str) -> Response:
    """Deletes the job; one that runs is stopped."""
    async with deletion_of("job"):
        await call.services.jobs.delete(call.actor, call.client, job_id)
    return message("Jobs deleted")


async def _missing_repository(call: Call) -> NotFound | None:
    """Raises what forbids the job before its body is received, but a repository that is not there: what is wrong with
    the body is told first (contract vbrain 2)."""
    try:
        await call.services.jobs.check_create(call.actor, call.client, call.repository)
    except NotFound as error:
        if error.field != REPOSITORY_HEADER:
            raise
        return error
    return None


async def _patiently(call: Call, job_id: str) -> JobView:
    """The job, asked for again while the database is busy: clients take everything but 200 for a job that runs, and
    break on an answer that does not say how it is (contract vbrain 6)."""
    for pause in _PAUSES_SECONDS:
        try:
            return await call.services.jobs.get(call.actor, call.client, job_id)
        except Unavailable:
            await asyncio.sleep(pause)
    return await call.services.jobs.get(call.actor, call.client, job_id)
