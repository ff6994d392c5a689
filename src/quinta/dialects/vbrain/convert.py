"""From the core's types to bodies. What is kept as JSON text goes into them as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from quinta.core.files.repositories import RepositoryView
from quinta.core.jobs.jobs import JobView
from quinta.core.jobs.model import Job
from quinta.core.requests.reading import Reader
from quinta.dialects.vbrain.dates import seconds

_EMPTY = "{}"


def list_text(numbers: Sequence[str]) -> str:
    return _text(numbers)


def params_text(params: str | None) -> str:
    """The body of ``…/params``: the object itself (contract vbrain 4.3)."""
    return params or _EMPTY


async def repository_text(view: RepositoryView, reader: Reader, zone: tzinfo) -> str:
    """Contract vbrain 4.2."""
    item = view.repository
    return _object(
        repository_id=_text(item.number),
        name=await _name(item.metadata, reader),
        input=_text([file.path for file in item.files]),
        created_on=_text(seconds(item.created_at, zone)),
        created_by=_text(item.created_by),
        params=_text(_has_params(item.params)),
        jobs=_text(view.jobs),
        metadata=item.metadata,
    )


async def job_text(view: JobView, reader: Reader, zone: tzinfo) -> str:
    """Contract vbrain 5.3: the same members whatever the job's state."""
    item = view.job
    return _object(
        job_id=_text(item.number),
        repository_id=_text(view.repository_number),
        job_status=_text(item.status),
        status=_text(item.status),
        name=await _name(item.metadata, reader),
        created_on=_text(seconds(item.created_at, zone)),
        created_by=_text(item.created_by),
        started_on=_moment(item.started_at, zone),
        finished_on=_moment(item.finished_at, zone),
        params=_text(_has_params(item.params)),
        metadata=item.metadata,
        error=_text(item.error_message),
    )


def result_text(job: Job) -> str:
    """Contract vbrain 5.4, of a job that finished."""
    return _object(output=job.result or "null")


def _has_params(params: str | None) -> bool:
    return params_text(params) != _EMPTY


async def _name(metadata: str, reader: Reader) -> str:
    """The JSON text of the member ``name`` where it is a string, else of null."""
    name = (await reader.members(metadata.encode(), ("name",))).get("name", "")
    return name if name.startswith('"') else "null"


def _moment(moment: datetime | None, zone: tzinfo) -> str:
    return _text(None if moment is None else seconds(moment, zone))


def _object(**members: str) -> str:
    """An object of members whose values are JSON texts."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}"


def _text(value: Any) -> str:
    return json.dumps(value)
