"""Blobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from quinta.core.files.blobs import DEFAULT_TTL_SECONDS
from quinta.dialects.base.downloads import file_response
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import BlobList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import FILE_ANSWER, takes_file
from quinta.dialects.ubiops.parameters import Moment, WholeNumber

router = APIRouter(prefix="/projects/{project_name}/blobs", tags=["Blobs"])


@router.post("", status_code=201, openapi_extra=takes_file())
async def blobs_create(
    call: Authenticated,
    project_name: str,
    blob_ttl: Annotated[WholeNumber, Header(description="Seconds the blob is kept.")] = DEFAULT_TTL_SECONDS,
) -> BlobList:
    """Takes a file that requests of the project may name."""
    await call.services.blobs.check_create(call.actor, project_name, blob_ttl)
    async with call.uploaded_file() as file:
        blob = await call.services.blobs.create(
            call.actor, project_name, file.path, file.file_name, file.content_type, blob_ttl
        )
    return convert.blob(blob)


@router.get("")
async def blobs_list(
    call: Authenticated,
    project_name: str,
    count: Annotated[WholeNumber, Query(alias="range", description="How many; into the past when negative.")] = -50,
    creation_date: Annotated[Moment | None, Query(description="Where to start; now when left out.")] = None,
) -> list[BlobList]:
    """The project's blobs, oldest first."""
    return [
        convert.blob(item) for item in await call.services.blobs.find(call.actor, project_name, count, creation_date)
    ]


@router.get("/{blob_id}", response_class=Response, responses=FILE_ANSWER)
async def blobs_get(call: Authenticated, project_name: str, blob_id: str) -> Response:
    """The blob's content."""
    return await file_response(await call.services.blobs.open(call.actor, project_name, blob_id))


@router.delete("/{blob_id}", status_code=204)
async def blobs_delete(call: Authenticated, project_name: str, blob_id: str) -> None:
    """Deletes the blob."""
    await call.services.blobs.delete(call.actor, project_name, blob_id)
