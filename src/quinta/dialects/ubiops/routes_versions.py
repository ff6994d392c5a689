"""Versions of a model, and their packages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.dialects.base.downloads import file_response
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import ModelVersionList, Success
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import FILE_ANSWER, takes, takes_file
from quinta.dialects.ubiops.shapes import ModelVersionCreate, ModelVersionUpdate

router = APIRouter(prefix="/projects/{project_name}/models/{model_name}/versions", tags=["Model versions"])


@router.post("", status_code=201, openapi_extra=takes(ModelVersionCreate))
async def model_versions_create(call: Authenticated, project_name: str, model_name: str) -> ModelVersionList:
    """Makes a version; it serves once a package was uploaded and built."""
    new = convert.new_version(await call.read(ModelVersionCreate))
    return convert.version(await call.services.versions.create(call.actor, project_name, model_name, new))


@router.get("")
async def model_versions_list(call: Authenticated, project_name: str, model_name: str) -> list[ModelVersionList]:
    """The versions of the model, oldest first."""
    return [convert.version(view) for view in await call.services.versions.find(call.actor, project_name, model_name)]


@router.get("/{version}")
async def model_versions_get(call: Authenticated, project_name: str, model_name: str, version: str) -> ModelVersionList:
    """One version; ``status`` ends at ``available`` or at a status with ``failed`` in it."""
    return convert.version(await call.services.versions.get(call.actor, project_name, model_name, version))


@router.patch("/{version}", openapi_extra=takes(ModelVersionUpdate))
async def model_versions_update(
    call: Authenticated, project_name: str, model_name: str, version: str
) -> ModelVersionList:
    """Changes what is sent; another language builds the package again."""
    change = convert.version_change(await call.read(ModelVersionUpdate))
    view = await call.services.versions.update(call.actor, project_name, model_name, version, change)
    return convert.version(view)


@router.delete("/{version}", status_code=204)
async def model_versions_delete(call: Authenticated, project_name: str, model_name: str, version: str) -> None:
    """Deletes the version with its requests."""
    await call.services.versions.delete(call.actor, project_name, model_name, version)


@router.put("/{version}/upload", openapi_extra=takes_file())
async def model_versions_file_upload(call: Authenticated, project_name: str, model_name: str, version: str) -> Success:
    """Takes a zip as the version's package and builds it in the background."""
    await call.services.packages.check_upload(call.actor, project_name, model_name, version)
    async with call.uploaded_file() as file:
        await call.services.packages.upload(call.actor, project_name, model_name, version, file.path, file.file_name)
    return Success(success=True)


@router.get("/{version}/download", response_class=Response, responses=FILE_ANSWER)
async def model_versions_file_download(
    call: Authenticated, project_name: str, model_name: str, version: str
) -> Response:
    """The zip as it was uploaded last."""
    return await file_response(await call.services.packages.download(call.actor, project_name, model_name, version))
