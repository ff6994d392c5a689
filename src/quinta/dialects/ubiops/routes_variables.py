"""Environment variables of projects, models and versions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from quinta.core.models.variables import VariableOwner
from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import EnvironmentVariableList, InheritedEnvironmentVariableList
from quinta.dialects.ubiops.calls import Authenticated, Call
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import EnvironmentVariableCreate, EnvironmentVariableUpdate

router = APIRouter(prefix="/projects/{project_name}", tags=["Environment variables"])

_OF_MODEL = "/models/{model_name}/environment-variables"
_OF_VERSION = "/models/{model_name}/versions/{version}/environment-variables"


def _project(project_name: str) -> VariableOwner:
    return VariableOwner(project_name)


def _model(project_name: str, model_name: str) -> VariableOwner:
    return VariableOwner(project_name, model_name)


def _version(project_name: str, model_name: str, version: str) -> VariableOwner:
    return VariableOwner(project_name, model_name, version)


OfProject = Annotated[VariableOwner, Depends(_project)]
OfModel = Annotated[VariableOwner, Depends(_model)]
OfVersion = Annotated[VariableOwner, Depends(_version)]


@router.post("/environment-variables", status_code=201, openapi_extra=takes(EnvironmentVariableCreate))
async def project_environment_variables_create(call: Authenticated, owner: OfProject) -> EnvironmentVariableList:
    """Sets a variable for everything in the project; models and versions may shadow it."""
    return await _create(call, owner)


@router.get("/environment-variables")
async def project_environment_variables_list(call: Authenticated, owner: OfProject) -> list[EnvironmentVariableList]:
    """The variables of the project, by name."""
    return [convert.variable(view) for view in await call.services.variables.find(call.actor, owner)]


@router.get("/environment-variables/{id}")
async def project_environment_variables_get(call: Authenticated, owner: OfProject, id: str) -> EnvironmentVariableList:
    """One variable; the value of a secret is null."""
    return await _get(call, owner, id)


@router.patch("/environment-variables/{id}", openapi_extra=takes(EnvironmentVariableUpdate))
async def project_environment_variables_update(
    call: Authenticated, owner: OfProject, id: str
) -> EnvironmentVariableList:
    """Changes what is sent; a secret stays one."""
    return await _update(call, owner, id)


@router.delete("/environment-variables/{id}", status_code=204)
async def project_environment_variables_delete(call: Authenticated, owner: OfProject, id: str) -> None:
    """Deletes the variable."""
    await _delete(call, owner, id)


@router.post(_OF_MODEL, status_code=201, openapi_extra=takes(EnvironmentVariableCreate))
async def model_environment_variables_create(call: Authenticated, owner: OfModel) -> EnvironmentVariableList:
    """Sets a variable for all versions of the model; it shadows one of the project."""
    return await _create(call, owner)


@router.get(_OF_MODEL)
async def model_environment_variables_list(
    call: Authenticated, owner: OfModel
) -> list[InheritedEnvironmentVariableList]:
    """The variables of the model and what it inherits, by name."""
    return await _list_inherited(call, owner)


@router.get(_OF_MODEL + "/{id}")
async def model_environment_variables_get(call: Authenticated, owner: OfModel, id: str) -> EnvironmentVariableList:
    """One variable of the model itself; the value of a secret is null."""
    return await _get(call, owner, id)


@router.patch(_OF_MODEL + "/{id}", openapi_extra=takes(EnvironmentVariableUpdate))
async def model_environment_variables_update(call: Authenticated, owner: OfModel, id: str) -> EnvironmentVariableList:
    """Changes what is sent; a secret stays one."""
    return await _update(call, owner, id)


@router.delete(_OF_MODEL + "/{id}", status_code=204)
async def model_environment_variables_delete(call: Authenticated, owner: OfModel, id: str) -> None:
    """Deletes the variable; one of the project with its name shows again."""
    await _delete(call, owner, id)


@router.post(_OF_VERSION, status_code=201, openapi_extra=takes(EnvironmentVariableCreate))
async def model_version_environment_variables_create(call: Authenticated, owner: OfVersion) -> EnvironmentVariableList:
    """Sets a variable for the version; it shadows one of the model or the project."""
    return await _create(call, owner)


@router.get(_OF_VERSION)
async def model_version_environment_variables_list(
    call: Authenticated, owner: OfVersion
) -> list[InheritedEnvironmentVariableList]:
    """The variables of the version and what it inherits, by name: what its code finds."""
    return await _list_inherited(call, owner)


@router.get(_OF_VERSION + "/{id}")
async def model_version_environment_variables_get(
    call: Authenticated, owner: OfVersion, id: str
) -> EnvironmentVariableList:
    """One variable of the version itself; the value of a secret is null."""
    return await _get(call, owner, id)


@router.patch(_OF_VERSION + "/{id}", openapi_extra=takes(EnvironmentVariableUpdate))
async def model_version_environment_variables_update(
    call: Authenticated, owner: OfVersion, id: str
) -> EnvironmentVariableList:
    """Changes what is sent; a secret stays one."""
    return await _update(call, owner, id)


@router.delete(_OF_VERSION + "/{id}", status_code=204)
async def model_version_environment_variables_delete(call: Authenticated, owner: OfVersion, id: str) -> None:
    """Deletes the variable; one of the model or the project with its name shows again."""
    await _delete(call, owner, id)


async def _create(call: Call, owner: VariableOwner) -> EnvironmentVariableList:
    new = convert.new_variable(await call.read(EnvironmentVariableCreate))
    return convert.variable(await call.services.variables.create(call.actor, owner, new))


async def _list_inherited(call: Call, owner: VariableOwner) -> list[InheritedEnvironmentVariableList]:
    return [convert.inherited_variable(view) for view in await call.services.variables.find(call.actor, owner)]


async def _get(call: Call, owner: VariableOwner, given_id: str) -> EnvironmentVariableList:
    return convert.variable(await call.services.variables.get(call.actor, owner, given_id))


async def _update(call: Call, owner: VariableOwner, given_id: str) -> EnvironmentVariableList:
    change = convert.variable_change(await call.read(EnvironmentVariableUpdate))
    return convert.variable(await call.services.variables.update(call.actor, owner, given_id, change))


async def _delete(call: Call, owner: VariableOwner, given_id: str) -> None:
    await call.services.variables.delete(call.actor, owner, given_id)
