"""Jobs on registered models: predictions, and the check whether a model tells of its rows (contract dq0 5.7, 7.3)."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from quinta.core.access.levels import project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.jobs import add_job, new_job, run_of_job
from quinta.core.commits.model import Commit, DataJob, DataJobKind
from quinta.core.commits.sight import dataset_ids_of
from quinta.core.datasets.model import Dataset
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, TooLarge
from quinta.core.files.keys import data_job_key
from quinta.core.ports import ObjectStore, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.core.tracking.model import CheckerStatus, ModelPermission, RegisteredModel, Run
from quinta.core.tracking.registry import ModelView, RegisteredModels
from quinta.kit.clock import Clock
from quinta.kit.ids import parse_id

MOST_INPUT_BYTES: Final = 16 << 20
INPUT_TYPES: Final = frozenset({"csv", "json"})
_OWNERS: Final = "the owner of its data may allow it all the same"
_WHY_NOT: Final = {
    CheckerStatus.FAILED: f"its check found that it tells of its rows; {_OWNERS}",
    CheckerStatus.ERROR: f"its check did not come to an end; {_OWNERS}",
}


class ModelJobs:
    """Use cases. ``staging`` is a folder for files on their way."""

    def __init__(
        self, store: Store, objects: ObjectStore, staging: Path, clock: Clock, models: RegisteredModels
    ) -> None:
        self._store = store
        self._objects = objects
        self._staging = staging
        self._clock = clock
        self._models = models

    async def register(self, actor: Actor, run_id: str, location: str) -> ModelView:
        """Registers a model, errors as of ``RegisteredModels.register``, and queues its check where that can allow
        predictions: a client that registers and then predicts, as the SDK does, has no word for the check between."""
        view = await self._models.register(actor, run_id, location)
        await self.check_new(actor, view.model)
        return await self._models.get(actor, view.model.id)

    async def check_new(self, actor: Actor, model: RegisteredModel) -> None:
        """Queues the check of a model that was just registered, where that can allow predictions."""
        if model.permissions or model.epsilon is None:
            return
        with suppress(NotFound):  # a dataset is gone: what the model may be used for is the owners' to say
            await self.check(actor, model.id)

    async def predict(self, actor: Actor, model_id: str, rows: str, input_type: str) -> DataJob:
        """Queues predictions for ``rows``: JSON text of a list of rows, or CSV text, taken by position.

        While the model is being checked they wait for the check. NotPermitted where the model has not the permission
        ``predict_allowed`` (looked at again when they run), or for an actor without the level WRITE on its project.
        What a released model answers is no secret of the data's.
        """
        if input_type not in INPUT_TYPES:
            raise InvalidInput("input_type must be json or csv", field="input_type")
        content = rows.encode("utf-8", "replace")
        if len(content) > MOST_INPUT_BYTES:
            raise TooLarge(f"input_data may have {MOST_INPUT_BYTES >> 20} MiB", field="input_data")
        async with self._store.read() as work:
            model = await _model_at(work, actor, model_id)
            _require_predictions(model)
            job = new_job(actor, model.project_id, DataJobKind.PREDICT, [], self._clock)
        key = data_job_key(model.project_id, job.id, "input")
        await self._store_input(key, content)
        return await self._queue(actor, model_id, job, key, json.dumps({"input_type": input_type}))

    async def _store_input(self, key: str, content: bytes) -> None:
        copy = self._staging / f"{key.split('/')[-2]}.input"
        try:
            await asyncio.to_thread(copy.write_bytes, content)
            await self._objects.put_file(key, copy)
        finally:
            copy.unlink(missing_ok=True)

    async def check(self, actor: Actor, model_id: str) -> DataJob:
        """Queues the model checker on the data that the model was trained on, and makes its status ``pending``."""
        async with self._store.read() as work:
            model = await _model_at(work, actor, model_id)
            trained = await work.of(DataJob, in_project(model.project_id)).get(number=model.run_id)
            ids = [] if trained is None else dataset_ids_of(trained)
            datasets = await work.of(Dataset, EVERYTHING).find(id=ids, deleted_at=None) if ids else []
            if len(datasets) < len(ids):
                raise NotFound("a dataset that the model was trained on is not there any more")
        job = new_job(actor, model.project_id, DataJobKind.CHECK, datasets, self._clock)
        return await self._queue(actor, model_id, job, None, "{}")

    async def _queue(self, actor: Actor, model_id: str, job: DataJob, key: str | None, params: str) -> DataJob:
        async with self._store.begin() as work:
            model = await _model_at(work, actor, model_id)
            project = await work.of(Project, EVERYTHING).get(id=model.project_id)
            assert project is not None, "the actor has a level on it"
            if job.kind is DataJobKind.PREDICT:
                _require_predictions(model)
            else:
                await work.of(RegisteredModel, in_project(project.id)).change(
                    model.id, checker_status=CheckerStatus.PENDING, updated_at=self._clock.now()
                )
            commit_id = await _commit_of(work, model)
            job = replace(job, model_id=model.id, commit_id=commit_id, input_key=key, params=params)
            await add_job(work, actor, job)
            await run_of_job(work, project, job, self._clock)
            return job


async def _model_at(work: UnitOfWork, actor: Actor, model_id: str) -> RegisteredModel:
    known = parse_id(model_id)
    model = None if known is None else await work.of(RegisteredModel, EVERYTHING).get(id=known)
    if model is None:
        raise NotFound("there is no such model", field="model_uuid")
    try:
        await project_at(work, actor, model.project_id, PermissionLevel.WRITE)
    except NotFound as error:
        raise NotFound(
            "there is no such model", field="model_uuid", refusal=True, project_id=model.project_id
        ) from error
    return model


async def _commit_of(work: UnitOfWork, model: RegisteredModel) -> str | None:
    """The commit whose environment the model was trained in; None where an outside client made the run."""
    run = await work.of(Run, in_project(model.project_id)).get(id=model.run_id)
    job = None if run is None or run.job_id is None else await work.of(DataJob, EVERYTHING).get(id=run.job_id)
    if job is None or job.commit_id is None or not await work.of(Commit, EVERYTHING).count(id=job.commit_id):
        return None
    return job.commit_id


def _require_predictions(model: RegisteredModel) -> None:
    if ModelPermission.PREDICT not in model.permissions and not model.checker_status.under_way:
        why = _WHY_NOT.get(model.checker_status, "the model checker or the owner of its data must allow it")
        raise NotPermitted(
            f"the model '{model.name}' may not be used for predictions: {why}", project_id=model.project_id
        )
