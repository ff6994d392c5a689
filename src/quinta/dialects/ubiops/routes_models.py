"""Models."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.dialects.ubiops import convert
from quinta.dialects.ubiops.answers import ModelList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import ModelCreate, ModelUpdate

router = APIRouter(prefix="/projects/{project_name}/models", tags=["Models"])


@router.post("", status_code=201, openapi_extra=takes(ModelCreate))
async def models_create(call: Authenticated, project_name: str) -> ModelList:
    """Makes a model: what goes in and what comes out."""
    new = convert.new_model(await call.read(ModelCreate))
    return convert.model(await call.services.models.create(call.actor, project_name, new))


@router.get("")
async def models_list(call: Authenticated, project_name: str) -> list[ModelList]:
    """The models of the project."""
    return [convert.model(view) for view in await call.services.models.find(call.actor, project_name)]


@router.get("/{model_name}")
async def models_get(call: Authenticated, project_name: str, model_name: str) -> ModelList:
    """One model."""
    return convert.model(await call.services.models.get(call.actor, project_name, model_name))


@router.patch("/{model_name}", openapi_extra=takes(ModelUpdate))
async def models_update(call: Authenticated, project_name: str, model_name: str) -> ModelList:
    """Changes name and description; types and fields are fixed."""
    change = convert.model_change(await call.read(ModelUpdate))
    return convert.model(await call.services.models.update(call.actor, project_name, model_name, change))


@router.delete("/{model_name}", status_code=204)
async def models_delete(call: Authenticated, project_name: str, model_name: str) -> None:
    """Deletes the model with its versions."""
    await call.services.models.delete(call.actor, project_name, model_name)
