"""Experiments."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.pages import MOST_ON_PAGE
from quinta.core.tracking.outside import OutsideQuery
from quinta.dialects.mlflow.calls import Authenticated, Looking
from quinta.dialects.mlflow.convert import experiment
from quinta.dialects.mlflow.shapes import INTEGER, OBJECTS, TEXT, TEXTS, asked, takes

router = APIRouter(prefix="/api/2.0/mlflow/experiments", tags=["Experiments"])

LARGEST_PAGE = 50_000
"""What MLflow's clients may ask for; they get less, and a token for the rest."""


@router.post("/create", openapi_extra=takes("name", name=TEXT, artifact_location=TEXT, tags=OBJECTS))
async def experiment_create(call: Authenticated) -> dict[str, Any]:
    """Makes an experiment: PROJECT/NAME, or NAME in the caller's own project."""
    members = await call.members()
    if members.text("artifact_location") or members.objects("tags"):
        raise InvalidInput("an experiment has no tags here, and its artifacts are kept by this server", field="tags")
    made = await call.tracking.outside.create(call.actor, members.required("name"))
    return {"experiment_id": str(made.view.experiment.number)}


@router.get("/get", openapi_extra=asked("experiment_id"))
async def experiment_get(call: Authenticated) -> dict[str, Any]:
    """An experiment by its id; 0 is the caller's own default."""
    call.query.required("experiment_id")
    return {
        "experiment": experiment(await call.tracking.outside.get(call.actor, call.query.integer("experiment_id", 0)))
    }


@router.get("/get-by-name", openapi_extra=asked("experiment_name"))
async def experiment_get_by_name(call: Authenticated) -> dict[str, Any]:
    """An experiment by its name."""
    return {
        "experiment": experiment(await call.tracking.outside.named(call.actor, call.query.required("experiment_name")))
    }


@router.post("/update", openapi_extra=takes("experiment_id", experiment_id=TEXT, new_name=TEXT))
async def experiment_update(call: Authenticated) -> dict[str, Any]:
    """Renames an experiment within its project."""
    members = await call.members()
    members.required("experiment_id")
    number = members.integer("experiment_id", 0)
    await call.tracking.outside.rename(call.actor, number, members.required("new_name"))
    return {}


@router.post("/delete", openapi_extra=takes("experiment_id", experiment_id=TEXT))
async def experiment_delete(call: Authenticated) -> dict[str, Any]:
    """Deletes an experiment; it can be restored."""
    await call.tracking.experiments.delete(call.actor, await _row_id(call))
    return {}


@router.post("/restore", openapi_extra=takes("experiment_id", experiment_id=TEXT))
async def experiment_restore(call: Authenticated) -> dict[str, Any]:
    """Restores an experiment that was deleted."""
    await call.tracking.experiments.restore(call.actor, await _row_id(call))
    return {}


@router.post(
    "/search",
    openapi_extra=takes(max_results=INTEGER, page_token=TEXT, filter=TEXT, order_by=TEXTS, view_type=TEXT),
)
async def experiment_search(call: Looking) -> dict[str, Any]:
    """The experiments that the caller may read and the filter holds for."""
    members = await call.members()
    limit, offset = members.integer("max_results", MOST_ON_PAGE), members.offset()
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput(f"max_results must be from 1 to {LARGEST_PAGE}, not {limit}", field="max_results")
    query = OutsideQuery(
        filter=members.text("filter"),
        orders=members.texts("order_by"),
        stage=members.stage("view_type"),
        limit=min(limit, MOST_ON_PAGE),
        offset=offset,
    )
    page = await call.tracking.outside.search(call.actor, query)
    seen = offset + len(page.items)
    token = {"next_page_token": str(seen)} if seen < page.total else {}
    return {"experiments": [experiment(item) for item in page.items], **token}


async def _row_id(call: Authenticated) -> str:
    members = await call.members()
    members.required("experiment_id")
    found = await call.tracking.outside.get(call.actor, members.integer("experiment_id", 0))
    return found.view.experiment.id
