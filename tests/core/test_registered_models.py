"""Registered models on both databases: what may become one, what it costs, who says what it may be used for (contract
dq0 4.2, 5.4, 5.6, 5.7)."""

from __future__ import annotations

import pytest

from quinta.core.datasets.model import NANO, BudgetCharge, ChargeState, Dataset, PrivacyBudget
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, StateConflict
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.logging import Batch, MetricValue, record
from quinta.core.tracking.model import CheckerStatus, ModelPermission, Run, Source
from quinta.core.tracking.registry import ModelQuery
from quinta.kit.ids import new_id
from tests.clocks import NOON
from tests.core.tracking_scene import Laboratory, laboratory

__all__ = ["laboratory"]


async def private(laboratory: Laboratory, run: Run, source: Source = Source.PLATFORM) -> None:
    """Its training says what it cost: epsilon 2.5."""
    async with laboratory.scene.database.begin() as work:
        batch = Batch([MetricValue("epsilon", 2.5, 1), MetricValue("delta", 1e-5, 1)])
        await record(work, run, batch, source)


async def data(laboratory: Laboratory, owner: str = "olga") -> Dataset:
    """With a budget of 10."""
    dataset = await laboratory.scene.dataset(owner, laboratory.people[owner])
    async with laboratory.scene.database.begin() as work:
        budget = PrivacyBudget(new_id(), dataset.id, 10 * NANO, 10 * NANO, None, NOON, NOON, NOON)
        await work.of(PrivacyBudget, EVERYTHING).add(budget)
    return dataset


async def test_a_model_of_a_run_from_outside(laboratory: Laboratory) -> None:
    uma, models = laboratory.people["uma"], laboratory.tracking.models
    run = (await laboratory.run(await laboratory.experiment())).run
    with pytest.raises(NotFound, match="model location does not exist"):
        await models.register(uma, run.id)
    await laboratory.keep("uma", run.id, "pyfunc_model/MLmodel")
    view = await models.register(uma, run.id)
    assert (view.model.location, view.model.permissions) == ("pyfunc_model", tuple(ModelPermission))
    assert (view.model.name, view.model.epsilon, view.run.run.id) == (laboratory.project.title, None, run.id)
    for path in ("pyfunc_model/MLmodel", "none"):
        with pytest.raises(NotFound):
            await models.register(uma, run.id, path)
    with pytest.raises(InvalidInput):
        await models.register(uma, run.id, "../pyfunc_model")
    changed = await models.change(uma, view.model.id, name="mine", description="d", permissions=["predict_allowed"])
    assert (changed.model.name, changed.model.description) == ("mine", "d")
    assert changed.model.permissions == (ModelPermission.PREDICT,)
    with pytest.raises(InvalidInput):
        await models.change(uma, view.model.id, permissions=["anything"])
    [found] = (await models.find(uma, ModelQuery(project_id=laboratory.project.id))).items
    assert found.model == (await models.get(uma, view.model.id)).model == changed.model
    await models.unregister(uma, view.model.id)
    with pytest.raises(NotFound):
        await models.get(uma, view.model.id)
    assert (await laboratory.tracking.artifacts.tree(uma, run.id)).entries


async def test_who_may_what(laboratory: Laboratory) -> None:
    models = laboratory.tracking.models
    run = (await laboratory.run(await laboratory.experiment())).run
    await laboratory.keep("uma", run.id, "pyfunc_model/MLmodel")
    with pytest.raises(NotPermitted):
        await models.register(laboratory.people["vera"], run.id)
    view = await models.register(laboratory.people["uma"], run.id)
    with pytest.raises(NotFound):
        await models.get(laboratory.people["eve"], view.model.id)
    assert (await models.find(laboratory.people["eve"], ModelQuery())).total == 0
    assert (await models.get(laboratory.people["vera"], view.model.id)).model == view.model
    with pytest.raises(NotPermitted):
        await models.change(laboratory.people["vera"], view.model.id, name="hers")
    ed = laboratory.people["ed"]
    assert (await models.change(ed, view.model.id, name="his")).model.name == "his"
    with pytest.raises(NotPermitted):
        await models.change(ed, view.model.id, permissions=[])
    with pytest.raises(NotPermitted):
        await models.unregister(ed, view.model.id)
    own = await models.register(ed, run.id)
    await models.unregister(ed, own.model.id)


async def check(laboratory: Laboratory, model_id: str, *allowed: ModelPermission) -> None:
    """The checker's verdict: passed."""
    async with laboratory.scene.database.begin() as work:
        await laboratory.tracking.models.set_check(work, model_id, CheckerStatus.PASSED, "{}", allowed)


async def test_what_a_private_training_cost_is_spent_when_its_model_is_registered(laboratory: Laboratory) -> None:
    dataset = await data(laboratory)
    run = await laboratory.job_run(2, [dataset])
    await private(laboratory, run)
    async with laboratory.scene.database.begin() as work:
        assert run.job_id is not None
        await laboratory.budgets.reserve(work, [dataset.id], run.job_id, None, 5 * NANO // 2)
    uma, models = laboratory.people["uma"], laboratory.tracking.models
    view = await models.register(uma, run.id, "platform")
    assert (view.model.epsilon, view.model.delta, view.model.permissions) == (5 * NANO // 2, 1e-5, ())
    async with laboratory.scene.database.read() as work:
        [charge] = await work.of(BudgetCharge, EVERYTHING).find(dataset_id=dataset.id)
    assert charge.state is ChargeState.SETTLED
    await check(laboratory, view.model.id, ModelPermission.PREDICT_PROBABILITIES)
    checked = (await models.get(uma, view.model.id)).model
    assert checked.permissions == (ModelPermission.PREDICT_PROBABILITIES,)
    # Only who answers for the data says what the model may be used for, if the checker is not to have the last word.
    for person in ("uma", "ed"):
        with pytest.raises(NotPermitted):
            await models.change(laboratory.people[person], view.model.id, permissions=["predict_allowed"])
    allowed = await models.change(laboratory.people["olga"], view.model.id, permissions=["predict_allowed"])
    assert allowed.model.permissions == (ModelPermission.PREDICT,)
    both = list(ModelPermission)
    assert set((await models.change(laboratory.people["ada"], view.model.id, permissions=both)).model.permissions) == {
        *both
    }
    await models.change(laboratory.people["ada"], view.model.id, permissions=["predict_allowed"])
    for person in ("olga", "ada"):
        with pytest.raises(NotFound):
            await models.change(laboratory.people[person], view.model.id, name="hers")
        with pytest.raises(NotFound):
            await models.unregister(laboratory.people[person], view.model.id)
    with pytest.raises(NotFound):
        await models.get(laboratory.people["ada"], view.model.id)
    await check(laboratory, view.model.id, *ModelPermission)
    checked = (await models.get(uma, view.model.id)).model
    assert (checked.checker_status, checked.permissions) == (CheckerStatus.PASSED, (ModelPermission.PREDICT,))


async def test_what_owners_forbid_no_new_registration_allows(laboratory: Laboratory) -> None:
    run = await laboratory.job_run(1, [await data(laboratory)])
    await private(laboratory, run)
    uma, olga, models = laboratory.people["uma"], laboratory.people["olga"], laboratory.tracking.models
    first = (await models.register(uma, run.id, "platform")).model
    await check(laboratory, first.id, *ModelPermission)
    assert (await models.get(uma, first.id)).model.permissions == tuple(ModelPermission)
    await models.change(olga, first.id, permissions=[])
    await models.unregister(uma, first.id)
    again = (await models.register(uma, run.id, "platform")).model
    await check(laboratory, again.id, *ModelPermission)
    assert (await models.get(uma, again.id)).model.permissions == ()
    assert (await models.change(olga, again.id, permissions=["predict_allowed"])).model.permissions == (
        ModelPermission.PREDICT,
    )


@pytest.mark.parametrize("level", [1, 2])
async def test_what_was_not_trained_privately_waits_for_its_owners(laboratory: Laboratory, level: int) -> None:
    run = await laboratory.job_run(level, [await data(laboratory)])
    await private(laboratory, run, Source.USER)  # that user code says so proves nothing
    uma, models = laboratory.people["uma"], laboratory.tracking.models
    with pytest.raises(StateConflict, match="approve"):
        await models.register(uma, run.id, "platform")
    await laboratory.approve(run)
    assert (await models.register(uma, run.id, "platform")).model.epsilon is None
    assert (await models.register(uma, run.id, "user")).model.permissions == ()


async def test_public_data_leave_a_model_that_may_be_used(laboratory: Laboratory) -> None:
    run = await laboratory.job_run(0, [await data(laboratory)])
    view = await laboratory.tracking.models.register(laboratory.people["uma"], run.id, "user")
    assert view.model.permissions == tuple(ModelPermission)
