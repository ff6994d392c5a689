"""Experiments, runs and what they log, on both databases (contract dq0 4.2, 5.6)."""

from __future__ import annotations

import asyncio
import math

import pytest

from quinta.core.errors import (
    AlreadyExists,
    InvalidInput,
    LimitReached,
    NotFound,
    NotPermitted,
    StateConflict,
    TooLarge,
)
from quinta.core.events import EventName
from quinta.core.pages import Paging
from quinta.core.tracking.experiments import ExperimentQuery
from quinta.core.tracking.logging import Batch, MetricValue, Pair
from quinta.core.tracking.model import RunStatus, Stage
from quinta.core.tracking.runs import NewRun, RunQuery
from quinta.core.tracking.search import RunSearchQuery
from tests.core.tracking_scene import Laboratory, laboratory

__all__ = ["laboratory"]


async def test_experiments_come_and_go(laboratory: Laboratory) -> None:
    uma, experiments = laboratory.people["uma"], laboratory.tracking.experiments
    first = await laboratory.experiment("  first ")
    assert (first.name, first.stage, first.created_by) == ("first", Stage.ACTIVE, uma.user_id)
    with pytest.raises(AlreadyExists):
        await laboratory.experiment("first")
    second = await laboratory.experiment("second")
    assert second.number > first.number
    with pytest.raises(AlreadyExists):
        await experiments.rename(uma, second.id, "first")
    assert (await experiments.rename(uma, second.id, "third")).experiment.name == "third"
    assert (await experiments.delete(uma, first.id)).experiment.stage is Stage.DELETED
    assert (await experiments.delete(uma, first.id)).experiment.stage is Stage.DELETED
    with pytest.raises(StateConflict):
        await experiments.rename(uma, first.id, "fourth")
    again = await laboratory.experiment("first")
    with pytest.raises(AlreadyExists):
        await experiments.restore(uma, first.id)
    await experiments.rename(uma, again.id, "fifth")
    assert (await experiments.restore(uma, first.id)).experiment.stage is Stage.ACTIVE
    page = await experiments.find(uma, ExperimentQuery(Paging(order=("name",)), project_id=laboratory.project.id))
    assert [view.experiment.name for view in page.items] == ["fifth", "first", "third"]
    names = [event.name for event in laboratory.scene.events]
    assert names.count(EventName.EXPERIMENT_DELETED) == names.count(EventName.EXPERIMENT_RESTORED) == 1


async def test_the_chosen_experiment(laboratory: Laboratory) -> None:
    uma, experiments = laboratory.people["uma"], laboratory.tracking.experiments
    chosen = await experiments.choose(uma, laboratory.project.id, "mine")
    assert (await experiments.choose(uma, laboratory.project.id, "mine")).experiment == chosen.experiment
    assert (await experiments.named(uma, laboratory.project.id, "mine")).project.experiment_id == chosen.experiment.id


@pytest.mark.parametrize(
    ("person", "writes", "deletes"),
    [("uma", True, True), ("ed", True, False), ("vera", False, False)],
)
async def test_who_may_what(laboratory: Laboratory, person: str, writes: bool, deletes: bool) -> None:
    actor, tracking = laboratory.people[person], laboratory.tracking
    experiment = await laboratory.experiment()
    run = (await laboratory.run(experiment)).run
    assert (await tracking.runs.find(actor, RunQuery())).total == 1
    assert (await tracking.runs.get(actor, run.id)).run == run
    if writes:
        await laboratory.log(run.id, person, accuracy=1)
        own = await laboratory.run(experiment, person)
        assert (await tracking.runs.delete(actor, own.run.id)).run.stage is Stage.DELETED
    else:
        with pytest.raises(NotPermitted):
            await laboratory.log(run.id, person, accuracy=1)
        with pytest.raises(NotPermitted):
            await laboratory.run(experiment, person)
    if deletes:
        await tracking.runs.delete(actor, run.id)
        await tracking.experiments.delete(actor, experiment.id)
    else:
        with pytest.raises(NotPermitted):
            await tracking.runs.delete(actor, run.id)
        with pytest.raises(NotPermitted):
            await tracking.experiments.delete(actor, experiment.id)


@pytest.mark.parametrize("person", ["eve", "ada"])
async def test_a_stranger_knows_of_nothing(laboratory: Laboratory, person: str) -> None:
    """Nor does an administrator, who is let into a project as everybody else is (decision 0033)."""
    stranger, tracking = laboratory.people[person], laboratory.tracking
    experiment = await laboratory.experiment()
    run = (await laboratory.run(experiment)).run
    await laboratory.keep("uma", run.id, "a.txt")
    assert (await tracking.runs.find(stranger, RunQuery())).total == 0
    assert (await tracking.experiments.find(stranger, ExperimentQuery())).total == 0
    calls = {
        "experiment": tracking.experiments.get(stranger, experiment.id),
        "run": tracking.runs.get(stranger, run.id),
        "history": tracking.runs.history(stranger, run.id, "m", Paging()),
        "log": tracking.logging.log(stranger, run.id, Batch(params=[Pair("a", "b")])),
        "create": tracking.runs.create(stranger, NewRun(experiment.id)),
        "delete": tracking.runs.delete(stranger, run.id),
        "artifact": tracking.artifacts.open(stranger, run.id, "a.txt"),
        "search": tracking.search.search(stranger, RunSearchQuery([experiment.number])),
        "register": tracking.models.register(stranger, run.id),
    }
    for name, call in calls.items():
        with pytest.raises(NotFound) as refusal:
            await call
        assert refusal.value.is_refusal, name
    with pytest.raises(NotFound) as missing:
        await tracking.runs.get(stranger, experiment.id)
    assert not missing.value.is_refusal


async def test_a_metric_has_its_latest_value_and_its_history(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = (await laboratory.run(await laboratory.experiment())).run
    values = [(0, 10, 3.0), (2, 5, 1.0), (1, 99, 9.0), (2, 5, math.nan), (2, 4, 7.0), (2, 5, 2.0)]
    for step, timestamp, value in values:
        batch = Batch([MetricValue("m", value, timestamp, step), MetricValue("other", value, timestamp, step)])
        await tracking.logging.log(uma, run.id, batch)
        await tracking.logging.log(uma, run.id, batch)  # a client that heard no answer sends it again
    view = await tracking.runs.get(uma, run.id)
    assert [(metric.key, metric.step, metric.value) for metric in view.metrics] == [
        ("m", 2, "2.0"),
        ("other", 2, "2.0"),
    ]
    page = await tracking.runs.history(uma, run.id, "m", Paging(limit=4, offset=1))
    assert page.total == len(values)
    assert [(metric.step, metric.timestamp) for metric in page.items] == [(1, 99), (2, 4), (2, 5), (2, 5)]
    assert (await tracking.runs.history(uma, run.id, "none", Paging())).total == 0


async def test_a_batch_is_written_whole_or_not_at_all(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = (await laboratory.run(await laboratory.experiment())).run
    await tracking.logging.log(uma, run.id, Batch(params=[Pair("lr", "1"), Pair("lr", "1")], tags=[Pair("t", "1")]))
    everything = Batch([MetricValue("m", 1, 1)], [Pair("new", "x"), Pair("lr", "2")], [Pair("t", "2")])
    with pytest.raises(InvalidInput, match="written once"):
        await tracking.logging.log(uma, run.id, everything)
    view = await tracking.runs.get(uma, run.id)
    assert ([param.key for param in view.params], view.metrics) == (["lr"], ())
    assert [(tag.key, tag.value) for tag in view.tags] == [("t", "1")]
    await tracking.logging.log(uma, run.id, Batch(everything.metrics, [Pair("lr", "1")], everything.tags))
    view = await tracking.runs.get(uma, run.id)
    assert ([metric.value for metric in view.metrics], [tag.value for tag in view.tags]) == (["1.0"], ["2"])
    await tracking.logging.remove_tag(uma, run.id, "t")
    with pytest.raises(NotFound):
        await tracking.logging.remove_tag(uma, run.id, "t")


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        (Batch([MetricValue("m", 1, 1, step) for step in range(1_001)]), InvalidInput),
        (Batch(params=[Pair(f"p{n}", "x") for n in range(101)]), InvalidInput),
        (Batch(tags=[Pair(f"t{n}", "x") for n in range(101)]), InvalidInput),
        (Batch([MetricValue("m", 1, 1, step) for step in range(1_000)], [Pair("p", "x")]), InvalidInput),
        (Batch([MetricValue("m", 1, 1, 2**63)]), InvalidInput),
        (Batch(params=[Pair("p", "x" * 6_001)]), TooLarge),
        (Batch(tags=[Pair("t", "x" * 8_001)]), TooLarge),
        (Batch(params=[Pair("p", "\0")]), InvalidInput),
        *(
            (Batch(tags=[Pair(key, "x")]), InvalidInput)
            for key in ("", "../x", "/x", "a//b", "a/../b", "a\nb", "k" * 251)
        ),
    ],
)
async def test_batches_that_break_a_rule(laboratory: Laboratory, batch: Batch, error: type[Exception]) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = (await laboratory.run(await laboratory.experiment())).run
    with pytest.raises(error):
        await tracking.logging.log(uma, run.id, batch)
    assert (await tracking.runs.get(uma, run.id)).metrics == ()


async def test_the_largest_batches_are_taken(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = (await laboratory.run(await laboratory.experiment())).run
    await tracking.logging.log(uma, run.id, Batch([MetricValue("m", step, 1, step) for step in range(1_000)]))
    pairs = [Pair(f"a name/with: all-kinds_of.characters {n}", "x" * 6_000) for n in range(100)]
    await tracking.logging.log(uma, run.id, Batch(params=pairs, tags=pairs))
    view = await tracking.runs.get(uma, run.id)
    assert ([metric.value for metric in view.metrics], len(view.params), len(view.tags)) == (["999.0"], 100, 100)


async def test_a_run_has_so_many_names_and_no_more(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = (await laboratory.run(await laboratory.experiment())).run
    for start in range(0, 2_000, 1_000):
        metrics = [MetricValue(f"m{n}", n, 1) for n in range(start, start + 1_000)]
        await tracking.logging.log(uma, run.id, Batch(metrics))
    await tracking.logging.log(uma, run.id, Batch([MetricValue("m7", 7, 2)]))
    with pytest.raises(LimitReached):
        await tracking.logging.log(uma, run.id, Batch([MetricValue("one-more", 7, 2)]))


async def test_values_that_are_logged_at_once(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    run = (await laboratory.run(await laboratory.experiment())).run
    batches = [Batch([MetricValue("m", step, step, step)], tags=[Pair("t", str(step))]) for step in range(10)]
    await asyncio.gather(*(tracking.logging.log(uma, run.id, batch) for batch in batches))
    assert [metric.step for metric in (await tracking.runs.get(uma, run.id)).metrics] == [9]
    assert (await tracking.runs.history(uma, run.id, "m", Paging())).total == 10


async def test_a_run_ends_and_is_deleted_and_restored(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    experiment = await laboratory.experiment()
    run = (await laboratory.run(experiment, note="x")).run
    assert (run.status, run.ended_at) == (RunStatus.RUNNING, None)
    laboratory.scene.clock.move(minutes=1)
    ended = (await tracking.runs.change(uma, run.id, status=RunStatus.FINISHED, name="a name")).run
    assert (ended.status, ended.ended_at, ended.name) == (RunStatus.FINISHED, laboratory.scene.clock.now(), "a name")
    await tracking.runs.delete(uma, run.id)
    assert (await tracking.runs.find(uma, RunQuery(experiment_id=experiment.id))).total == 0
    assert (await tracking.runs.find(uma, RunQuery(experiment_id=experiment.id, stage=None))).total == 1
    with pytest.raises(NotFound, match="restore"):
        await laboratory.log(run.id, m=1)
    assert [tag.value for tag in (await tracking.runs.restore(uma, run.id)).tags] == ["x"]
    await laboratory.log(run.id, m=1)
    await tracking.experiments.delete(uma, experiment.id)
    with pytest.raises(StateConflict):
        await laboratory.run(experiment)


async def test_searching(laboratory: Laboratory) -> None:
    uma, tracking = laboratory.people["uma"], laboratory.tracking
    experiment, other = await laboratory.experiment(), await laboratory.experiment("other")
    ids = []
    for n in range(5):
        laboratory.scene.clock.move(minutes=1)
        view = await laboratory.run(experiment, parity="odd" if n % 2 else "even")
        await laboratory.log(view.run.id, score=n)
        ids.append(view.run.id)
    await laboratory.run(other)
    await tracking.runs.delete(uma, ids[4])

    async def found(text: str, *orders: str, limit: int = 1_000, offset: int = 0) -> list[int]:
        query = RunSearchQuery([experiment.number], text, orders, limit=limit, offset=offset)
        return [ids.index(view.run.id) for view in (await tracking.search.search(uma, query)).runs]

    assert await found("") == [3, 2, 1, 0]
    assert await found("metrics.score >= 1 AND tags.parity = 'odd'") == [3, 1]
    assert await found("", "tags.parity ASC", "metrics.score DESC") == [2, 0, 3, 1]
    assert await found("", "metrics.score", limit=2, offset=1) == [1, 2]
    assert await found(f"run_id IN ('{ids[0]}', '{ids[2]}')") == [2, 0]
    assert await found("status = 'RUNNING' AND status != 'FAILED'") == [3, 2, 1, 0]
    assert await found("status = 'NEVER HEARD OF'") == []
    assert await found(f"user_id = '{uma.email}' AND start_time > 1") == [3, 2, 1, 0]
    everything = RunSearchQuery([experiment.number, other.number], stage=None, limit=5)
    page = await tracking.search.search(uma, everything)
    assert (len(page.runs), page.more) == (5, True)
    with pytest.raises(InvalidInput):
        await found("", limit=0)
