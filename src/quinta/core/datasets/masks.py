"""Masks: which columns exist for whom, and how (contract dq0 5.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.access.references import Reference, person_of
from quinta.core.datasets.entries import check_columns, entries_for, who
from quinta.core.datasets.masking import columns_in
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import Dataset, Mask
from quinta.core.datasets.sight import DatasetReference, dataset_referred
from quinta.core.errors import InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_KINDS = ("hidden", "private", "public")


@dataclass(frozen=True, slots=True)
class MaskView:
    """A mask with the names of its columns, its dataset's number and name, and the user it is for: none of these two
    for the default. Who does not manage the dataset sees none of the hidden columns, which do not exist for it."""

    mask: Mask
    hidden: tuple[str, ...]
    private: tuple[str, ...]
    public: tuple[str, ...]
    dataset_number: int
    dataset_name: str
    user_number: int | None
    user_email: str | None


class Masks:
    """Use cases about masks."""

    def __init__(self, store: Store, clock: Clock, keeper: MetadataKeeper) -> None:
        self._store = store
        self._clock = clock
        self._keeper = keeper

    async def set(
        self, actor: Actor, dataset: DatasetReference, data: Mapping[str, Any], user: Reference | None = None
    ) -> None:
        """Sets the mask of a user, or of everybody, on a dataset that the actor manages, in place of what it was.

        ``data`` has lists of columns under hidden, private and public, or texts with commas. InvalidInput
        (``mask_data``): another key, a column that the dataset does not have, one that stands there twice.
        """
        async with self._store.read() as work:
            found = await dataset_referred(work, actor, dataset, PermissionLevel.MANAGE)
        columns = _columns(data)
        check_columns(await self._keeper.of(found), [name for names in columns.values() for name in names], "mask_data")
        values = {kind: json.dumps(names) for kind, names in columns.items()}
        async with self._store.begin() as work:
            await dataset_referred(work, actor, DatasetReference(id=found.id), PermissionLevel.MANAGE)
            await work.of(Dataset, EVERYTHING).lock(found.id)  # two at once write one row
            person = None if user is None else await person_of(work, user)
            await self._write(work, found.id, None if person is None else person.id, values)
            work.emit(Event(EventName.MASK_CHANGED, found.id, (f"dataset:{found.id}",), actor.user_id))

    async def find(self, actor: Actor, paging: Paging, dataset: DatasetReference | None = None) -> Page[MaskView]:
        """All masks of the datasets that the actor manages, and its own on others that it may use and read the
        description of; oldest first."""
        async with self._store.read() as work:
            masks, seen = await entries_for(work, actor, Mask, paging, dataset)
            views = [
                MaskView(
                    mask=mask,
                    hidden=columns_in(mask.hidden) if seen.owns(mask.dataset_id) else (),
                    private=columns_in(mask.private),
                    public=columns_in(mask.public),
                    dataset_number=seen.datasets[mask.dataset_id].number,
                    dataset_name=seen.datasets[mask.dataset_id].name,
                    user_number=_number(user := who(seen, mask.user_id)),
                    user_email=None if user is None else user.email,
                )
                for mask in masks.items
            ]
        return Page(tuple(views), masks.total)

    async def _write(self, work: UnitOfWork, dataset_id: str, user_id: str | None, values: dict[str, str]) -> None:
        masks, now = work.of(Mask, EVERYTHING), self._clock.now()
        mask = await masks.get(dataset_id=dataset_id, user_id=user_id)
        if mask is None:
            await masks.add(Mask(new_id(), dataset_id, user_id, created_at=now, updated_at=now, **values))
        else:
            await masks.change(mask.id, **values, updated_at=now)


def _number(user: User | None) -> int | None:
    return None if user is None else user.number


def _columns(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The columns by kind, each in one at most."""
    if unknown := sorted(set(data) - set(_KINDS)):
        raise InvalidInput(f"mask_data has {', '.join(_KINDS)}, but no '{unknown[0][:80]}'", field="mask_data")
    found = {kind: _names(data.get(kind), kind) for kind in _KINDS}
    every = [name for names in found.values() for name in names]
    if twice := sorted({name for name in every if every.count(name) > 1}):
        raise InvalidInput(f"mask_data has the column '{twice[0][:80]}' twice", field="mask_data")
    return found


def _names(value: Any, kind: str) -> list[str]:
    if value is None:
        return []
    names: Sequence[Any] = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"mask_data: {kind} must be a list of columns, or a text with commas", field="mask_data")
    return [stripped for name in names if (stripped := name.strip())]
