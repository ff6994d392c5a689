"""Versions of named models: registered models in the order in which they came (mlflow 3.17)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.names import check_description
from quinta.core.pages import Page
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.core.tracking.conditions import Kind, Subject, Value, holds, sort_key
from quinta.core.tracking.experiments import readable_projects, require_own
from quinta.core.tracking.filters import Language, parse_filter, parse_order
from quinta.core.tracking.model import ModelStage, NamedModel, NamedVersion, RegisteredModel
from quinta.core.tracking.named_models import (
    NamedModels,
    RegistryQuery,
    VersionView,
    check_page,
    named_model_at,
    searched_tags,
    shown_name,
    version_at,
    version_views,
    with_tags,
)
from quinta.core.tracking.registry import RegisteredModels
from quinta.core.tracking.search import milliseconds
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

MOST_VERSIONS: Final = 10_000
"""That a search looks at."""
_NUMBERS = frozenset({"version_number", "creation_timestamp", "last_updated_timestamp"})
_ATTRIBUTES = {name: name for name in (*_NUMBERS, "name", "run_id")}
VERSIONS = Language(_ATTRIBUTES, _NUMBERS, frozenset({Kind.TAG}))


class NamedVersions:
    """Use cases about versions. Reading needs level USE on the project, writing WRITE."""

    def __init__(self, store: Store, clock: Clock, models: RegisteredModels, names: NamedModels) -> None:
        self._store = store
        self._clock = clock
        self._models = models
        self._names = names

    async def add(
        self,
        actor: Actor,
        name: str,
        run_id: str,
        location: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> VersionView:
        """Registers the artifact folder of a run as the next version; errors as of ``RegisteredModels.register``.
        InvalidInput (``run_id``): a run of another project than the name's."""
        async with self._store.begin() as work:
            row, project = await self._to_write(work, actor, name)
            model = await self._models.add(work, actor, run_id, location, row.name[:100])
            if model.project_id != project.id:
                raise InvalidInput(
                    f"the run is of another project than the model '{name[:80]}': call the model PROJECT.NAME",
                    field="run_id",
                )
            if description:
                values = {"description": check_description(description)}
                await work.of(RegisteredModel, in_project(project.id)).change(model.id, **values)
            version = NamedVersion(
                id=new_id(),
                named_model_id=row.id,
                model_id=model.id,
                number=row.newest + 1,
                stage=ModelStage.NONE,
                tags=json.dumps(with_tags({}, tags or {})),
                updated_at=self._clock.now(),
            )
            await work.of(NamedVersion, EVERYTHING).add(version)
            row = await self._names.write(work, actor, row, {"newest": version.number})
            return (await version_views(work, actor, shown_name(actor, row, project), row, [version]))[0]

    async def get(self, actor: Actor, name: str, number: int) -> VersionView:
        async with self._store.read() as work:
            row, project = await named_model_at(work, actor, name, PermissionLevel.USE)
            found = await version_at(work, row, number)
            return (await version_views(work, actor, shown_name(actor, row, project), row, [found]))[0]

    async def called(self, actor: Actor, name: str, alias: str) -> VersionView:
        """By another name. InvalidInput, as MLflow has it, where there is none of that."""
        async with self._store.read() as work:
            row, _ = await named_model_at(work, actor, name, PermissionLevel.USE)
        number = json.loads(row.aliases).get(alias)
        try:
            return await self.get(actor, name, -1 if number is None else number)
        except NotFound:
            raise InvalidInput(f"the model has no alias '{alias[:80]}'", field="alias") from None

    async def search(self, actor: Actor, query: RegistryQuery) -> Page[VersionView]:
        """Those that the actor may read and the filter holds for: by name, newest first, unless said otherwise."""
        conditions = parse_filter(query.filter, VERSIONS)
        orders = [parse_order(text, VERSIONS) for text in (*query.orders, "name", "version_number DESC")]
        check_page(query)
        async with self._store.read() as work:
            projects = await readable_projects(work, actor, None)
            rows = await work.of(NamedModel, EVERYTHING).find(project_id=list(projects), limit=MOST_VERSIONS)
            named = {row.id: row for row in rows}
            versions = await work.of(NamedVersion, EVERYTHING).find(named_model_id=list(named), limit=MOST_VERSIONS)
            models = await work.of(RegisteredModel, EVERYTHING).find(id={each.model_id for each in versions})
            by_id = {model.id: model for model in models}
            found = []
            for version in versions:
                row = named[version.named_model_id]
                name = shown_name(actor, row, projects[row.project_id])
                subject = _subject(name, version, by_id[version.model_id])
                if holds(conditions, subject):
                    found.append((sort_key(orders, subject), name, row, version))
            found.sort(key=lambda item: item[0])
            shown = found[query.offset : query.offset + query.limit]
            views = [(await version_views(work, actor, name, row, [version]))[0] for _, name, row, version in shown]
            return Page(tuple(views), len(found))

    async def describe(self, actor: Actor, name: str, number: int, description: str) -> VersionView:
        """The description is the registered model's."""
        async with self._store.begin() as work:
            row, project = await self._to_write(work, actor, name)
            version = await version_at(work, row, number)
            values = {"description": check_description(description), "updated_at": self._clock.now()}
            await work.of(RegisteredModel, in_project(project.id)).change(version.model_id, **values)
            await self._write(work, actor, row, version, {})
        return await self.get(actor, name, number)

    async def move(self, actor: Actor, name: str, number: int, stage: ModelStage, *, archive: bool) -> VersionView:
        """To a stage; ``archive``: those that are there go to Archived."""
        async with self._store.begin() as work:
            row, _ = await self._to_write(work, actor, name)
            version = await version_at(work, row, number)
            if archive:
                there = await work.of(NamedVersion, EVERYTHING).find(named_model_id=row.id, stage=stage)
                for each in there:
                    await self._write(work, actor, row, each, {"stage": ModelStage.ARCHIVED})
            await self._write(work, actor, row, version, {"stage": stage})
        return await self.get(actor, name, number)

    async def tag(self, actor: Actor, name: str, number: int, key: str, value: str | None) -> None:
        """None removes the tag; one that is not there is no error."""
        async with self._store.begin() as work:
            row, _ = await self._to_write(work, actor, name)
            version = await version_at(work, row, number)
            tags = with_tags(json.loads(version.tags), {key: value})
            await self._write(work, actor, row, version, {"tags": json.dumps(tags)})

    async def delete(self, actor: Actor, name: str, number: int) -> None:
        """Unregisters the model too. NotPermitted for who neither registered it nor manages the project."""
        async with self._store.begin() as work:
            row, project = await self._to_write(work, actor, name)
            version = await version_at(work, row, number)
            model = await work.of(RegisteredModel, in_project(project.id)).get(id=version.model_id)
            assert model is not None  # the version's row refers to it
            await require_own(work, actor, model.created_by, project)
            await self._models.remove(work, actor, model)
            aliases = {alias: each for alias, each in json.loads(row.aliases).items() if each != number}
            await self._names.write(work, actor, row, {"aliases": json.dumps(aliases)})

    async def _write(
        self, work: UnitOfWork, actor: Actor, row: NamedModel, version: NamedVersion, values: Mapping[str, Any]
    ) -> None:
        now = self._clock.now()
        await work.of(NamedVersion, EVERYTHING).change(version.id, **{**values, "updated_at": now})
        await self._names.write(work, actor, row, {})

    async def _to_write(self, work: UnitOfWork, actor: Actor, name: str) -> tuple[NamedModel, Project]:
        row, project = await named_model_at(work, actor, name, PermissionLevel.WRITE)
        return await work.of(NamedModel, EVERYTHING).lock(row.id), project


def _subject(name: str, version: NamedVersion, model: RegisteredModel) -> Subject:
    attributes: dict[str, Value] = {
        "name": name,
        "run_id": model.run_id,
        "version_number": float(version.number),
        "creation_timestamp": float(milliseconds(model.created_at)),
        "last_updated_timestamp": float(milliseconds(version.updated_at)),
    }
    return Subject(attributes, tags=searched_tags(version.tags))
