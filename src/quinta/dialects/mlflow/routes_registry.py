"""The registry of models: their names, tags and aliases."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.pages import MOST_ON_PAGE, Page
from quinta.core.tracking.model import ModelStage
from quinta.core.tracking.named_models import RegistryQuery
from quinta.dialects.mlflow.calls import Authenticated, Call, Looking
from quinta.dialects.mlflow.convert import model_version, registered_model
from quinta.dialects.mlflow.members import Members
from quinta.dialects.mlflow.shapes import OBJECTS, TEXT, TEXTS, asked, takes

router = APIRouter(prefix="/api/2.0/mlflow/registered-models", tags=["Registered models"])

_LARGEST_PAGE = 200_000
"""What MLflow's clients may ask for; they get less, and a token for the rest."""


@router.post("/create", openapi_extra=takes("name", name=TEXT, tags=OBJECTS, description=TEXT))
async def registered_model_create(call: Authenticated) -> dict[str, Any]:
    """Makes a name: PROJECT.NAME, or NAME in the caller's own project."""
    members = await call.members()
    made = await call.tracking.names.create(
        call.actor, members.required("name"), members.text("description"), members.pairs("tags")
    )
    return {"registered_model": registered_model(made)}


@router.get("/get", openapi_extra=asked("name"))
async def registered_model_get(call: Authenticated) -> dict[str, Any]:
    """A registered model by its name, with the newest version of each stage."""
    return {
        "registered_model": registered_model(await call.tracking.names.get(call.actor, call.query.required("name")))
    }


@router.get("/search", openapi_extra=asked("filter", "max_results", "order_by", "page_token"))
async def registered_model_search(call: Authenticated) -> dict[str, Any]:
    """The registered models that the caller may read and the filter holds for."""
    query = registry_query(call)
    page = await call.tracking.names.search(call.actor, query)
    return {"registered_models": [registered_model(view) for view in page.items], **more(query, page)}


@router.post("/rename", openapi_extra=takes("name", "new_name", name=TEXT, new_name=TEXT))
async def registered_model_rename(call: Authenticated) -> dict[str, Any]:
    """Names it anew, within its project."""
    members = await call.members()
    changed = await call.tracking.names.change(
        call.actor, members.required("name"), new_name=members.required("new_name")
    )
    return {"registered_model": registered_model(changed)}


@router.patch("/update", openapi_extra=takes("name", name=TEXT, description=TEXT))
async def registered_model_update(call: Authenticated) -> dict[str, Any]:
    """Describes it."""
    members = await call.members()
    changed = await call.tracking.names.change(
        call.actor, members.required("name"), description=members.text("description")
    )
    return {"registered_model": registered_model(changed)}


@router.delete("/delete", openapi_extra=takes("name", name=TEXT))
async def registered_model_delete(call: Authenticated) -> dict[str, Any]:
    """Deletes it with its versions."""
    await call.tracking.names.delete(call.actor, (await call.members()).required("name"))
    return {}


@router.post("/get-latest-versions", openapi_extra=takes("name", name=TEXT, stages=TEXTS))
async def latest_versions_post(call: Looking) -> dict[str, Any]:
    """The newest version of each stage, or of the stages asked for."""
    members = await call.members()
    return await _latest(call, members.required("name"), list(members.texts("stages")))


@router.get("/get-latest-versions", openapi_extra=asked("name", "stages"))
async def latest_versions_get(call: Authenticated) -> dict[str, Any]:
    """The same."""
    return await _latest(call, call.query.required("name"), call.request.query_params.getlist("stages"))


@router.post("/set-tag", openapi_extra=takes("name", "key", name=TEXT, key=TEXT, value=TEXT))
async def registered_model_tag_set(call: Authenticated) -> dict[str, Any]:
    """Sets a tag, in place of what it was."""
    members = await call.members()
    await call.tracking.names.tag(call.actor, members.required("name"), members.required("key"), members.text("value"))
    return {}


@router.delete("/delete-tag", openapi_extra=takes("name", "key", name=TEXT, key=TEXT))
async def registered_model_tag_delete(call: Authenticated) -> dict[str, Any]:
    """Removes a tag."""
    members = await call.members()
    await call.tracking.names.tag(call.actor, members.required("name"), members.required("key"), None)
    return {}


@router.post("/alias", openapi_extra=takes("name", "alias", "version", name=TEXT, alias=TEXT, version=TEXT))
async def alias_set(call: Authenticated) -> dict[str, Any]:
    """Calls a version by another name, which it is taken from where another has it."""
    members = await call.members()
    await call.tracking.names.alias(call.actor, members.required("name"), members.required("alias"), number_in(members))
    return {}


@router.delete("/alias", openapi_extra=takes("name", "alias", name=TEXT, alias=TEXT))
async def alias_delete(call: Authenticated) -> dict[str, Any]:
    """Takes a version's other name away."""
    members = await call.members()
    await call.tracking.names.alias(call.actor, members.required("name"), members.required("alias"), None)
    return {}


@router.get("/alias", openapi_extra=asked("name", "alias"))
async def alias_get(call: Authenticated) -> dict[str, Any]:
    """The version of that other name."""
    query = call.query
    found = await call.tracking.versions.called(call.actor, query.required("name"), query.required("alias"))
    return {"model_version": model_version(found)}


def number_in(members: Members) -> int:
    """Of a version, which clients write as a text."""
    if not members.has("version"):
        raise InvalidInput("'version' is missing", field="version")
    return members.integer("version", 0)


def stage_of(text: str) -> ModelStage:
    """In whichever case."""
    for stage in ModelStage:
        if stage.lower() == text.lower():
            return stage
    raise InvalidInput(f"a stage is one of {', '.join(ModelStage)}", field="stage")


def registry_query(call: Call) -> RegistryQuery:
    """What a search asks for."""
    query = call.query
    limit = query.integer("max_results", 100)
    if not 1 <= limit <= _LARGEST_PAGE:
        raise InvalidInput(f"max_results must be from 1 to {_LARGEST_PAGE}, not {limit}", field="max_results")
    orders = call.request.query_params.getlist("order_by")
    return RegistryQuery(query.text("filter"), orders, min(limit, MOST_ON_PAGE), query.offset())


def more(query: RegistryQuery, page: Page[Any]) -> dict[str, str]:
    """The token for what comes after a page."""
    seen = query.offset + len(page.items)
    return {"next_page_token": str(seen)} if seen < page.total else {}


async def _latest(call: Call, name: str, stages: list[str]) -> dict[str, Any]:
    wanted = {stage_of(stage) for stage in stages} or set(ModelStage)
    view = await call.tracking.names.get(call.actor, name)
    return {"model_versions": [model_version(each) for each in view.newest if each.version.stage in wanted]}
