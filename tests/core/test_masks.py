"""Masks and thresholds on both databases: who sets them, who sees which, and what holds of several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from quinta.core.access.references import Reference
from quinta.core.datasets.masking import mask_rules
from quinta.core.datasets.model import MaskRules
from quinta.core.datasets.sight import DatasetReference
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, QuintaError
from quinta.core.pages import Paging
from tests.core.dataset_scene import DataHouse, house

__all__ = ["house"]

PEOPLE = DatasetReference(name="people")
UMA = Reference(name="uma@example.com")


async def raised(call: Awaitable[object]) -> type[QuintaError]:
    with pytest.raises(QuintaError) as caught:
        await call
    return type(caught.value)


async def masks(house: DataHouse, person: str) -> list[tuple[Any, ...]]:
    page = await house.masks.find(house.people[person], Paging())
    assert page.total == len(page.items)
    return [(view.user_email, view.hidden, view.private, view.public) for view in page.items]


async def thresholds(house: DataHouse, person: str) -> list[tuple[Any, ...]]:
    page = await house.thresholds.find(house.people[person], Paging())
    assert page.total == len(page.items)
    return [(view.user_email, view.column_name, view.threshold.threshold) for view in page.items]


async def rules(house: DataHouse, person: str, dataset_id: str) -> MaskRules:
    async with house.database.read() as work:
        return (await mask_rules(work, [dataset_id], house.people[person].user_id))[dataset_id]


async def test_the_stricter_of_two_masks_holds(house: DataHouse) -> None:
    made = await house.register("olga")
    olga, ids = house.people["olga"], made.dataset.id
    assert await rules(house, "uma", ids) == MaskRules()
    await house.masks.set(olga, PEOPLE, {"public": ["age", "job"]})
    assert await rules(house, "uma", ids) == MaskRules(public=frozenset({"age", "job"}))
    await house.masks.set(olga, PEOPLE, {"hidden": "id, age", "public": "job"}, UMA)
    assert await rules(house, "uma", ids) == MaskRules(frozenset({"id", "age"}), frozenset({"job"}))
    assert await rules(house, "ugo", ids) == MaskRules(public=frozenset({"age", "job"}))
    await house.masks.set(olga, PEOPLE, {"private": ["job"]})
    assert (await rules(house, "uma", ids)).public == frozenset()


async def test_who_sees_which_masks(house: DataHouse) -> None:
    await house.register("olga")
    await house.masks.set(house.people["olga"], PEOPLE, {"public": ["job"]})
    await house.masks.set(house.people["ada"], PEOPLE, {"hidden": ["id"], "private": ["age"]}, UMA)
    for person in ("olga", "ada"):
        assert await masks(house, person) == [
            (None, (), (), ("job",)),
            ("uma@example.com", ("id",), ("age",), ()),
        ]
    assert await masks(house, "uma") == [("uma@example.com", (), ("age",), ())], "what is hidden does not exist for her"
    assert await masks(house, "ugo") == await masks(house, "nobody") == []
    assert await raised(house.masks.find(house.people["nobody"], Paging(), PEOPLE)) is NotFound


async def test_a_mask_replaces_the_one_before(house: DataHouse) -> None:
    await house.register("olga")
    calls = [house.masks.set(house.people["olga"], PEOPLE, {"hidden": ["id"]}, UMA) for _ in range(4)]
    await asyncio.gather(*calls)
    await house.masks.set(house.people["olga"], PEOPLE, {"hidden": ["age"]}, UMA)
    assert await masks(house, "olga") == [("uma@example.com", ("age",), (), ())]


@pytest.mark.parametrize(
    "data",
    [{"hiden": ["id"]}, {"hidden": ["ids"]}, {"hidden": ["id"], "public": ["id"]}, {"hidden": 1}, {"hidden": [1]}],
)
async def test_what_is_no_mask(house: DataHouse, data: dict[str, Any]) -> None:
    await house.register("olga")
    assert await raised(house.masks.set(house.people["olga"], PEOPLE, data)) is InvalidInput
    assert await masks(house, "olga") == []


async def test_who_sets_masks_and_thresholds(house: DataHouse) -> None:
    await house.register("olga")
    for person, error in (("otto", NotPermitted), ("uma", NotPermitted), ("nobody", NotFound)):
        actor = house.people[person]
        assert await raised(house.masks.set(actor, PEOPLE, {})) is error
        assert await raised(house.thresholds.set(actor, PEOPLE, "age", 5)) is error
    unknown = Reference(name="none@example.com")
    assert await raised(house.masks.set(house.people["olga"], PEOPLE, {}, unknown)) is NotFound
    assert await raised(house.thresholds.set(house.people["olga"], PEOPLE, "age", 5, unknown)) is NotFound


async def test_thresholds_are_set_changed_and_removed(house: DataHouse) -> None:
    await house.register("olga")
    olga = house.people["olga"]
    await asyncio.gather(*(house.thresholds.set(olga, PEOPLE, "age", 5) for _ in range(4)))
    await house.thresholds.set(olga, PEOPLE, "age", 10, UMA)
    await house.thresholds.set(olga, PEOPLE, "job", 3, UMA)
    mine = [("uma@example.com", "age", 10), ("uma@example.com", "job", 3)]
    assert await thresholds(house, "olga") == [(None, "age", 5), *mine]
    assert await thresholds(house, "uma") == mine
    await house.thresholds.set(olga, PEOPLE, "age", 12, UMA)
    await house.thresholds.set(olga, PEOPLE, "age", 0)
    await house.masks.set(olga, PEOPLE, {"hidden": ["job"]}, UMA)
    assert await thresholds(house, "uma") == [("uma@example.com", "age", 12), ("uma@example.com", "", 3)]
    assert await thresholds(house, "ugo") == []
    for column, threshold in (("ages", 1), ("", 1), ("age", -1), ("age", 2**40)):
        assert await raised(house.thresholds.set(olga, PEOPLE, column, threshold)) is InvalidInput


async def test_without_the_description_nothing_of_columns_is_told(house: DataHouse) -> None:
    await house.register("olga", data_permissions="[read]")
    await house.masks.set(house.people["olga"], PEOPLE, {"public": ["job"]}, UMA)
    await house.thresholds.set(house.people["olga"], PEOPLE, "age", 5, UMA)
    assert await masks(house, "uma") == await thresholds(house, "uma") == []
    assert len(await masks(house, "olga")) == len(await thresholds(house, "olga")) == 1
