"""Budgets on both databases: reserved, spent, given back, and never below nothing, whoever comes at once."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from quinta.core.datasets.epsilon import budget_of, cost_of, epsilon_of
from quinta.core.datasets.model import NANO, BudgetCharge, ChargeState, PrivacyBudget
from quinta.core.datasets.sight import DatasetReference
from quinta.core.errors import InvalidInput, LimitReached, NotFound, NotPermitted, QuintaError
from quinta.core.pages import Paging
from quinta.core.scope import EVERYTHING
from tests.core.dataset_scene import DataHouse, house
from tests.core.ledger_clerk import STEPS

__all__ = ["house"]

PEOPLE = DatasetReference(name="people")


async def raised(call: Awaitable[object]) -> type[QuintaError]:
    with pytest.raises(QuintaError) as caught:
        await call
    return type(caught.value)


async def reserve(house: DataHouse, ids: list[str], job: str, epsilon: float, delta: float = 0.0) -> None:
    async with house.database.begin() as work:
        user = house.people["uma"].user_id
        await house.budgets.reserve(work, ids, job, user, cost_of(epsilon), delta)


async def settle(house: DataHouse, job: str) -> int:
    async with house.database.begin() as work:
        return await house.budgets.settle(work, job)


async def give_back(house: DataHouse, job: str) -> int:
    async with house.database.begin() as work:
        return await house.budgets.give_back(work, job)


async def left(house: DataHouse, person: str = "olga") -> list[tuple[str, float, float]]:
    page = await house.budgets.find(house.people[person], Paging())
    assert page.total == len(page.items)
    return [
        (view.dataset_name, epsilon_of(view.budget.initial), epsilon_of(view.budget.current)) for view in page.items
    ]


async def charges(house: DataHouse) -> list[BudgetCharge]:
    async with house.database.read() as work:
        return await work.of(BudgetCharge, EVERYTHING).find(order=("id",))


async def registered(house: DataHouse, *names: str, **top: str) -> list[str]:
    return [(await house.register("olga", name, **({"privacy_budget": "10"} | top))).dataset.id for name in names]


@pytest.mark.parametrize(
    ("epsilon", "cost", "budget"),
    [(0.1, 100_000_000, 100_000_000), (1e-10, 1, 0), (0, 0, 0), (1e9, 10**18, 10**18), (0.7, 700_000_000, 700_000_000)],
)
def test_epsilon_is_counted_in_integers(epsilon: float, cost: int, budget: int) -> None:
    assert (cost_of(epsilon), budget_of(epsilon)) == (cost, budget)


@pytest.mark.parametrize("epsilon", [-1e-12, float("nan"), float("inf"), 1.1e9])
def test_what_is_no_epsilon(epsilon: float) -> None:
    for convert in (cost_of, budget_of):
        with pytest.raises(InvalidInput):
            convert(epsilon)


async def test_a_charge_is_reserved_and_settled(house: DataHouse) -> None:
    ids = await registered(house, "people")
    await reserve(house, ids, "job", 0.1, 1e-6)
    assert await left(house) == [("people", 10, 9.9)]
    assert await settle(house, "job") == 1
    assert (await settle(house, "job"), await give_back(house, "job")) == (0, 0)
    assert await left(house) == [("people", 10, 9.9)]
    [charge] = await charges(house)
    assert (charge.amount, charge.delta, charge.state) == (100_000_000, 1e-6, ChargeState.SETTLED)


async def test_a_charge_is_given_back(house: DataHouse) -> None:
    ids = await registered(house, "people", "other")
    await reserve(house, ids, "job", 3)
    assert await left(house) == [("people", 10, 7), ("other", 10, 7)]
    assert await give_back(house, "job") == 2
    assert (await give_back(house, "job"), await settle(house, "job")) == (0, 0)
    assert await left(house) == [("people", 10, 10), ("other", 10, 10)]


async def test_too_much_is_refused_and_takes_nothing(house: DataHouse) -> None:
    ids = await registered(house, "people", "other")
    await reserve(house, ids[:1], "first", 9.5)
    with pytest.raises(LimitReached) as caught:
        await reserve(house, ids, "second", 0.500000001)
    assert not {"people", "other", "0.5"} & set(caught.value.message.split())
    assert await left(house) == [("people", 10, 0.5), ("other", 10, 10)]
    await reserve(house, ids, "second", 0.5)
    assert await left(house) == [("people", 10, 0), ("other", 10, 9.5)]
    await reserve(house, ids, "third", 0)
    with pytest.raises(LimitReached):
        await reserve(house, ids, "fourth", 1e-9)


async def test_a_dataset_that_is_gone_is_not_charged(house: DataHouse) -> None:
    ids = await registered(house, "people", "other")
    await house.datasets.delete(house.people["olga"], ids[1])
    assert await raised(reserve(house, ids, "job", 1)) is NotFound
    assert await left(house) == [("people", 10, 10)]
    await reserve(house, ids[:1], "job", 1)


async def test_many_at_once_never_take_more_than_there_is(house: DataHouse) -> None:
    ids = await registered(house, "people", "other")
    calls = [reserve(house, ids[:: 1 if number % 2 else -1], f"job {number}", 1) for number in range(16)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(answer is None for answer in answers) == 10
    assert sum(isinstance(answer, LimitReached) for answer in answers) == 6
    assert await left(house) == [("people", 10, 0), ("other", 10, 0)]
    kept = await charges(house)
    assert sum(charge.amount for charge in kept) == 20 * NANO


async def test_all_kinds_of_changes_at_once_add_up(house: DataHouse) -> None:
    ids = await registered(house, "people")
    for number in range(5):
        await reserve(house, ids, f"old {number}", 2)
    calls: list[Awaitable[object]] = [give_back(house, f"old {number}") for number in range(5) for _ in range(2)]
    calls += [settle(house, f"old {number}") for number in range(5)]
    calls += [reserve(house, ids, f"new {number}", 3) for number in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {int, type(None), LimitReached}
    kept = await charges(house)
    taken = sum(charge.amount for charge in kept if charge.state is not ChargeState.RETURNED)
    [(_, initial, current)] = await left(house)
    assert cost_of(initial) - taken == cost_of(current) >= 0
    old = [charge for charge in kept if charge.job_id.startswith("old")]
    assert len(old) == 5
    assert ChargeState.RESERVED not in {charge.state for charge in old}, "each was ended once, by one of three"


async def test_two_processes_never_take_more_than_there_is(house: DataHouse, database_url: str) -> None:
    """What clerks do is chance, and who comes first too; the books agree at every moment that they are looked at."""
    ids = await registered(house, "people", "other")
    clerks = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.core.ledger_clerk", database_url, "1", *names, *ids),
            stdin=PIPE,
            stdout=PIPE,
        )
        for names in (("left", "right"), ("right", "left"))
    ]
    for clerk in clerks:
        assert clerk.stdout is not None
        assert await clerk.stdout.readline() == b"ready\n"
    ended = asyncio.gather(*[clerk.communicate(b"go\n") for clerk in clerks])
    while not ended.done():
        assert all(0 <= current <= initial == 10 for _, initial, current in await left(house))
        await asyncio.wait([ended], timeout=0.05)
    assert [clerk.returncode for clerk in clerks] == [0, 0]
    did: Counter[str] = Counter()
    for said, _ in await ended:
        did += Counter(json.loads(said))
    assert did.keys() == {"reserve", "refused", "settle", "give back", "nothing to end"}, "chance has tried everything"
    assert did.total() == 2 * STEPS
    kept, budgets = await charges(house), await left(house)
    for dataset_id, (_, initial, current) in zip(ids, budgets, strict=True):
        taken = [item for item in kept if item.dataset_id == dataset_id and item.state is not ChargeState.RETURNED]
        assert cost_of(initial) - sum(item.amount for item in taken) == cost_of(current)
    jobs = {item.job_id: {other.state for other in kept if other.job_id == item.job_id} for item in kept}
    assert len(jobs) == did["reserve"]
    assert all(len(states) == 1 for states in jobs.values()), "a job is ended as a whole"
    ends = Counter(state for (state,) in jobs.values())
    assert (ends[ChargeState.SETTLED], ends[ChargeState.RETURNED]) == (did["settle"], did["give back"])


async def test_a_budget_is_given_anew_after_its_interval(house: DataHouse) -> None:
    ids = await registered(house, "people", privacy_budget_interval_days="7")
    await reserve(house, ids, "first", 8)
    house.clock.move(days=6)
    assert await left(house) == [("people", 10, 2)]
    assert await raised(reserve(house, ids, "second", 3)) is LimitReached
    house.clock.move(days=1)
    assert await left(house) == [("people", 10, 10)]
    await reserve(house, ids, "second", 3)
    assert await left(house) == [("people", 10, 7)]
    assert await give_back(house, "first") == 1
    assert await left(house) == [("people", 10, 7)], "what was taken before the budget was given anew is not added"
    assert await give_back(house, "second") == 1
    assert await left(house) == [("people", 10, 10)]
    house.clock.move(days=20)
    await reserve(house, ids, "third", 1)
    async with house.database.read() as work:
        budget = await work.of(PrivacyBudget, EVERYTHING).get(dataset_id=ids[0])
    assert budget is not None
    assert house.clock.now() - budget.refilled_at == timedelta(days=6), "intervals follow each other without drift"


async def test_owners_set_what_is_left(house: DataHouse) -> None:
    ids = await registered(house, "people")
    await reserve(house, ids, "running", 4)
    view = await house.budgets.set_current(house.people["olga"], PEOPLE, 0)
    assert (view.dataset_name, view.budget.current, view.budget.initial) == ("people", 0, 10 * NANO)
    assert await give_back(house, "running") == 1
    assert await left(house) == [("people", 10, 0)], "nothing is left, as the owner said, whatever comes back"
    await house.budgets.set_current(house.people["ada"], PEOPLE, 25.5)
    assert await left(house) == [("people", 25.5, 25.5)]
    await reserve(house, ids, "next", 0.5)
    assert await give_back(house, "next") == 1
    assert await left(house) == [("people", 25.5, 25.5)]
    for person, error in (("otto", NotPermitted), ("uma", NotPermitted), ("nobody", NotFound)):
        assert await raised(house.budgets.set_current(house.people[person], PEOPLE, 1)) is error
    assert await raised(house.budgets.set_current(house.people["olga"], PEOPLE, -1)) is InvalidInput


async def test_who_sees_budgets(house: DataHouse) -> None:
    await registered(house, "people", "other")
    for person in ("ada", "otto", "uma"):
        assert [name for name, _, _ in await left(house, person)] == ["people", "other"]
    assert await left(house, "nobody") == []
    one = await house.budgets.find(house.people["uma"], Paging(), DatasetReference(name="other"))
    assert [view.dataset_name for view in one.items] == ["other"]
    second = await house.budgets.find(house.people["uma"], Paging(limit=1, offset=1))
    assert ([view.dataset_name for view in second.items], second.total) == (["other"], 2)
    assert await raised(house.budgets.find(house.people["nobody"], Paging(), PEOPLE)) is NotFound
