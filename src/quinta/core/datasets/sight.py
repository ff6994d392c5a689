"""Which datasets an actor may know of, and what of them (contract dq0 5.6, 6.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quinta.core.access.levels import Levels, dataset_at, standing_on
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import GrantKind, PermissionLevel
from quinta.core.datasets.masking import mask_rules, without_columns
from quinta.core.datasets.model import DataPermission, Dataset, MaskRules, PrivacyBudget
from quinta.core.datasets.periods import refilled
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User
from quinta.kit.clock import Clock

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class DatasetReference:
    """A dataset by its number, its name, its id, or several of these. 0 and an empty text say nothing."""

    number: int | None = None
    name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetView:
    """A dataset as one actor may see it: whatever it may not see is empty in ``dataset``, its metadata first of all.

    ``dataset.meta`` is the text as its owner wrote it, for who ``owns`` the dataset (its owner, administrators, and
    whom they let manage it), else "", as it is where the server's key is lost. ``budget`` is None for who may not use
    the dataset. ``owner_number`` and ``owner_email`` say whose it is.
    """

    dataset: Dataset
    owner_number: int | None
    owner_email: str
    budget: PrivacyBudget | None
    sees: frozenset[DataPermission]
    owns: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """An actor's levels on all datasets."""

    actor: Actor
    administrator: bool
    levels: Levels

    def level(self, dataset_id: str, owner_id: str) -> PermissionLevel:
        """As core.access.levels.level_in_dataset, without asking the database."""
        if self.administrator or owner_id == self.actor.user_id:
            return PermissionLevel.MANAGE
        return self.levels[dataset_id]

    def answers_for(self, dataset: Dataset) -> bool:
        """Whether the actor is the dataset's owner, or was let manage it: what jobs learnt from it is theirs to see and
        to release. Who administers everybody's data does not answer for them (contract dq0 5.6)."""
        return dataset.owner_id == self.actor.user_id or self.levels[dataset.id] >= PermissionLevel.MANAGE

    def permissions(self, dataset: Dataset) -> frozenset[DataPermission]:
        """What the actor may have of a dataset: all for who manages it, what its owner allows for who may use it, and
        of that only the description for who may but know of it."""
        level = self.level(dataset.id, dataset.owner_id)
        if level >= PermissionLevel.MANAGE:
            return frozenset(DataPermission)
        if level >= PermissionLevel.USE:
            return frozenset(dataset.permissions)
        known = {DataPermission.META} if level >= PermissionLevel.LIST else set()
        return frozenset(known.intersection(dataset.permissions))


async def sight_of(work: UnitOfWork, actor: Actor) -> Sight:
    administers, levels = await standing_on(work, actor, GrantKind.DATASET)
    return Sight(actor, administers, levels)


async def visible_ids(
    work: UnitOfWork, sight: Sight, level: PermissionLevel, order: Sequence[str], **conditions: Any
) -> list[str]:
    """The ids of the datasets, not deleted, that match and that the actor has at least ``level`` on, in ``order``."""
    datasets = work.of(Dataset, EVERYTHING)
    ids: list[str] = await datasets.values("id", order=order, deleted_at=None, **conditions)
    if sight.administrator:
        return ids
    own = set(await datasets.values("id", owner_id=sight.actor.user_id, deleted_at=None))
    return [item for item in ids if item in own or sight.levels[item] >= level]


async def dataset_referred(
    work: UnitOfWork, actor: Actor, reference: DatasetReference, level: PermissionLevel
) -> Dataset:
    """The dataset that a caller names, as ``dataset_at`` answers it. InvalidInput (``data_id``) where nothing is said,
    or two datasets that the actor may know of."""
    found = [await dataset_at(work, actor, item, level) for item in await ids_referred(work, reference)]
    if len(found) > 1:
        raise InvalidInput("data_id, data_name and data_uuid are of different datasets", field="data_id")
    return found[0]


async def ids_referred(work: UnitOfWork, reference: DatasetReference) -> list[str]:
    """The id of what a caller names, whoever asks; several where what it says contradicts itself. NotFound for what is
    not there, InvalidInput (``data_id``) where nothing is said."""
    said = {"number": reference.number, "name": reference.name, "id": reference.id}
    wanted = {field: value for field, value in said.items() if value}
    if not wanted:
        raise InvalidInput("say which dataset: data_id, data_name or data_uuid is needed", field="data_id")
    found: set[str] = set()
    for field, value in wanted.items():
        possible = isinstance(value, str) or 0 < value <= _LARGEST
        dataset = await work.of(Dataset, EVERYTHING).get(**{field: value}, deleted_at=None) if possible else None
        if dataset is None:
            raise NotFound("there is no such dataset")
        found.add(dataset.id)
    return sorted(found)


async def views_of(
    work: UnitOfWork, sight: Sight, datasets: Sequence[Dataset], texts: Mapping[str, str | None], clock: Clock
) -> list[DatasetView]:
    """The datasets as the actor may see them. ``texts`` has the opened metadata by dataset."""
    ids = [dataset.id for dataset in datasets]
    owners = await work.of(User, EVERYTHING).find(id={dataset.owner_id for dataset in datasets})
    by_id = {user.id: user for user in owners}
    budgets = {budget.dataset_id: budget for budget in await work.of(PrivacyBudget, EVERYTHING).find(dataset_id=ids)}
    masks = await mask_rules(work, ids, sight.actor.user_id)
    now = clock.now()
    views = []
    for dataset in datasets:
        owner, level = by_id[dataset.owner_id], sight.level(dataset.id, dataset.owner_id)
        sees, owns = sight.permissions(dataset), level >= PermissionLevel.MANAGE
        budget = budgets.get(dataset.id) if level >= PermissionLevel.USE else None
        views.append(
            DatasetView(
                dataset=replace(dataset, meta=texts.get(dataset.id) or "")
                if owns
                else _without_secrets(dataset, sees, masks[dataset.id]),
                owner_number=owner.number,
                owner_email=owner.email,
                budget=None if budget is None else refilled(budget, now),
                sees=sees,
                owns=owns,
            )
        )
    return views


async def hidden_columns(work: UnitOfWork, sight: Sight, datasets: Sequence[Dataset]) -> dict[str, frozenset[str]]:
    """By dataset the columns that do not exist for the actor (contract dq0 5.5); none for who manages it."""
    rules = await mask_rules(work, [dataset.id for dataset in datasets], sight.actor.user_id)
    return {
        dataset.id: frozenset()
        if sight.level(dataset.id, dataset.owner_id) >= PermissionLevel.MANAGE
        else rules[dataset.id].hidden
        for dataset in datasets
    }


def _without_secrets(dataset: Dataset, sees: frozenset[DataPermission], mask: MaskRules) -> Dataset:
    """What others than owners may see. How many rows there are is the owners' (contract dq0 6.2)."""
    statistics = DataPermission.STATS in sees
    return replace(
        dataset,
        meta="",
        size=0,
        description=dataset.description if DataPermission.META in sees else "",
        mean=dataset.mean if statistics else "",
        deviation=dataset.deviation if statistics else "",
        statistics=dataset.statistics if statistics else "",
        sample=without_columns(dataset.sample, mask.hidden) if DataPermission.SAMPLE in sees else "",
    )
