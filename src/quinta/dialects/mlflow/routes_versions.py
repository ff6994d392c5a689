"""Versions of registered models."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.dialects.mlflow.calls import Authenticated
from quinta.dialects.mlflow.convert import model_source, model_version
from quinta.dialects.mlflow.members import Members
from quinta.dialects.mlflow.routes_registry import more, number_in, registry_query, stage_of
from quinta.dialects.mlflow.shapes import FLAG, OBJECTS, TEXT, asked, takes

router = APIRouter(prefix="/api/2.0/mlflow/model-versions", tags=["Model versions"])

_SOURCE = re.compile(r"runs:/(?P<run>[^/]+)/(?P<path>.+)|mlflow-artifacts:/[0-9]+/(?P<its>[^/]+)/artifacts/(?P<own>.+)")


@router.post(
    "/create",
    openapi_extra=takes("name", "source", name=TEXT, source=TEXT, run_id=TEXT, tags=OBJECTS, description=TEXT),
)
async def version_create(call: Authenticated) -> dict[str, Any]:
    """Registers a folder of a run's artifacts as the next version of a name. One that was trained privately is checked
    at once."""
    members = await call.members()
    run_id, path = _place(members)
    made = await call.tracking.versions.add(
        call.actor,
        members.required("name"),
        run_id,
        path,
        description=members.text("description"),
        tags=members.pairs("tags"),
    )
    await call.model_jobs.check_new(call.actor, made.model.model)
    return {"model_version": model_version(made)}


@router.get("/get", openapi_extra=asked("name", "version"))
async def version_get(call: Authenticated) -> dict[str, Any]:
    """A version by its number."""
    found = await call.tracking.versions.get(call.actor, call.query.required("name"), number_in(call.query))
    return {"model_version": model_version(found)}


@router.get("/get-download-uri", openapi_extra=asked("name", "version"))
async def version_source(call: Authenticated) -> dict[str, Any]:
    """Where a version's files are."""
    found = await call.tracking.versions.get(call.actor, call.query.required("name"), number_in(call.query))
    return {"artifact_uri": model_source(found)}


@router.get("/search", openapi_extra=asked("filter", "max_results", "order_by", "page_token"))
async def version_search(call: Authenticated) -> dict[str, Any]:
    """The versions that the caller may read and the filter holds for."""
    query = registry_query(call)
    page = await call.tracking.versions.search(call.actor, query)
    return {"model_versions": [model_version(view) for view in page.items], **more(query, page)}


@router.patch("/update", openapi_extra=takes("name", "version", name=TEXT, version=TEXT, description=TEXT))
async def version_update(call: Authenticated) -> dict[str, Any]:
    """Describes a version."""
    members = await call.members()
    changed = await call.tracking.versions.describe(
        call.actor, members.required("name"), number_in(members), members.text("description")
    )
    return {"model_version": model_version(changed)}


@router.post(
    "/transition-stage",
    openapi_extra=takes(
        "name", "version", "stage", name=TEXT, version=TEXT, stage=TEXT, archive_existing_versions=FLAG
    ),
)
async def version_move(call: Authenticated) -> dict[str, Any]:
    """Says how far a version is: None, Staging, Production or Archived."""
    members = await call.members()
    moved = await call.tracking.versions.move(
        call.actor,
        members.required("name"),
        number_in(members),
        stage_of(members.required("stage")),
        archive=members.flag("archive_existing_versions"),
    )
    return {"model_version": model_version(moved)}


@router.delete("/delete", openapi_extra=takes("name", "version", name=TEXT, version=TEXT))
async def version_delete(call: Authenticated) -> dict[str, Any]:
    """Deletes a version; the run keeps its files."""
    members = await call.members()
    await call.tracking.versions.delete(call.actor, members.required("name"), number_in(members))
    return {}


@router.post("/set-tag", openapi_extra=takes("name", "version", "key", name=TEXT, version=TEXT, key=TEXT, value=TEXT))
async def version_tag_set(call: Authenticated) -> dict[str, Any]:
    """Sets a tag, in place of what it was."""
    members = await call.members()
    await _tag(call, members, members.text("value"))
    return {}


@router.delete("/delete-tag", openapi_extra=takes("name", "version", "key", name=TEXT, version=TEXT, key=TEXT))
async def version_tag_delete(call: Authenticated) -> dict[str, Any]:
    """Removes a tag."""
    await _tag(call, await call.members(), None)
    return {}


async def _tag(call: Authenticated, members: Members, value: str | None) -> None:
    name, number, key = members.required("name"), number_in(members), members.required("key")
    await call.tracking.versions.tag(call.actor, name, number, key, value)


def _place(members: Members) -> tuple[str, str]:
    """(the run's id, the folder among its artifacts) of the source, which may be a path where the run is named."""
    source, run_id = members.required("source"), members.text("run_id")
    found = _SOURCE.fullmatch(source)
    named = (found["run"] or found["its"], found["path"] or found["own"]) if found is not None else (run_id, source)
    if not named[0] or ":" in named[1] or (run_id and run_id != named[0]):
        raise InvalidInput(
            "'source' must be a folder of artifacts of the run: runs:/RUN/FOLDER, or as the run's artifact_uri begins",
            field="source",
        )
    return named[0], named[1].rstrip("/")
