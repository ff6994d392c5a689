"""The live version of a model: the one that callers get who name none (decision 0030)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.model import Model, ModelVersion
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project

_MOST_PROJECTS = 10_000
_CHANGES = frozenset(
    {
        EventName.BUILD_ENDED,
        EventName.DEPLOYMENT_COMPLETED,
        EventName.MODEL_CREATED,
        EventName.MODEL_DELETED,
        EventName.PROJECT_DELETED,
        EventName.VERSION_DELETED,
    }
)


async def live_version_of(work: UnitOfWork, model: Model) -> ModelVersion | None:
    """The version that a rollout made the live one, if it is there; else the newest that serves; None while none
    does."""
    versions = work.of(ModelVersion, in_project(model.project_id))
    chosen = None if model.live_version_id is None else await versions.get(id=model.live_version_id)
    if chosen is not None:
        return chosen
    newest_first = await versions.find(model_id=model.id, order=("-id",))
    return next((version for version in newest_first if version.live_build_id is not None), None)


async def require_not_live(work: UnitOfWork, model: Model, version: ModelVersion) -> None:
    """StateConflict when a rollout made ``version`` the live one. The model is kept from rollouts until the transaction
    ends."""
    model = await work.of(Model, in_project(model.project_id)).lock(model.id)
    if model.live_version_id == version.id:
        raise StateConflict(
            f"the version '{version.name}' is the live one of model '{model.name}': deploy another one first, or "
            "delete the model"
        )


class LiveSets:
    """Which version is live, for all models of a project at once.

    A rollout switches several models in one transaction. A caller that was answered by one of them must not get an
    older version of another one in its next call, so the models of a project are read in one transaction, which sees
    one moment, and kept and forgotten together. Callers share a read under way; one that a switch overtakes answers
    those who asked before the switch, and nobody after it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sets: dict[str, asyncio.Task[Mapping[str, str]]] = {}
        store.subscribe(self._forget)

    async def of(self, project_id: str) -> Mapping[str, str]:
        """The ids of the live versions, by the ids of the project's models that have one."""
        found = self._sets.get(project_id)
        if found is None:
            found = self._begin(project_id)
        if found.done():
            return found.result()
        return await asyncio.shield(found)  # it is read for others too: one who goes does not end it

    def _begin(self, project_id: str) -> asyncio.Task[Mapping[str, str]]:
        if len(self._sets) >= _MOST_PROJECTS:
            del self._sets[next(iter(self._sets))]
        task = asyncio.create_task(self._read(project_id), name=f"live versions of {project_id}")
        self._sets[project_id] = task
        task.add_done_callback(lambda task: self._drop_failed(project_id, task))
        return task

    def _drop_failed(self, project_id: str, task: asyncio.Task[Mapping[str, str]]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._sets.get(project_id) is task:
            del self._sets[project_id]

    async def _read(self, project_id: str) -> Mapping[str, str]:
        scope = in_project(project_id)
        async with self._store.read() as work:
            models = await work.of(Model, scope).find()
            versions = await work.of(ModelVersion, scope).find(order=("id",))
        newest = {version.model_id: version.id for version in versions if version.live_build_id is not None}
        there = {version.id for version in versions}
        chosen = {model.id: model.live_version_id for model in models if model.live_version_id in there}
        return newest | {model_id: version_id for model_id, version_id in chosen.items() if version_id is not None}

    def _forget(self, event: Event) -> None:
        if event.name in _CHANGES and event.project_id is not None:
            self._sets.pop(event.project_id, None)
