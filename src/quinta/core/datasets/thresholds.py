"""Thresholds: for how many different values a group must stand that somebody is told of (contract dq0 5.5)."""

from __future__ import annotations

from dataclasses import dataclass

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.access.references import Reference, person_of
from quinta.core.datasets.entries import check_columns, entries_for, who
from quinta.core.datasets.masking import mask_rules
from quinta.core.datasets.metadata_keeper import MetadataKeeper
from quinta.core.datasets.model import Dataset, Threshold
from quinta.core.datasets.sight import DatasetReference, dataset_referred
from quinta.core.errors import InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.pages import Page, Paging
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ThresholdView:
    """A threshold with its dataset's number and name, and the user it is for: none of these two for everybody's. Who
    does not manage the dataset is not told a column that is hidden from it: "" instead."""

    threshold: Threshold
    column_name: str
    dataset_number: int
    dataset_name: str
    user_number: int | None
    user_email: str | None


class Thresholds:
    """Use cases about thresholds."""

    def __init__(self, store: Store, clock: Clock, keeper: MetadataKeeper) -> None:
        self._store = store
        self._clock = clock
        self._keeper = keeper

    async def set(
        self, actor: Actor, dataset: DatasetReference, column_name: str, threshold: int, user: Reference | None = None
    ) -> None:
        """Sets the threshold for a user, or for everybody, on a dataset that the actor manages; 0 removes it.

        InvalidInput: a column that the dataset does not have (``field``), no number from 0 to MOST (``threshold``).
        """
        async with self._store.read() as work:
            found = await dataset_referred(work, actor, dataset, PermissionLevel.MANAGE)
        if not 0 <= threshold <= MOST:
            raise InvalidInput(f"a threshold is a number from 0 to {MOST}, not {threshold}", field="threshold")
        if not column_name:
            raise InvalidInput("say which column the threshold is for", field="field")
        check_columns(await self._keeper.of(found), [column_name], "field")
        async with self._store.begin() as work:
            await dataset_referred(work, actor, DatasetReference(id=found.id), PermissionLevel.MANAGE)
            await work.of(Dataset, EVERYTHING).lock(found.id)  # two at once write one row
            person = None if user is None else await person_of(work, user)
            await self._write(work, found.id, None if person is None else person.id, column_name, threshold)
            work.emit(Event(EventName.THRESHOLD_CHANGED, found.id, (f"dataset:{found.id}",), actor.user_id))

    async def find(self, actor: Actor, paging: Paging, dataset: DatasetReference | None = None) -> Page[ThresholdView]:
        """All thresholds of the datasets that the actor manages, and its own on others that it may use and read the
        description of; oldest first."""
        async with self._store.read() as work:
            page, seen = await entries_for(work, actor, Threshold, paging, dataset)
            rules = await mask_rules(work, {item.dataset_id for item in page.items}, actor.user_id)
            views = []
            for item in page.items:
                told = seen.owns(item.dataset_id) or item.column_name not in rules[item.dataset_id].hidden
                user, found = who(seen, item.user_id), seen.datasets[item.dataset_id]
                views.append(
                    ThresholdView(
                        threshold=item,
                        column_name=item.column_name if told else "",
                        dataset_number=found.number,
                        dataset_name=found.name,
                        user_number=None if user is None else user.number,
                        user_email=None if user is None else user.email,
                    )
                )
        return Page(tuple(views), page.total)

    async def _write(self, work: UnitOfWork, dataset_id: str, user_id: str | None, column: str, threshold: int) -> None:
        thresholds, now = work.of(Threshold, EVERYTHING), self._clock.now()
        found = await thresholds.get(dataset_id=dataset_id, user_id=user_id, column_name=column)
        if threshold == 0:
            await thresholds.remove(dataset_id=dataset_id, user_id=user_id, column_name=column)
        elif found is None:
            await thresholds.add(Threshold(new_id(), dataset_id, user_id, column, threshold, now, now))
        else:
            await thresholds.change(found.id, threshold=threshold, updated_at=now)
