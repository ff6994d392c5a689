"""Direct requests: the caller waits for the answer (contract ubiops 7.2; design, journey "direct request").

The product's headline speed. Everything about the version comes from memory; nothing is written to the database on
the way: logs and metrics go to buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from quinta.core.access.decide import object_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, NotFound, StateConflict, TooManyRequests, Unavailable
from quinta.core.events import Event
from quinta.core.files.blobs import Blobs
from quinta.core.models.find import live, version_of
from quinta.core.models.live_version import LiveSets
from quinta.core.models.model import Model, ModelVersion, RunnableVersion
from quinta.core.ports import Secrets, Store
from quinta.core.reasons import Reason
from quinta.core.requests.execution import Answer, Execution
from quinta.core.requests.reading import Reader
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.cache import TaggedCache
from quinta.kit.ids import new_id

DEFAULT_TIMEOUT_SECONDS = 300
_LEAST_TIMEOUT_SECONDS = 10
_MOST_TIMEOUT_SECONDS = 3_600


class _Place(NamedTuple):
    """A model that an actor may send requests to."""

    project_id: str
    model_id: str


class DirectRequests:
    """Use case: one request, one answer. ``runs_here`` says whether this server has what a version's build made."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        execution: Execution,
        blobs: Blobs,
        secrets: Secrets,
        runs_here: Callable[[RunnableVersion], bool],
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._reader = reader
        self._execution = execution
        self._blobs = blobs
        self._runs_here = runs_here
        self._routes: TaggedCache[tuple[str, str, str, str], RunnableVersion] = TaggedCache()
        self._places: TaggedCache[tuple[str, str, str], _Place] = TaggedCache()
        self._live_sets = LiveSets(store)
        self._live: TaggedCache[str, RunnableVersion] = TaggedCache()
        store.subscribe(self._forget)

    async def run(
        self, actor: Actor, project: str, model: str, version: str | None, data: bytes, time_limit: int | None = None
    ) -> Answer:
        """Runs ``data``, the JSON text of the input, and answers how it ended; ``time_limit`` is in seconds. Without
        ``version`` the live one of the model runs it.

        What the code does wrong is an answer without success; InvalidInput is for what the caller does wrong, and
        TooManyRequests for a request that found the queue full.
        """
        if version is None:
            target = await self._live_target(actor, project, model)
        else:
            key = (actor.user_id, project, model, version)
            found = self._routes.get(key)
            target = found or await self._routes.load(key, lambda: self._load(actor, project, model, version))
        blob_ids = await self._reader.input(data, target.input_type, target.input_fields)
        blobs = await self._blobs.present(target.project_id, blob_ids)
        answer = await self._execution.run(target, new_id(), data, blobs, _checked_time_limit(time_limit))
        if answer.reason is Reason.QUEUE_FULL:
            raise TooManyRequests(answer.error_message or answer.reason)
        return answer

    async def _load(
        self, actor: Actor, project: str, model: str, version: str
    ) -> tuple[RunnableVersion, Iterable[str]]:
        async with self._store.read() as work:
            found, its_model = await object_for(
                work, actor, project, Model, model, Permission.MODELS_VERSIONS_REQUESTS_CREATE
            )
            its_version = await version_of(work, its_model, version)
            target = await live(work, self._secrets, found, its_model, its_version)
        return self._checked(target, its_version), (*_tags(actor, found, its_model), f"version:{its_version.id}")

    async def _live_target(self, actor: Actor, project: str, model: str) -> RunnableVersion:
        """The live version. Which one that is comes from one set for all models of the project, so that no caller meets
        one model after a rollout's switch and then another one before it (decision 0030)."""
        key = (actor.user_id, project, model)
        place = self._places.get(key) or await self._places.load(key, lambda: self._load_place(actor, project, model))
        live_set = await self._live_sets.of(place.project_id)
        version_id = live_set.get(place.model_id)
        if version_id is None:
            raise StateConflict(f"the model '{model}' has no version that is available: upload a package for one first")
        found = self._live.get(version_id)
        return found or await self._live.load(version_id, lambda: self._load_live(place, version_id))

    async def _load_place(self, actor: Actor, project: str, model: str) -> tuple[_Place, Iterable[str]]:
        async with self._store.read() as work:
            found, its_model = await object_for(
                work, actor, project, Model, model, Permission.MODELS_VERSIONS_REQUESTS_CREATE
            )
        return _Place(found.id, its_model.id), _tags(actor, found, its_model)

    async def _load_live(self, place: _Place, version_id: str) -> tuple[RunnableVersion, Iterable[str]]:
        async with self._store.read() as work:
            project = await work.of(Project, EVERYTHING).get(id=place.project_id)
            model = await work.of(Model, EVERYTHING).get(id=place.model_id)
            version = await work.of(ModelVersion, EVERYTHING).get(id=version_id)
            if project is None or model is None or version is None:
                raise NotFound("the model does not exist any more")
            target = await live(work, self._secrets, project, model, version)
        tags = (f"project:{project.id}", f"model:{model.id}", f"version:{version.id}")
        return self._checked(target, version), tags

    def _checked(self, target: RunnableVersion | None, version: ModelVersion) -> RunnableVersion:
        if target is None:
            raise not_serving(version.name, version.status)
        if not self._runs_here(target):
            name = version.name
            raise Unavailable(f"the version '{name}' was built on another server, which alone can run it: ask there")
        return target

    def _forget(self, event: Event) -> None:
        for cache in (self._routes, self._places, self._live):
            cache.forget(event.tags)


def _tags(actor: Actor, project: Project, model: Model) -> tuple[str, ...]:
    return (
        f"user:{actor.user_id}",
        f"organization:{project.organization_id}",
        f"project:{project.id}",
        f"model:{model.id}",
    )


def not_serving(version: str, status: str) -> StateConflict:
    """The refusal of a request to a version that has no build serving, in the wording of contract ubiops 5.1."""
    stage = {
        "initialised": "no file has been uploaded for it yet",
        "building": "it is in the building stage",
        "deploying": "it is in the deploying stage",
        "building_failed": "its build failed; see error_message of the version and the project's logs",
        "deploying_failed": "its first instance did not start; see error_message of the version and the logs",
    }.get(status, f"its status is {status}")
    return StateConflict(f"the version '{version}' is not available: {stage}")


def _checked_time_limit(seconds: int | None) -> int:
    if seconds is None:
        return DEFAULT_TIMEOUT_SECONDS
    if not _LEAST_TIMEOUT_SECONDS <= seconds <= _MOST_TIMEOUT_SECONDS:
        raise InvalidInput(
            f"timeout must be from {_LEAST_TIMEOUT_SECONDS} to {_MOST_TIMEOUT_SECONDS} seconds, not {seconds}",
            field="timeout",
        )
    return seconds
