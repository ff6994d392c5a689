"""Datasets on both databases: who registers, changes, sees and uses them, and what never leaves for others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from uuid import UUID

import pytest

from quinta.core.access.base_roles import base_role
from quinta.core.access.platform_roles import BaseRole
from quinta.core.access.references import Reference
from quinta.core.datasets.attachments import datasets_for_job
from quinta.core.datasets.datasets import DatasetQuery
from quinta.core.datasets.metadata_keeper import seal_datasets_again
from quinta.core.datasets.model import NANO, DataPermission, Dataset
from quinta.core.datasets.sight import DatasetReference, DatasetView
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, NotPermitted, QuintaError, StateConflict
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.pages import Paging
from quinta.core.scope import EVERYTHING
from tests.core.account_scene import KEYRING, keyring
from tests.core.dataset_scene import DEFAULT_BUDGET, DataHouse, house

__all__ = ["house"]

USERS = Reference(name=BaseRole.USER)


async def raised(call: Awaitable[object]) -> type[QuintaError]:
    with pytest.raises(QuintaError) as caught:
        await call
    return type(caught.value)


def by_name(name: str = "people") -> DatasetReference:
    return DatasetReference(name=name)


async def test_an_owner_registers_a_dataset(house: DataHouse) -> None:
    view = await house.register("olga", privacy_budget="50", data_mean="'(33, 1)'")
    dataset = view.dataset
    assert UUID(dataset.id).version == 4
    assert (dataset.number, dataset.name, dataset.kind, dataset.size) == (1, "people", "csv", 1000)
    assert (view.owner_email, view.owns, view.sees) == ("olga@example.com", True, frozenset(DataPermission))
    assert dataset.meta == house.text(privacy_budget="50", data_mean="'(33, 1)'")
    assert view.budget is not None
    assert (view.budget.initial, view.budget.current) == (50 * NANO, 50 * NANO)
    assert await house.datasets.get(house.people["olga"], dataset.id) == view
    assert await house.datasets.get(house.people["ada"], dataset.id) == view


async def test_only_owners_and_administrators_register(house: DataHouse) -> None:
    for person in ("uma", "nobody"):
        assert await raised(house.register(person)) is NotPermitted
    assert (await house.register("ada")).owner_email == "ada@example.com"


async def test_what_others_than_owners_see(house: DataHouse) -> None:
    made = await house.register(
        "olga",
        data_permissions="[read, meta, types, stats]",
        data_mean="m",
        data_stats="s",
        data_sample="[{job: clerk}]",
    )
    expected = replace(made.dataset, meta="", size=0, sample="")
    for person in ("otto", "uma"):
        view = await house.datasets.get(house.people[person], made.dataset.id)
        assert view.dataset == expected
        assert (view.owns, view.sees) == (False, frozenset(DataPermission) - {DataPermission.SAMPLE})
        assert view.budget == made.budget
        assert await house.names(person) == ["people"]
    assert await house.names("nobody") == []
    for call in (house.datasets.get, house.datasets.sample, house.datasets.delete):
        assert await raised(call(house.people["nobody"], made.dataset.id)) is NotFound
        assert await raised(call(house.people["uma"], "0197a000-0000-7000-8000-000000000000")) is NotFound


async def test_nothing_is_shown_that_the_owner_does_not_allow(house: DataHouse) -> None:
    made = await house.register("olga", data_permissions="[read]", data_mean="m", data_std="d", data_stats="s")
    view = await house.datasets.get(house.people["uma"], made.dataset.id)
    assert (view.dataset.description, view.dataset.mean, view.dataset.deviation, view.dataset.statistics) == ("",) * 4
    assert view.dataset.permissions == (DataPermission.READ,)
    assert await raised(house.datasets.sample(house.people["uma"], made.dataset.id)) is NotPermitted


async def test_a_sample_is_what_the_owner_wrote(house: DataHouse) -> None:
    made = await house.register("olga", data_permissions="[sample]", data_sample="[{id: 1, job: clerk}]")
    view = await house.datasets.sample(house.people["uma"], made.dataset.id)
    assert view.dataset.sample == '[{"id": 1, "job": "clerk"}]'
    await house.masks.set(house.people["olga"], by_name(), {"hidden": ["id"]}, Reference(name="uma@example.com"))
    view = await house.datasets.sample(house.people["uma"], made.dataset.id)
    assert view.dataset.sample == '[{"job": "clerk"}]'
    view = await house.datasets.sample(house.people["ugo"], made.dataset.id)
    assert view.dataset.sample == '[{"id": 1, "job": "clerk"}]'


@pytest.mark.parametrize("name", ["a,b", "it's", " people", "0197a000-0000-4000-8000-000000000000"])
async def test_names_that_no_dataset_has(house: DataHouse, name: str) -> None:
    quoted = f'"{name}"'
    assert await raised(house.register("olga", quoted)) is InvalidInput
    await house.register("olga", '"a b"')


async def test_a_name_is_free_again_after_deletion(house: DataHouse) -> None:
    first = await house.register("olga")
    assert await raised(house.register("otto")) is AlreadyExists
    assert await raised(house.datasets.delete(house.people["otto"], first.dataset.id)) is NotPermitted
    assert await house.datasets.delete(house.people["olga"], first.dataset.id) == first
    assert await raised(house.datasets.get(house.people["olga"], first.dataset.id)) is NotFound
    second = await house.register("otto")
    assert second.dataset.number == 2
    async with house.database.read() as work:
        kept = await work.of(Dataset, EVERYTHING).get(id=first.dataset.id)
    assert kept is not None
    assert kept.deleted_at == house.clock.now()


async def test_of_two_at_once_with_one_name_one_is_registered(house: DataHouse) -> None:
    answers = await asyncio.gather(house.register("olga"), house.register("otto"), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyExists", "DatasetView"]


async def test_changing_replaces_what_metadata_say(house: DataHouse) -> None:
    made = await house.register("olga", privacy_budget="50")
    house.clock.move(hours=1)
    text = house.text("folk", privacy_budget="40", privacy_budget_interval_days="7", data_permissions="[read]")
    changed = await house.datasets.change(house.people["olga"], made.dataset.id, text)
    assert (changed.dataset.name, changed.dataset.number, changed.dataset.meta) == ("folk", 1, text)
    assert changed.dataset.permissions == (DataPermission.READ,)
    assert changed.dataset.updated_at == house.clock.now()
    assert changed.budget is not None
    assert (changed.budget.initial, changed.budget.current, changed.budget.interval_days) == (40 * NANO, 40 * NANO, 7)


async def test_a_change_of_words_leaves_what_was_spent(house: DataHouse) -> None:
    made = await house.register("olga", privacy_budget="50")
    async with house.database.begin() as work:
        await house.budgets.reserve(work, [made.dataset.id], "job", None, 20 * NANO)
    changed = await house.datasets.change(
        house.people["olga"], made.dataset.id, house.text("folk", privacy_budget="50")
    )
    assert changed.budget is not None
    assert (changed.budget.initial, changed.budget.current) == (50 * NANO, 30 * NANO)
    changed = await house.datasets.change(house.people["olga"], made.dataset.id, house.text(privacy_budget="60"))
    assert changed.budget is not None
    assert (changed.budget.initial, changed.budget.current) == (60 * NANO, 40 * NANO)


async def test_who_may_change_what(house: DataHouse) -> None:
    made = await house.register("olga")
    changes = house.datasets.change
    for person in ("otto", "uma"):
        assert await raised(changes(house.people[person], made.dataset.id, house.text())) is NotPermitted
    assert await raised(changes(house.people["nobody"], made.dataset.id, house.text())) is NotFound
    await house.datasets.set_permission(house.people["olga"], by_name(), Reference(name=BaseRole.OWNER), 3)
    assert (await changes(house.people["otto"], made.dataset.id, house.text("by otto"))).dataset.name == "by otto"
    await house.datasets.set_permission(house.people["olga"], by_name("by otto"), USERS, 3)
    assert await raised(changes(house.people["uma"], made.dataset.id, house.text())) is NotPermitted, "no data owner"
    other = await house.register("otto", "other")
    assert await raised(changes(house.people["otto"], other.dataset.id, house.text("by otto"))) is AlreadyExists


async def test_a_grant_to_a_role_is_taken_back(house: DataHouse) -> None:
    made = await house.register("olga")
    for level, expected in ((1, ["people"]), (0, [])):
        await house.datasets.set_permission(house.people["olga"], by_name(), USERS, level)
        assert await house.names("uma") == expected
    assert await raised(house.datasets.get(house.people["uma"], made.dataset.id)) is NotFound
    await house.datasets.set_permission(house.people["olga"], by_name(), USERS, 1)
    listed = await house.datasets.get(house.people["uma"], made.dataset.id)
    assert (listed.sees, listed.budget) == (frozenset({DataPermission.META}), None)
    assert await raised(house.datasets.set_permission(house.people["uma"], by_name(), USERS, 4)) is NotPermitted
    assert await raised(house.datasets.set_permission(house.people["olga"], by_name(), USERS, 5)) is InvalidInput
    assert await raised(house.datasets.set_permission(house.people["nobody"], by_name(), USERS, 4)) is NotFound


async def test_a_reference_says_one_dataset(house: DataHouse) -> None:
    first, second = await house.register("olga"), await house.register("olga", "other")
    grant = house.datasets.set_permission
    everything = DatasetReference(first.dataset.number, "people", first.dataset.id)
    await grant(house.people["olga"], everything, USERS, 2)
    assert await raised(grant(house.people["olga"], DatasetReference(), USERS, 2)) is InvalidInput
    mixed = DatasetReference(second.dataset.number, "people")
    assert await raised(grant(house.people["olga"], mixed, USERS, 2)) is InvalidInput
    for missing in (DatasetReference(99), DatasetReference(2**70), by_name("none")):
        assert await raised(grant(house.people["olga"], missing, USERS, 2)) is NotFound


async def test_lists_are_sorted_paged_and_filtered(house: DataHouse) -> None:
    for name, owner in (("b", "olga"), ("c", "otto"), ("a", "olga")):
        await house.register(owner, name)
        house.clock.move(minutes=1)

    async def names(query: DatasetQuery) -> tuple[list[str], int]:
        page = await house.datasets.find(house.people["uma"], query)
        return [view.dataset.name for view in page.items], page.total

    assert await names(DatasetQuery()) == (["b", "c", "a"], 3)
    assert await names(DatasetQuery(Paging(order=("-name",)))) == (["c", "b", "a"], 3)
    assert await names(DatasetQuery(Paging(limit=1, offset=1))) == (["c"], 3)
    assert await names(DatasetQuery(owner_id=house.people["olga"].user_id)) == (["b", "a"], 2)
    assert await raised(names(DatasetQuery(Paging(order=("size",))))) is InvalidInput, "the rows are the owner's"
    project = await house.project("uma")
    assert await names(DatasetQuery(project_id=project.id)) == ([], 0)
    await house.datasets.attach(house.people["uma"], project.id, by_name("c"))
    assert await names(DatasetQuery(project_id=project.id)) == (["c"], 1)
    stranger = await house.datasets.find(house.people["ugo"], DatasetQuery(project_id=project.id))
    assert stranger.total == 0


async def test_a_project_uses_datasets(house: DataHouse) -> None:
    made = await house.register("olga")
    project, uma = await house.project("uma"), house.people["uma"]
    assert await house.datasets.attach(uma, project.id, by_name())
    assert not await house.datasets.attach(uma, project.id, DatasetReference(id=made.dataset.id))
    [view] = await house.datasets.attached(uma, project.id)
    assert (view.dataset.id, view.dataset.meta, view.owns) == (made.dataset.id, "", False)
    assert await raised(house.datasets.attach(house.people["ugo"], project.id, by_name())) is NotFound
    assert await raised(house.datasets.attach(uma, project.id, by_name("none"))) is NotFound
    assert await house.datasets.detach(uma, project.id, by_name())
    for gone in (by_name(), by_name("none")):
        assert not await house.datasets.detach(uma, project.id, gone)


async def test_attaching_at_once_attaches_once(house: DataHouse) -> None:
    await house.register("olga")
    project = await house.project("uma")
    attach = house.datasets.attach
    answers = await asyncio.gather(*(attach(house.people["uma"], project.id, by_name()) for _ in range(4)))
    assert sorted(answers) == [False, False, False, True]


async def test_jobs_read_what_who_starts_them_may_read(house: DataHouse) -> None:
    made = await house.register("olga")
    project, uma = await house.project("uma"), house.people["uma"]
    await house.datasets.attach(uma, project.id, by_name())

    async def ids() -> list[str]:
        async with house.database.read() as work:
            return [dataset.id for dataset in await datasets_for_job(work, uma, project.id)]

    assert await ids() == [made.dataset.id]
    await house.datasets.change(house.people["olga"], made.dataset.id, house.text(data_permissions="[meta]"))
    assert await raised(ids()) is NotPermitted
    assert await raised(house.datasets.attach(uma, project.id, by_name())) is NotPermitted
    await house.datasets.change(house.people["olga"], made.dataset.id, house.text())
    await house.datasets.set_permission(house.people["olga"], by_name(), USERS, 0)
    with pytest.raises(NotPermitted) as caught:
        await ids()
    assert "people" not in caught.value.message
    assert await house.datasets.attached(uma, project.id) == []
    await house.datasets.delete(house.people["olga"], made.dataset.id)
    assert await ids() == []


async def test_metadata_are_sealed_and_open_after_a_rotation(house: DataHouse) -> None:
    made = await house.register("olga")

    async def stored() -> Dataset:
        async with house.database.read() as work:
            found = await work.of(Dataset, EVERYTHING).get(id=made.dataset.id)
        assert found is not None
        return found

    assert "people.csv" not in (await stored()).meta
    assert (await house.keeper.of(await stored())).name == "people"
    both = keyring(f"{KEYRING} {'cd' * 32}")
    assert await seal_datasets_again(house.database, both) == 0
    assert both.is_current((await stored()).meta)
    assert both.open((await stored()).meta, made.dataset.id) == made.dataset.meta
    assert await seal_datasets_again(house.database, keyring("ef" * 32)) == 1
    view: DatasetView = await house.datasets.get(house.people["olga"], made.dataset.id)
    assert view.dataset.meta == "", "this house has the first key alone"
    assert await raised(house.keeper.of(await stored())) is StateConflict
    healed = await house.datasets.change(house.people["olga"], made.dataset.id, house.text())
    assert healed.dataset.meta == house.text()


async def test_large_metadata_are_read_in_another_process(house: DataHouse) -> None:
    made = await house.register("olga", data_stats="x" * 5000, data_sample="[{job: ann@b}]")
    assert len(made.dataset.statistics) == 5000
    with pytest.raises(InvalidInput) as caught:
        await house.register("olga", "other", data_stats="x" * 5000, data_unknown="1")
    assert (caught.value.field, "'data_unknown' is not known" in caught.value.message) == ("meta", True)


async def test_what_happens_is_in_the_audit_trail(house: DataHouse) -> None:
    made = await house.register("olga")
    await house.datasets.delete(house.people["olga"], made.dataset.id)
    async with house.database.read() as work:
        entries = await work.of(AuditEntry, EVERYTHING).find(order=("sequence",), actor="olga@example.com")
    told = [entry.action for entry in entries]
    assert told == ["grant.changed", "grant.changed", "dataset.created", "dataset.deleted"]
    assert "dataset 'people'" in entries[-1].description


async def test_the_default_budget_is_of_who_says_none(house: DataHouse) -> None:
    text = house.text().replace("budget_epsilon: 100.0, ", "")
    view = await house.datasets.create(house.people["olga"], text)
    assert view.budget is not None
    assert view.budget.initial == DEFAULT_BUDGET * NANO
    async with house.database.begin() as work:
        assert (await base_role(work, BaseRole.USER, house.clock)).name == "user"
