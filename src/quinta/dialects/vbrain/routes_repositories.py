"""Repositories (contract vbrain 4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from quinta.core.errors import InvalidInput
from quinta.dialects.vbrain import convert
from quinta.dialects.vbrain.answers import json_answer, message, zip_answer
from quinta.dialects.vbrain.calls import Call, InClient
from quinta.dialects.vbrain.dates import EARLIEST, LATEST, read_minute
from quinta.dialects.vbrain.documentation import NOT_DELETED, ZIP, called
from quinta.dialects.vbrain.errors import deletion_of
from quinta.dialects.vbrain.shapes import Message, RepositoryCreated, RepositoryInfo

router = APIRouter(prefix="/repository", tags=["Repositories"])
_Minute = Annotated[str | None, Query(description="AAAAMMDDHHMM; its whole minute is within.")]


@router.get("", response_model=list[str], openapi_extra=called())
async def repositories_list(
    call: InClient,
    from_date: _Minute = None,
    to_date: _Minute = None,
    from_colon: Annotated[str | None, Query(alias="from:date", include_in_schema=False)] = None,
    to_colon: Annotated[str | None, Query(alias="to:date", include_in_schema=False)] = None,
) -> Response:
    """The client's repositories, newest first."""
    first = from_colon if from_date is None else from_date
    last = to_colon if to_date is None else to_date
    try:
        earliest = None if first is None else read_minute(first, call.zone, "from_date", fold=0)
        latest = None if last is None else read_minute(last, call.zone, "to_date", fold=1)
    except InvalidInput:
        await _check_reading(call)
        raise
    return json_answer(
        convert.list_text(await call.services.repositories.find(call.actor, call.client, earliest, latest))
    )


@router.post("", status_code=201, response_model=RepositoryCreated, openapi_extra=called(submits=True))
async def repositories_create(call: InClient) -> Response:
    """Makes a repository of a file, params and metadata, each optional."""
    repositories = call.services.repositories
    await repositories.check_create(call.actor, call.client)
    async with call.submission() as given:
        made = await repositories.create(
            call.actor,
            call.client,
            params=given.params,
            metadata=given.metadata,
            upload=given.upload,
            file_name=given.file_name,
        )
    return message("Repository created successfully", 201, repository_id=made.number)


@router.get("/{repository_id}", response_model=RepositoryInfo, openapi_extra=called())
async def repositories_get(call: InClient, repository_id: str) -> Response:
    """One repository with the ids of its jobs, newest first."""
    view = await call.services.repositories.get(call.actor, call.client, repository_id)
    return json_answer(await convert.repository_text(view, call.services.reader, call.zone))


@router.get("/{repository_id}/input", response_class=Response, responses=ZIP, openapi_extra=called())
async def repositories_input(call: InClient, repository_id: str) -> Response:
    """The repository's input files."""
    return await zip_answer(call.services.repositories.input(call.actor, call.client, repository_id), "repository_id")


@router.get("/{repository_id}/params", response_model=dict[str, Any], openapi_extra=called())
async def repositories_params(call: InClient, repository_id: str) -> Response:
    """The params that all the repository's jobs have in common."""
    view = await call.services.repositories.get(call.actor, call.client, repository_id)
    return json_answer(convert.params_text(view.repository.params))


@router.delete("/{repository_id}", response_model=Message, responses=NOT_DELETED, openapi_extra=called())
async def repositories_delete(call: InClient, repository_id: str) -> Response:
    """Deletes the repository and all its jobs; those that run are stopped."""
    async with deletion_of("repository"):
        await call.services.repositories.delete(call.actor, call.client, repository_id)
    return message("Repository and jobs deleted")


async def _check_reading(call: Call) -> None:
    """Raises what reading the list would raise: where the caller may not read, that is told before a wrong date."""
    await call.services.repositories.find(call.actor, call.client, LATEST, EARLIEST)
