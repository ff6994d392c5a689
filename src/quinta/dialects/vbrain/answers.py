"""Answers that several routes give."""

from __future__ import annotations

import json
from collections.abc import Awaitable

from starlette.responses import Response

from quinta.core.errors import NotFound
from quinta.core.jobs.model import Job, JobStatus
from quinta.core.models.packages import Download
from quinta.dialects.base.downloads import file_response
from quinta.dialects.vbrain.errors import error_body


def json_answer(text: str, status: int = 200) -> Response:
    return Response(text, status, media_type="application/json")


def message(text: str, status: int = 200, **members: str) -> Response:
    return json_answer(json.dumps({"message": text, **members}), status)


async def zip_answer(download: Awaitable[Download], field: str) -> Response:
    """Streams a zip. NotFound about ``field`` when its file is gone: a deletion removes files first, then rows."""
    try:
        return await file_response(await download)
    except NotFound as missing:
        raise NotFound(missing.message, field=missing.field or field) from None


def unless_finished(job: Job) -> Response | None:
    """The answer where a job's result or output is asked for and it has none (contract vbrain 5); None: it has."""
    if not job.status.ended:
        return message("Job not yet finished", 202)
    if job.status is JobStatus.FAILED:
        return Response(error_body("Job failed"), 500, media_type="application/json")
    return None
