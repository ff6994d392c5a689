"""Datasets: registering, changing, seeing, deleting them, and letting projects use them (contract dq0 4.2, 5.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from quinta.core.access.grants import level_of, set_grant
from quinta.core.access.levels import dataset_at, project_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import GrantKind, PermissionLevel
from quinta.core.access.references import Reference, role_of
from quinta.core.datasets.attachments import attach_dataset, attached_ids, detach_dataset
from quinta.core.datasets.budget_rows import change_declared
from quinta.core.datasets.files import FileRules
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import DataPermission, Dataset, DatasetAttachment, PrivacyBudget
from quinta.core.datasets.registration import (
    add_dataset,
    check_metadata,
    declared_budget,
    described,
    new_budget,
    require_free,
    require_registrar,
)
from quinta.core.datasets.sight import (
    DatasetReference,
    DatasetView,
    Sight,
    dataset_referred,
    sight_of,
    views_of,
    visible_ids,
)
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.kit.clock import Clock

_SORTED_BY = frozenset({"created_at", "id", "kind", "name", "number", "updated_at"})
"""Fields whose order tells nothing that is the owner's alone."""


@dataclass(frozen=True, slots=True)
class DatasetQuery:
    """Which datasets: those that a project uses or was given by its jobs, that a commit made, that a user owns."""

    paging: Paging = field(default_factory=Paging)
    project_id: str | None = None
    commit_id: str | None = None
    owner_id: str | None = None


class Datasets:
    """Use cases about datasets. What an actor may not know of is NotFound.

    ``default_budget`` is that of datasets whose metadata say none, in 1e-9 epsilon.
    """

    def __init__(
        self, store: Store, clock: Clock, keeper: MetadataKeeper, files: FileRules, default_budget: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._keeper = keeper
        self._files = files
        self._default_budget = default_budget

    async def create(self, actor: Actor, meta: str) -> DatasetView:
        """Registers what the YAML text ``meta`` describes, for data owners.

        InvalidInput (``meta``) says what is wrong with it and where; AlreadyExists (``name``): a name that is taken.
        Everybody with a base role may use it then, as far as its permissions go (see ``set_permission``).
        """
        async with self._store.read() as work:
            await require_registrar(work, actor)
        metadata = await self._keeper.read(meta)
        await check_metadata(metadata, self._files)
        async with self._store.begin() as work:
            await require_registrar(work, actor)
            dataset = await add_dataset(work, actor, metadata, meta, self._keeper, self._clock)
            budget = new_budget(dataset, metadata, self._default_budget, self._clock.now())
            await work.of(PrivacyBudget, EVERYTHING).add(budget)
            work.emit(_event(EventName.DATASET_CREATED, dataset, actor))
            return await self._view(work, actor, dataset)

    async def change(self, actor: Actor, dataset_id: str, meta: str) -> DatasetView:
        """Replaces the metadata, and with them all that they say; errors as of ``create``.

        What was spent stays spent: where the declared budget changes, what is left changes by as much.
        """
        dataset = await self._to_change(actor, dataset_id)
        metadata = await self._keeper.read(meta)
        await check_metadata(metadata, self._files)
        earlier = None if self._keeper.text(dataset) is None else await self._keeper.of(dataset)
        async with self._store.begin() as work:
            await dataset_at(work, actor, dataset_id, PermissionLevel.WRITE)
            await require_registrar(work, actor)
            locked = await work.of(Dataset, EVERYTHING).lock(dataset_id)
            if metadata.name != locked.name:
                await require_free(work, metadata.name)
            values = {**described(metadata), "meta": self._keeper.sealed(meta, dataset_id)}
            await work.of(Dataset, EVERYTHING).change(dataset_id, **values, updated_at=self._clock.now())
            declared = declared_budget(metadata, self._default_budget)
            before = declared if earlier is None else declared_budget(earlier, self._default_budget)
            days = metadata.privacy_budget_interval_days
            await change_declared(work, dataset_id, declared - before, days, self._clock.now())
            changed = await dataset_at(work, actor, dataset_id, PermissionLevel.WRITE)
            work.emit(_event(EventName.DATASET_CHANGED, changed, actor))
            return await self._view(work, actor, changed)

    async def get(self, actor: Actor, dataset_id: str) -> DatasetView:
        async with self._store.read() as work:
            return await self._view(work, actor, await dataset_at(work, actor, dataset_id, PermissionLevel.LIST))

    async def find(self, actor: Actor, query: DatasetQuery) -> Page[DatasetView]:
        """Those that the actor may know of, oldest first unless the paging says otherwise."""
        order = order_of(query.paging, _SORTED_BY, ("number",))
        async with self._store.read() as work:
            conditions: dict[str, Any] = {}
            if query.project_id is not None:
                conditions["id"] = await _of_project(work, actor, query.project_id)
            if query.commit_id is not None:
                conditions["commit_id"] = query.commit_id
            if query.owner_id is not None:
                conditions["owner_id"] = query.owner_id
            sight = await sight_of(work, actor)
            ids = await visible_ids(work, sight, PermissionLevel.LIST, order, **conditions)
            shown = ids[query.paging.offset : query.paging.offset + query.paging.limit]
            return Page(tuple(await self._views(work, sight, shown)), len(ids))

    async def delete(self, actor: Actor, dataset_id: str) -> DatasetView:
        """Takes the dataset out of use, and out of its projects; its name is free then. Its row and the ledger of its
        budget stay (contract dq0 9.28)."""
        async with self._store.begin() as work:
            await dataset_at(work, actor, dataset_id, PermissionLevel.MANAGE)
            await work.of(Dataset, EVERYTHING).lock(dataset_id)
            view = await self._view(work, actor, await dataset_at(work, actor, dataset_id, PermissionLevel.MANAGE))
            await work.of(DatasetAttachment, EVERYTHING).remove(dataset_id=dataset_id)
            await work.of(Dataset, EVERYTHING).change(dataset_id, deleted_at=self._clock.now())
            work.emit(_event(EventName.DATASET_DELETED, view.dataset, actor))
            return view

    async def sample(self, actor: Actor, dataset_id: str) -> DatasetView:
        """The dataset with its sample, which its owner has supplied; NotPermitted where the owner shows none."""
        async with self._store.read() as work:
            dataset = await dataset_at(work, actor, dataset_id, PermissionLevel.USE)
            view = await self._view(work, actor, dataset)
        if DataPermission.SAMPLE not in view.sees:
            raise NotPermitted(f"the owner of the dataset '{dataset.name}' does not show a sample of it")
        return view

    async def set_permission(self, actor: Actor, dataset: DatasetReference, role: Reference, level: int) -> None:
        """Grants the role the level on a dataset that the actor manages; 0 takes all away.

        InvalidInput: no such level (``permission``), nothing said of dataset or role, or two different ones.
        """
        granted = level_of(level)
        async with self._store.begin() as work:
            found = await dataset_referred(work, actor, dataset, PermissionLevel.MANAGE)
            known = await role_of(work, role)
            await set_grant(work, self._clock, actor, known, GrantKind.DATASET, found.id, granted)

    async def attach(self, actor: Actor, project_id: str, dataset: DatasetReference) -> bool:
        """Lets the jobs of a project use a dataset that the actor may use; False if they may already.

        NotPermitted where the dataset's owner lets nobody read it.
        """
        async with self._store.begin() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            found = await dataset_referred(work, actor, dataset, PermissionLevel.USE)
            if DataPermission.READ not in (await sight_of(work, actor)).permissions(found):
                raise NotPermitted(f"the owner of the dataset '{found.name}' does not let jobs read it")
            if not await attach_dataset(work, project.id, found, self._clock.now()):
                return False
            work.emit(_event(EventName.DATASET_ATTACHED, found, actor, project.id))
            return True

    async def detach(self, actor: Actor, project_id: str, dataset: DatasetReference) -> bool:
        """Takes a dataset out of a project; False if it was not in it, whether there is such a dataset or not."""
        async with self._store.begin() as work:
            project = await project_at(work, actor, project_id, PermissionLevel.WRITE)
            found = await detach_dataset(work, project.id, dataset)
            if found is None:
                return False
            work.emit(_event(EventName.DATASET_DETACHED, found, actor, project.id))
            return True

    async def attached(self, actor: Actor, project_id: str) -> list[DatasetView]:
        """The datasets that the project's jobs may use and the actor may know of, in the order they were attached."""
        async with self._store.read() as work:
            await project_at(work, actor, project_id, PermissionLevel.LIST)
            sight = await sight_of(work, actor)
            ids = await attached_ids(work, project_id)
            seen = set(await visible_ids(work, sight, PermissionLevel.LIST, ("id",), id=ids))
            return await self._views(work, sight, [item for item in ids if item in seen])

    async def _to_change(self, actor: Actor, dataset_id: str) -> Dataset:
        async with self._store.read() as work:
            dataset = await dataset_at(work, actor, dataset_id, PermissionLevel.WRITE)
            await require_registrar(work, actor)
            return dataset

    async def _view(self, work: UnitOfWork, actor: Actor, dataset: Dataset) -> DatasetView:
        sight = await sight_of(work, actor)
        return (await views_of(work, sight, [dataset], {dataset.id: self._keeper.text(dataset)}, self._clock))[0]

    async def _views(self, work: UnitOfWork, sight: Sight, ids: list[str]) -> list[DatasetView]:
        """In the order of ``ids``."""
        rows = {dataset.id: dataset for dataset in await work.of(Dataset, EVERYTHING).find(id=ids)}
        datasets = [rows[item] for item in ids]
        texts = {dataset.id: self._keeper.text(dataset) for dataset in datasets}
        return await views_of(work, sight, datasets, texts, self._clock)


async def _of_project(work: UnitOfWork, actor: Actor, project_id: str) -> list[str]:
    """Those that are attached to the project, and those that its jobs made; of a project that the actor may not know
    of, none."""
    try:
        await project_at(work, actor, project_id, PermissionLevel.LIST)
    except NotFound:
        return []
    derived = await work.of(Dataset, in_project(project_id)).values("id")
    return [*await attached_ids(work, project_id), *derived]


def _event(name: EventName, dataset: Dataset, actor: Actor, project_id: str | None = None) -> Event:
    return Event(name, dataset.id, (f"dataset:{dataset.id}",), actor.user_id, project_id)
