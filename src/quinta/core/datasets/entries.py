"""What masks and thresholds have alike: entries of a dataset, for one user or for everybody (contract dq0 5.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.datasets.model import DataPermission, Dataset, Mask, Threshold
from quinta.core.datasets.sight import DatasetReference, Sight, dataset_referred, sight_of, visible_ids
from quinta.core.errors import InvalidInput
from quinta.core.pages import Page, Paging, check_page
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User

Entry = TypeVar("Entry", Mask, Threshold)


@dataclass(frozen=True, slots=True)
class Seen:
    """The datasets and users of a page of entries, by id."""

    sight: Sight
    datasets: Mapping[str, Dataset]
    users: Mapping[str, User]

    def owns(self, dataset_id: str) -> bool:
        """Whether the actor manages the dataset."""
        return self.sight.level(dataset_id, self.datasets[dataset_id].owner_id) >= PermissionLevel.MANAGE


async def entries_for(
    work: UnitOfWork, actor: Actor, kind: type[Entry], paging: Paging, reference: DatasetReference | None
) -> tuple[Page[Entry], Seen]:
    """The part of the entries that the actor may see, oldest first: all of datasets that it manages, of others that it
    may use its own, if their owners show the description. NotFound for a ``reference`` that it may not know of."""
    check_page(paging)
    sight = await sight_of(work, actor)
    if reference is not None:
        ids = [(await dataset_referred(work, actor, reference, PermissionLevel.USE)).id]
    else:
        ids = await visible_ids(work, sight, PermissionLevel.USE, ("id",))
    datasets = {dataset.id: dataset for dataset in await work.of(Dataset, EVERYTHING).find(id=ids)}
    seen = Seen(sight, datasets, {})
    managed = [item for item in ids if seen.owns(item)]
    used = [item for item in set(ids).difference(managed) if DataPermission.META in sight.permissions(datasets[item])]
    entries = work.of(kind, EVERYTHING)
    known: list[str] = await entries.values("id", dataset_id=managed)
    known += await entries.values("id", dataset_id=used, user_id=actor.user_id)
    shown = sorted(known)[paging.offset : paging.offset + paging.limit]
    found = await entries.find(id=shown, order=("id",))
    users = await work.of(User, EVERYTHING).find(id={item.user_id for item in found if item.user_id is not None})
    return Page(tuple(found), len(known)), Seen(sight, datasets, {user.id: user for user in users})


def who(seen: Seen, user_id: str | None) -> User | None:
    """The user of an entry; None for one that is everybody's."""
    return None if user_id is None else seen.users[user_id]


def check_columns(metadata: DatasetMetadata, names: Sequence[str], field: str) -> None:
    """InvalidInput where a table says its columns and one of ``names`` is in none: a name that is misspelt would
    protect nothing."""
    known = {column.name for _, table in metadata.tables for column in table.columns}
    for name in names:
        if known and name not in known:
            raise InvalidInput(f"the dataset has no column '{name[:80]}'", field=field)
