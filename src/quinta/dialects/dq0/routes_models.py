"""Registered models (contract dq0 4.2, 5.7)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.tracking.registry import DEFAULT_LOCATION, ModelQuery, ModelView
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated, Call
from quinta.dialects.dq0.convert import seconds
from quinta.dialects.dq0.documentation import INTEGER, TEXT, TEXTS, Schema, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import uuid_asked, uuid_of
from quinta.dialects.dq0.routes_artifacts import files_in
from quinta.dialects.dq0.trees import tree_of

_ORDER = {"model_uuid": "id", "model_name": "name", "created_at": "created_at", "updated_at": "updated_at"}
_FILTERS: dict[str, Schema] = {"user_id": INTEGER, "project_uuid": TEXT, "commit_uuid": TEXT}
_CHANGE = {"model_name": TEXT, "model_description": TEXT, "permissions": TEXTS}

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", name="ModelList", openapi_extra=paged(**_FILTERS))
async def model_list(call: Authenticated) -> shapes.Models:
    """Registered models of the projects that the caller may read, oldest first."""
    listing = listing_of(call.query, _ORDER)
    query = ModelQuery(
        listing.paging,
        uuid_asked(call.query, "project_uuid"),
        uuid_asked(call.query, "commit_uuid"),
        await call.user_asked(),
    )
    found = await call.quarantine.tracking.models.find(call.actor, query)
    items = [shapes.Model(**members) for members in await _members(call, *found.items)]
    return shapes.Models(**listing.body(found, items))


@router.post("/register", name="ModelRegister", openapi_extra=takes({"run_uuid": TEXT, "model_path": TEXT}, "run_uuid"))
async def model_register(call: Authenticated) -> shapes.Model:
    """Keeps a folder that a run left as a model; one that was trained privately is checked at once."""
    members = await call.members()
    # The SDK sends both, and null for a run that never was.
    run = members.text("run_uuid") or members.text("job_uuid")
    if not run:
        raise InvalidInput("model location does not exist: there is no run to take it from", field="run_uuid")
    location = members.text("model_path") or DEFAULT_LOCATION
    view = await call.quarantine.model_jobs.register(call.actor, uuid_of(run, "run"), location)
    return await _body(call, view)


@router.post("/unregister", name="ModelUnregister", openapi_extra=takes({"model_uuid": TEXT}, "model_uuid"))
async def model_unregister(call: Authenticated) -> shapes.Message:
    """Forgets a model; the run keeps its files."""
    members = await call.members()
    await call.quarantine.tracking.models.unregister(call.actor, uuid_of(members.needed_text("model_uuid"), "model"))
    return shapes.Message(message="successfully unregistered model")


@router.get("/{model_uuid}", name="ModelInfo")
async def model_info(call: Authenticated, model_uuid: str) -> shapes.Model:
    """One model."""
    return await _body(call, await call.quarantine.tracking.models.get(call.actor, uuid_of(model_uuid, "model")))


@router.patch("/{model_uuid}", name="ModelPatch", openapi_extra=takes(_CHANGE))
async def model_patch(call: Authenticated, model_uuid: str) -> shapes.Model:
    """Renames or describes a model; says what it may be used for, which its data's owners do."""
    model_id, members = uuid_of(model_uuid, "model"), await call.members()
    view = await call.quarantine.tracking.models.change(
        call.actor,
        model_id,
        name=members.text("model_name") or None,
        description=members.optional_text("model_description"),
        permissions=members.texts("permissions"),
    )
    return await _body(call, view)


@router.post("/{model_uuid}/content", name="ModelContent", openapi_extra=takes())
async def model_content(call: Authenticated, model_uuid: str) -> shapes.ModelContent:
    """A model with its files."""
    await call.members()
    view = await call.quarantine.tracking.models.get(call.actor, uuid_of(model_uuid, "model"))
    tree = await call.quarantine.tracking.artifacts.tree(call.actor, view.model.run_id, view.model.location)
    (members,) = await _members(call, view)
    return shapes.ModelContent(**members, content=tree_of(files_in(tree), root=view.model.location))


@router.post(
    "/{model_uuid}/predict",
    name="ModelPredict",
    openapi_extra=takes({"model_uuid": TEXT, "input_data": TEXT, "input_type": TEXT}, "input_data"),
)
async def model_predict(call: Authenticated, model_uuid: str) -> shapes.Started:
    """Starts predictions for rows: a list of lists as JSON text, or CSV text."""
    model_id, members = uuid_of(model_uuid, "model"), await call.members()
    rows = members.needed_text("input_data")
    kind = members.text("input_type").lower() or ("json" if rows.lstrip()[:1] in ("[", "{") else "csv")
    job = await call.quarantine.model_jobs.predict(call.actor, model_id, rows, kind)
    return shapes.Started(message=f"successfully started predict job with uuid: {job.number}", job_uuid=job.number)


@router.post("/{model_uuid}/check")
async def model_check(call: Authenticated, model_uuid: str) -> shapes.Started:
    """Has the model checker look whether a model tells of its rows. An addition to the reference."""
    job = await call.quarantine.model_jobs.check(call.actor, uuid_of(model_uuid, "model"))
    return shapes.Started(message=f"successfully started check job with uuid: {job.number}", job_uuid=job.number)


async def _body(call: Call, view: ModelView) -> shapes.Model:
    (members,) = await _members(call, view)
    return shapes.Model(**members)


async def _members(call: Call, *views: ModelView) -> list[dict[str, Any]]:
    jobs = {view.model.id: view.run.job for view in views}
    around = await call.quarantine.overviews.around(
        users=[view.model.created_by for view in views],
        projects=[view.model.project_id for view in views],
        commits=[job.commit_id for job in jobs.values() if job is not None],
    )
    found = []
    for view in views:
        model, job = view.model, jobs[view.model.id]
        commit_id = None if job is None else job.commit_id
        number, email = around.user(model.created_by)
        found.append(
            {
                "model_uuid": model.id,
                "model_name": model.name,
                "description": model.description,
                "location": model.location,
                "permissions": list(model.permissions),
                "checker_status": model.checker_status,
                "commit_uuid": commit_id or "",
                "commit_name": around.commit(commit_id),
                "experiment_uuid": view.run.experiment.id,
                "experiment_name": view.run.experiment.name,
                "project_uuid": model.project_id,
                "project_name": around.project(model.project_id),
                "user_id": number,
                "user_name": email,
                "created_at": seconds(model.created_at),
                "updated_at": seconds(model.updated_at),
            }
        )
    return found
