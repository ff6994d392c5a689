"""What runs log: metrics, parameters and tags (contract dq0 4.2, 7.2; the rules are MLflow's)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import InvalidInput, LimitReached, NotFound, NotPermitted
from quinta.core.ports import Repository, Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.model import Run, RunMetric, RunParam, RunTag, Source
from quinta.core.tracking.rules import (
    LARGEST_NUMBER,
    LONGEST_PARAM,
    LONGEST_TAG,
    MOST_ENTITIES,
    MOST_KEYS,
    MOST_METRICS,
    MOST_PARAMS,
    MOST_TAGS,
    check_key,
    check_value,
)
from quinta.core.tracking.visibility import active_run_at
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class MetricValue:
    """``timestamp`` is in milliseconds since 1970; ``value`` may be any float."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A parameter or a tag."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written together or not at all."""

    metrics: Sequence[MetricValue] = ()
    params: Sequence[Pair] = ()
    tags: Sequence[Pair] = ()


class RunLogging:
    """Use cases of those who log from outside. What jobs made is written by the server alone: their runs are
    NotPermitted here, so that nobody puts words into the mouth of a private training."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def log(self, actor: Actor, run_id: str, batch: Batch) -> None:
        """Writes the batch, whole or not at all. InvalidInput, TooLarge, LimitReached: what is wrong with it."""
        check_batch(batch)
        async with self._store.begin() as work:
            run = await writable_run(work, actor, run_id)
            await record(work, run, batch, Source.USER)

    async def remove_tag(self, actor: Actor, run_id: str, key: str) -> None:
        """NotFound for a tag that the run does not have."""
        async with self._store.begin() as work:
            run = await writable_run(work, actor, run_id)
            if not await work.of(RunTag, EVERYTHING).remove(run_id=run.id, key=key):
                raise NotFound(f"the run has no tag '{key[:80]}'")


async def writable_run(work: UnitOfWork, actor: Actor, run_id: str) -> Run:
    """A run that the actor may write to from outside."""
    run = await active_run_at(work, actor, run_id, PermissionLevel.WRITE)
    if run.job_id is not None:
        raise NotPermitted("a job of this server writes this run: nothing is added from outside")
    return run


def check_batch(batch: Batch) -> None:
    """InvalidInput or TooLarge: what breaks a rule, before anything is written."""
    counts = ((batch.metrics, MOST_METRICS, "metrics"), (batch.params, MOST_PARAMS, "params"))
    for items, most, noun in (*counts, (batch.tags, MOST_TAGS, "tags")):
        if len(items) > most:
            raise InvalidInput(f"{len(items)} {noun} at once; at most {most}", field=noun)
    if len(batch.metrics) + len(batch.params) + len(batch.tags) > MOST_ENTITIES:
        raise InvalidInput(f"more than {MOST_ENTITIES} metrics, params and tags at once", field="metrics")
    for metric in batch.metrics:
        check_key(metric.key, "metric")
        if abs(metric.step) > LARGEST_NUMBER or abs(metric.timestamp) > LARGEST_NUMBER:
            raise InvalidInput(f"the step or timestamp of metric '{metric.key}' needs more than 64 bits", field="step")
    for pair in batch.params:
        check_key(pair.key, "parameter")
        check_value(pair.value, f"parameter '{pair.key}'", LONGEST_PARAM)
    for pair in batch.tags:
        check_key(pair.key, "tag")
        check_value(pair.value, f"tag '{pair.key}'", LONGEST_TAG)


async def record(work: UnitOfWork, run: Run, batch: Batch, source: Source) -> None:
    """Writes a batch that ``check_batch`` took into the run, whoever asks.

    A name is the platform's or user code's, never both's, so that nothing of user code is shown as the platform's:
    what user code says under a name of the platform's is InvalidInput, and what the platform says replaces it.
    """
    await work.of(Run, EVERYTHING).lock(run.id)  # two that log at once find each other's latest values
    if source is Source.PLATFORM:
        await _make_way(work, run, batch)
    if batch.metrics:
        await _record_metrics(work, run, batch.metrics, source)
    if batch.params:
        await _record_params(work, run, batch.params, source)
    if batch.tags:
        await _record_tags(work, run, batch.tags, source)


async def _make_way(work: UnitOfWork, run: Run, batch: Batch) -> None:
    """Removes what user code wrote under names that the platform writes now."""
    if batch.metrics:
        keys = {value.key for value in batch.metrics}
        await work.of(RunMetric, EVERYTHING).remove(run_id=run.id, key=keys, source=Source.USER)
    if batch.params:
        keys = {pair.key for pair in batch.params}
        await work.of(RunParam, EVERYTHING).remove(run_id=run.id, key=keys, source=Source.USER)
    if batch.tags:
        keys = {pair.key for pair in batch.tags}
        await work.of(RunTag, EVERYTHING).remove(run_id=run.id, key=keys, source=Source.USER)


async def _record_metrics(work: UnitOfWork, run: Run, values: Sequence[MetricValue], source: Source) -> None:
    metrics = work.of(RunMetric, EVERYTHING)
    latest = {metric.key: metric for metric in await metrics.find(run_id=run.id, latest=True)}
    keys = {value.key for value in values}
    _check_room(len(keys.union(latest)), "metrics")
    _check_source([latest[key] for key in keys if key in latest], source)
    known = await _already_there(metrics, run, values)
    added: dict[tuple[object, ...], RunMetric] = {}
    for value in values:
        text = repr(float(value.value))
        identity = (value.key, text, value.step, value.timestamp)
        if identity not in known:
            added[identity] = RunMetric(
                new_id(), run.id, value.key, text, value.step, value.timestamp, source, latest=False
            )
    best = dict(latest)
    for metric in added.values():
        if metric.key not in best or _place(metric) > _place(best[metric.key]):
            best[metric.key] = metric
    for key, before in latest.items():
        if best[key].id != before.id:
            await metrics.change(before.id, latest=False)
    winners = {metric.id for metric in best.values()}
    await metrics.add(
        *(
            RunMetric(it.id, it.run_id, it.key, it.value, it.step, it.timestamp, it.source, latest=it.id in winners)
            for it in added.values()
        )
    )


async def _already_there(
    metrics: Repository[RunMetric], run: Run, values: Sequence[MetricValue]
) -> set[tuple[object, ...]]:
    """Those of the values that the run has: a client that heard no answer sends its batch again."""
    found = await metrics.find(
        run_id=run.id,
        key={value.key for value in values},
        timestamp={value.timestamp for value in values},
        step={value.step for value in values},
    )
    return {(metric.key, metric.value, metric.step, metric.timestamp) for metric in found}


def _place(metric: RunMetric) -> tuple[int, int, bool, float]:
    """By which the latest of a key is found: nan is less than every number."""
    value = float(metric.value)
    return metric.step, metric.timestamp, not math.isnan(value), 0.0 if math.isnan(value) else value


async def _record_params(work: UnitOfWork, run: Run, pairs: Sequence[Pair], source: Source) -> None:
    params = work.of(RunParam, EVERYTHING)
    found = await params.find(run_id=run.id)
    _check_source([param for param in found if any(param.key == pair.key for pair in pairs)], source)
    known = {param.key: param.value for param in found}
    added: dict[str, str] = {}
    for pair in pairs:
        before = known.get(pair.key, added.get(pair.key))
        if before is not None and before != pair.value:
            raise InvalidInput(
                f"the parameter '{pair.key}' was logged with another value; a parameter is written once", field="key"
            )
        if pair.key not in known:
            added[pair.key] = pair.value
    _check_room(len(known) + len(added), "parameters")
    await params.add(*(RunParam(new_id(), run.id, key, value, source) for key, value in added.items()))


async def _record_tags(work: UnitOfWork, run: Run, pairs: Sequence[Pair], source: Source) -> None:
    tags = work.of(RunTag, EVERYTHING)
    known = {tag.key: tag for tag in await tags.find(run_id=run.id)}
    wanted = {pair.key: pair.value for pair in pairs}
    _check_room(len(wanted.keys() | known.keys()), "tags")
    _check_source([known[key] for key in wanted if key in known], source)
    for key, value in wanted.items():
        if key in known:
            await tags.change(known[key].id, value=value)
    await tags.add(*(RunTag(new_id(), run.id, key, value, source) for key, value in wanted.items() if key not in known))


def _check_room(count: int, noun: str) -> None:
    if count > MOST_KEYS:
        raise LimitReached(f"a run has at most {MOST_KEYS} different {noun}")


def _check_source(replaced: Sequence[RunMetric | RunParam | RunTag], source: Source) -> None:
    if source is Source.USER and any(item.source is Source.PLATFORM for item in replaced):
        raise InvalidInput("the platform has written this name of the run: choose another one", field="key")
