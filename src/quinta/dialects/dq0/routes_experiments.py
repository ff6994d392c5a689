"""Experiments (contract dq0 4.2)."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.errors import InvalidInput
from quinta.core.tracking.experiments import ExperimentQuery
from quinta.core.tracking.model import Experiment
from quinta.core.tracking.overviews import Subject
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated, Call
from quinta.dialects.dq0.convert import seconds
from quinta.dialects.dq0.convert_projects import project_members
from quinta.dialects.dq0.documentation import INTEGER, TEXT, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import uuid_asked, uuid_of

_ORDER = {
    "experiment_uuid": "id",
    "experiment_name": "name",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_NAMED = takes({"experiment_name": TEXT}, "experiment_name")

router = APIRouter(tags=["experiments"])


@router.post("/projects/{project_uuid}/set-experiment-name", name="ProjectSetExperimentName", openapi_extra=_NAMED)
async def project_set_experiment_name(call: Authenticated, project_uuid: str) -> shapes.Message:
    """Has the project's runs go to the experiment of that name, which is made if it is not there."""
    project_id, members = uuid_of(project_uuid, "project"), await call.members()
    view = await call.quarantine.tracking.experiments.choose(
        call.actor, project_id, members.needed_text("experiment_name")
    )
    return shapes.Message(message=f"successfully set experiment name: {view.experiment.name}")


@router.get("/experiments", name="ExperimentList", openapi_extra=paged(user_id=INTEGER, project_uuid=TEXT))
async def experiment_list(call: Authenticated) -> shapes.Experiments:
    """Experiments of the projects that the caller may read, oldest first, deleted ones too."""
    listing = listing_of(call.query, _ORDER)
    query = ExperimentQuery(listing.paging, uuid_asked(call.query, "project_uuid"), await call.user_asked())
    found = await call.quarantine.tracking.experiments.find(call.actor, query)
    items = await _bodies(call, *(view.experiment for view in found.items))
    return shapes.Experiments(**listing.body(found, items))


@router.post(
    "/experiments",
    name="ExperimentCreate",
    openapi_extra=takes({"experiment_name": TEXT, "project_uuid": TEXT}, "experiment_name")
    | {"parameters": [{"name": "project_uuid", "in": "query", "required": False, "schema": TEXT}]},
)
async def experiment_create(call: Authenticated) -> shapes.Experiment:
    """Makes an experiment in a project, which the query says, or the body."""
    members = await call.members()
    project = call.query.get("project_uuid") or members.text("project_uuid")
    if not project:
        raise InvalidInput("'project_uuid' is missing", field="project_uuid")
    name = members.needed_text("experiment_name")
    return await _body(
        call,
        (await call.quarantine.tracking.experiments.create(call.actor, uuid_of(project, "project"), name)).experiment,
    )


@router.get("/experiments/{experiment_uuid}", name="ExperimentInfo")
async def experiment_info(call: Authenticated, experiment_uuid: str) -> shapes.Experiment:
    """One experiment."""
    view = await call.quarantine.tracking.experiments.get(call.actor, uuid_of(experiment_uuid, "experiment"))
    return await _body(call, view.experiment)


@router.patch("/experiments/{experiment_uuid}", name="ExperimentUpdate", openapi_extra=_NAMED)
async def experiment_update(call: Authenticated, experiment_uuid: str) -> shapes.Experiment:
    """Renames an experiment."""
    experiment_id, members = uuid_of(experiment_uuid, "experiment"), await call.members()
    name = members.needed_text("experiment_name")
    return await _body(
        call, (await call.quarantine.tracking.experiments.rename(call.actor, experiment_id, name)).experiment
    )


@router.delete("/experiments/{experiment_uuid}", name="ExperimentDelete")
async def experiment_delete(call: Authenticated, experiment_uuid: str) -> shapes.Experiment:
    """Deletes an experiment; it can be restored."""
    view = await call.quarantine.tracking.experiments.delete(call.actor, uuid_of(experiment_uuid, "experiment"))
    return await _body(call, view.experiment)


@router.post("/experiments/{experiment_uuid}/restore", name="ExperimentRestore")
async def experiment_restore(call: Authenticated, experiment_uuid: str) -> shapes.Experiment:
    """Brings a deleted experiment back."""
    view = await call.quarantine.tracking.experiments.restore(call.actor, uuid_of(experiment_uuid, "experiment"))
    return await _body(call, view.experiment)


async def _body(call: Call, experiment: Experiment) -> shapes.Experiment:
    return (await _bodies(call, experiment))[0]


async def _bodies(call: Call, *experiments: Experiment) -> list[shapes.Experiment]:
    subjects = [Subject(experiment.project_id, experiment_id=experiment.id) for experiment in experiments]
    overviews = await call.quarantine.overviews.of(call.actor, subjects)
    return [
        shapes.Experiment(
            **project_members(overview),
            experiment_uuid=experiment.id,
            experiment_name=experiment.name,
            experiment_stage=experiment.stage,
            created_at=seconds(experiment.created_at),
            updated_at=seconds(experiment.updated_at),
        )
        for experiment, overview in zip(experiments, overviews, strict=True)
    ]
