"""What a job on datasets needs, read anew when it starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from quinta.core.commits.entry_points import INTERPRETER, command_of, entry_points_of
from quinta.core.commits.model import Commit, DataJob, DataJobKind
from quinta.core.commits.private_training import PLATFORM_MODULE, PrivateTraining, private_training
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project, User
from quinta.core.tracking.model import Artifact, Experiment, ModelPermission, RegisteredModel, Run, RunParam, RunTag
from quinta.engine.projects.grants import grants_of
from quinta.engine.projects.run_files import DEFINITION_FOLDER

_ACTIONS: Final = {DataJobKind.PREDICT: "predict", DataJobKind.CHECK: "check"}
"""What the platform's own code does (src/quinta/training, contract dq0 7.3): it finds the model's files in the folder
``model`` of DQ0_INPUT_DIR, rows in the file ``input`` there, and leaves ``predictions.json`` or ``check.json`` in
DQ0_OUTPUT_DIR."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``archive_key`` None: no code of the project's runs, and only the platform's requirements are there. ``model``
    has the files of the job's model by their paths in it, ``run`` the member of that name of the task.

    ``reads``: it gets the job's datasets. ``training`` is a private one whose definition is to be made first;
    ``definition`` is that, once it is made.
    """

    project: Project
    archive_key: str | None
    command: list[Any]
    model: Mapping[str, Artifact]
    run: dict[str, Any]
    training: PrivateTraining | None = None
    definition: bytes | None = None
    reads: bool = True

    def defining(self, training: PrivateTraining) -> Plan:
        """What makes the definition: the project's code, without any dataset."""
        return replace(self, command=training.defining(), reads=False)

    def with_definition(self, training: PrivateTraining, definition: bytes) -> Plan:
        """The training itself: the platform's code, and of the project a file of names and numbers."""
        command = [*training.training(), "--definition", {"input": DEFINITION_FOLDER}]
        return replace(self, archive_key=None, command=command, definition=definition)


async def plan_of(work: UnitOfWork, job: DataJob) -> Plan | Failure | None:
    """None: not now, since the organization is not active or the model is being checked, or never any more, since the
    project is gone and the job with it. A Failure is nothing that the data or the code says."""
    project = await work.of(Project, EVERYTHING).get(id=job.project_id)
    if project is None or not await _is_active(work, project):
        return None
    commit = None if job.commit_id is None else await work.of(Commit, EVERYTHING).get(id=job.commit_id)
    if isinstance(grants := await grants_of(work, job), Failure):
        return grants  # before an environment is made in vain
    model: dict[str, Artifact] = {}
    if job.kind in _ACTIONS:
        registered = await work.of(RegisteredModel, EVERYTHING).get(id=job.model_id)
        if registered is None:
            return Failure(Reason.INPUT_UNAVAILABLE, "the model was unregistered")
        if job.kind is DataJobKind.PREDICT and ModelPermission.PREDICT not in registered.permissions:
            if registered.checker_status.under_way:
                return None
            return Failure(
                Reason.REQUEST_REFUSED, "the model may not be used for predictions, its check has not passed"
            )
        model = await _files_of(work, registered)
        command: list[Any] = [INTERPRETER, "-m", PLATFORM_MODULE, "--action", _ACTIONS[job.kind]]
        commit = None  # a model has no code, and nobody's packages may stand beside the rows
    else:
        points = {} if commit is None else entry_points_of(commit.entry_points)
        command = command_of(points[job.entry_point], json.loads(job.params))
    run = await _described(work, job)
    training = None if commit is None else private_training(command)
    key = None if commit is None else commit.archive_key
    return Plan(project, key, command, model, run, training)


async def _is_active(work: UnitOfWork, project: Project) -> bool:
    organization = await work.of(Organization, EVERYTHING).get(id=project.organization_id)
    return organization is not None and organization.status is OrganizationStatus.ACTIVE


async def _files_of(work: UnitOfWork, model: RegisteredModel) -> dict[str, Artifact]:
    prefix = model.location.rstrip("/") + "/"
    artifacts = await work.of(Artifact, EVERYTHING).find(run_id=model.run_id)
    return {each.path.removeprefix(prefix): each for each in artifacts if each.path.startswith(prefix)}


async def _described(work: UnitOfWork, job: DataJob) -> dict[str, Any]:
    run = await work.of(Run, EVERYTHING).get(id=job.number)
    experiment = None if run is None else await work.of(Experiment, EVERYTHING).get(id=run.experiment_id)
    user = None if job.created_by is None else await work.of(User, EVERYTHING).get(id=job.created_by)
    params = await work.of(RunParam, EVERYTHING).find(run_id=job.number)
    tags = await work.of(RunTag, EVERYTHING).find(run_id=job.number)
    return {
        "run_id": job.number,
        "run_name": job.entry_point or job.kind,
        "experiment_id": "0" if experiment is None else str(experiment.number),
        "experiment_name": "" if experiment is None else experiment.name,
        "user": "" if user is None else user.email,
        "start_time": int(job.created_at.timestamp() * 1000),
        "params": {param.key: param.value for param in params},
        "tags": {tag.key: tag.value for tag in tags},
    }
